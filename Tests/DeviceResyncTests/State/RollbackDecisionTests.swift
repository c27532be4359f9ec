import Testing

@testable import DeviceResync

@Suite("whether one may go back") struct RollbackDecisionTests {
  static let consistent = Consistency.settled(.consistent(at: .sample(60)))

  static func state(
    _ consistency: Consistency = consistent, _ number: UInt128 = 100,
    pairs: [RelationshipState.Pair] = [samplePair("a", "b")], keeps: Bool = true
  ) -> RelationshipState {
    var state = sampleRelationship(number, pairs, consistency)
    if keeps { state.recoveryPoint = samplePoint(pairs: pairs.count) }
    return state
  }

  /// What happens where `b` is named, and every disk is what the first relationship says.
  static func decide(
    _ states: [RelationshipState], held: Set<UniqueID> = [], disk: Consistency.Settled? = nil
  ) -> RollbackDecision {
    var disks: [PersistentIdentity: DiskRecord] = [:]
    for pair in states[0].pairs {
      var record = DiskRecord(pair.recovery)
      if case .settled(let settled) = states[0].consistency { record.state = disk ?? settled }
      disks[pair.recovery.identity] = record
    }
    return RollbackFacts(
      named: [(sampleDisk("b").identity, "/dev/b")], relationships: states, disks: disks, held: held
    ).decide()
  }

  static func refusal(_ decision: RollbackDecision) -> ResyncError? {
    if case .refuse(let error) = decision { return error }
    return nil
  }

  @Test(
    "over a run that went through, every block must be what it wrote; over one that did not, old ones may be there"
  )
  func strictness() {
    for settled: Consistency.Settled in [
      .consistent(at: .sample(60)), .fuzzy(from: .sample(), to: .sample(60)),
    ] {
      let state = Self.state(.settled(settled))
      #expect(Self.decide([state]) == .goBack(state, isStrict: true))
    }
    // Of the run itself, and of a way back that did not come to its end.
    for number: UInt128 in [1, 50] {
      let left = Consistency.settled(
        .inconsistent(.init(since: .sample(60), run: sampleRun(number), seal: nil)))
      #expect(Self.decide([Self.state(left)]) == .goBack(Self.state(left), isStrict: false))
    }
  }

  @Test("a stop between the records at a run's end: the disk was left by the relationship, and by no other")
  func endedBetween() {
    let left = Consistency.settled(.inconsistent(.init(since: .sample(60), run: sampleRun(1), seal: nil)))
    let one = Self.state(left)
    for (relationship, at, isLast) in [(100, 60, true), (101, 60, false), (100, 61, false)] {
      var record = DiskRecord(one.pairs[0].recovery)
      record.state = .consistent(at: .sample(60))
      record.directions = [
        .init(
          counterpart: one.pairs[0].primary.identity, side: .recovery, at: .sample(Int64(at)),
          relationship: UniqueID(UInt128(relationship)))
      ]
      let decision = RollbackFacts(
        named: [(sampleDisk("b").identity, "/dev/b")], relationships: [one],
        disks: [one.pairs[0].recovery.identity: record], held: []
      ).decide()
      #expect((decision == .goBack(one, isStrict: false)) == isLast, "\(relationship) \(at): \(decision)")
    }
  }

  @Test("nothing is kept, a later run left it Inconsistent, or a run is unfinished: 32775 with the way out")
  func refused() {
    let later = Consistency.settled(.inconsistent(.init(since: .sample(60), run: sampleRun(2), seal: nil)))
    let run = sampleRun()
    let cases: [(RelationshipState, String)] = [
      (Self.state(keeps: false), "--recovery-point"), (Self.state(later), "resynchronize it"),
      (Self.state(.applying(run, sampleSeal(of: run))), "vmresync repair"),
      (Self.state(.resynchronizing(run, before: .never)), "vmresync repair"),
    ]
    for (state, remedy) in cases {
      let error = Self.refusal(Self.decide([state]))
      #expect(error?.returnValue == .invalidState && error?.remedy?.contains(remedy) == true, "\(state)")
    }
    // Of other pairs, too.
    let other = Self.state(
      .applying(run, sampleSeal(of: run)), 101, pairs: [samplePair("c", "b")], keeps: false)
    #expect(Self.refusal(Self.decide([Self.state(), other]))?.returnValue == .invalidState)
  }

  @Test("a run of other pairs has written the disk since: 32775, as the disk's own record says")
  func superseded() {
    let error = Self.refusal(Self.decide([Self.state()], disk: .consistent(at: .sample(90))))
    #expect(error?.returnValue == .invalidState && error?.reason?.contains("other pairs") == true)
  }

  @Test("of several that keep something, the one whose run wrote the disk last")
  func several() {
    let older = Self.state(.settled(.consistent(at: .sample(1))), 99, pairs: [samplePair("x", "b")])
    let state = Self.state()
    var disk = DiskRecord(sampleDisk("b"))
    disk.state = .consistent(at: .sample(60))
    let facts = RollbackFacts(
      named: [(sampleDisk("b").identity, "/dev/b")], relationships: [older, state],
      disks: [disk.disk.identity: disk], held: [])
    #expect(facts.decide() == .goBack(state, isStrict: true))
  }

  @Test("a run works on it, or on what it is the primary of: 32774")
  func busy() {
    let state = Self.state()
    #expect(Self.refusal(Self.decide([state], held: [state.id]))?.returnValue == .systemInUse)
    let chained = Self.state(Self.consistent, 101, pairs: [samplePair("b", "c")], keeps: false)
    #expect(Self.refusal(Self.decide([state, chained], held: [chained.id]))?.returnValue == .systemInUse)
    #expect(Self.decide([state, chained]) == .goBack(state, isStrict: true))
  }
}
