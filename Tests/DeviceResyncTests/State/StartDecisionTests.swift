import Testing

@testable import DeviceResync

@Suite struct StartDecisionTests {
  static let run = sampleRun()
  static let seal = sampleSeal(of: run)
  static let inconsistent = Consistency.settled(.inconsistent(.init(since: .sample(), run: run, seal: seal)))

  /// What a start on `named` does with one relationship, a → b.
  func decide(
    _ consistency: Consistency, named: RelationshipState.Pair = samplePair("a", "b"),
    for purpose: StartFacts.Purpose = .resync, held: Bool = false, staging: StartFacts.Staging = .sealed
  ) -> StartDecision {
    let relationship = sampleRelationship(100, [samplePair("a", "b")], consistency)
    var disk = DiskRecord(sampleDisk("b"))
    if case .settled(let settled) = consistency { disk.state = settled }
    return StartFacts(
      purpose: purpose, pairs: [named], relationships: [relationship], disks: [disk.disk.identity: disk],
      held: held ? [relationship.id] : [], staging: [relationship.id: staging]
    ).decide()
  }

  func relationship(_ consistency: Consistency) -> RelationshipState {
    sampleRelationship(100, [samplePair("a", "b")], consistency)
  }

  @Test(
    "a relationship at rest stops no run that writes its recovery",
    arguments: [
      Consistency.settled(.never), .settled(.consistent(at: .sample())),
      .settled(.fuzzy(from: .sample(), to: .sample(1))), inconsistent,
    ])
  func settled(consistency: Consistency) {
    #expect(decide(consistency) == .proceed)
    #expect(decide(consistency, named: samplePair("x", "b")) == .proceed)
  }

  @Test("what never committed is dropped, whatever its staging file says")
  func resynchronizing() {
    let state = Consistency.resynchronizing(Self.run, before: .consistent(at: .sample()))
    for purpose in [StartFacts.Purpose.resync, .repair] {
      #expect(decide(state, for: purpose) == .dropStaging(Self.run, of: relationship(state)))
    }
    #expect(decide(state, named: samplePair("a", "c")) == .proceed)
    #expect(decide(state, named: samplePair("b", "c")) == .proceed)
  }

  @Test("a commit with its sealed staging file is finished, also where another primary is named")
  func applying() {
    let state = Consistency.applying(Self.run, Self.seal)
    #expect(decide(state) == .rollForward(relationship(state)))
    #expect(decide(state, for: .repair) == .rollForward(relationship(state)))
    #expect(decide(state, named: samplePair("x", "b")) == .rollForward(relationship(state)))
    #expect(decide(state, named: samplePair("a", "c")) == .proceed)
  }

  @Test(
    "a commit without its staging file becomes Inconsistent, 32775 names the file, the file system, both ways out"
  )
  func applyingWithout() throws {
    let decision = decide(.applying(Self.run, Self.seal), staging: .unusable("it is gone"))
    guard case .giveUp(let relationship, let error) = decision else {
      Issue.record("\(decision)")
      return
    }
    #expect(relationship.id == UniqueID(100))
    #expect(error.returnValue == .invalidState)
    for part in ["/var/lib/vmresync/staging/", "fs-1", "it is gone", "vmresync repair", "from its primary"] {
      #expect("\(error)".contains(part))
    }
  }

  @Test("only a repair takes a commit up again that was given up, and only with its staging file")
  func givenUp() {
    #expect(decide(Self.inconsistent, for: .repair) == .rollForward(relationship(Self.inconsistent)))
    let decision = decide(Self.inconsistent, for: .repair, staging: .unusable("it is gone"))
    guard case .refuse(let error) = decision else {
      Issue.record("\(decision)")
      return
    }
    #expect(error.returnValue == .invalidState)
    #expect("\(error)".contains("it is gone") && "\(error)".contains("from its primary"))
  }

  @Test("what was given up is not taken up again when a run of other pairs has written the recovery since")
  func superseded() {
    let relationship = sampleRelationship(100, [samplePair("a", "b")], Self.inconsistent)
    func decide(_ state: Consistency.Settled?) -> StartDecision {
      var disk = DiskRecord(sampleDisk("b"))
      disk.state = state
      return StartFacts(
        purpose: .repair, pairs: relationship.pairs, relationships: [relationship],
        disks: [disk.disk.identity: disk], held: [], staging: [relationship.id: .sealed]
      ).decide()
    }
    #expect(decide(.consistent(at: .sample(9))) == .proceed)
    #expect(
      decide(.inconsistent(.init(since: .sample(9), run: sampleRun(2, .inPlace), seal: nil))) == .proceed)
    #expect(
      decide(.inconsistent(.init(since: .sample(9), run: Self.run, seal: Self.seal)))
        == .rollForward(relationship))
  }

  @Test(
    "a primary that is Inconsistent or Applying is not read: 32775",
    arguments: [inconsistent, .applying(run, seal)])
  func unfitPrimary(consistency: Consistency) {
    guard case .refuse(let error) = decide(consistency, named: samplePair("b", "c")) else {
      Issue.record("not refused")
      return
    }
    #expect(error.returnValue == .invalidState)
    #expect(error.side == .primary)
  }

  @Test(
    "a run that works on a disk which either of the two writes is in the way: 32774",
    arguments: ["ab", "xb", "bc", "xa"])
  func held(named: String) {
    let names = named.map(String.init)
    let decision = decide(
      .resynchronizing(Self.run, before: .never), named: samplePair(names[0], names[1]), held: true)
    guard case .refuse(let error) = decision else {
      Issue.record("\(decision)")
      return
    }
    #expect(error.returnValue == .systemInUse)
  }

  @Test(
    "after a restart a disk without a lasting name is not read where it may be one with mixed blocks: 32775")
  func namesake() throws {
    func disk(_ boot: UInt128, path: String = "/dev/vdb") throws -> RelationshipState.Disk {
      RelationshipState.Disk(
        identity: try #require(PersistentIdentity(parts: ["boot-\(UniqueID(boot))", "device-8:0"])),
        path: path,
        size: 4096)
    }
    let left = RelationshipState.Pair(primary: sampleDisk("a"), recovery: try disk(1))
    func decide(_ primary: RelationshipState.Disk) -> StartDecision {
      StartFacts(
        purpose: .resync, pairs: [.init(primary: primary, recovery: sampleDisk("c"))], relationships: [],
        unrecognizable: [sampleRelationship(100, [left], Self.inconsistent)], disks: [:], held: [],
        staging: [:]
      ).decide()
    }
    guard case .refuse(let error) = decide(try disk(2)) else {
      Issue.record("not refused")
      return
    }
    #expect(error.returnValue == .invalidState)
    #expect(decide(try disk(2, path: "/dev/vdc")) == .proceed)
    #expect(decide(try disk(1)) == .proceed)
    #expect(decide(sampleDisk("a")) == .proceed)
  }

  @Test("one primary may be read by two runs")
  func sharedPrimary() {
    let state = Consistency.resynchronizing(Self.run, before: .never)
    #expect(decide(state, named: samplePair("a", "c"), held: true) == .proceed)
  }
}
