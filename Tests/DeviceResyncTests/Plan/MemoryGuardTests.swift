import Testing

@testable import DeviceResync

/// Guards of what is remembered of the disks, and of what a first run finds on them.
@Suite struct MemoryGuardTests {
  private static func content(_ type: DeviceText, _ uuid: DeviceText?) -> ProbedContent {
    ProbedContent(
      outcome: .probed,
      signatures: [Signature(type: type, usage: nil, uuid: uuid, label: nil, version: nil, offset: 0)])
  }

  private static func table(_ id: DeviceText?) -> ProbedContent {
    ProbedContent(
      outcome: .probed,
      partitionTable: PartitionTable(type: "gpt", id: id, entries: [], entriesLeftOut: 0))
  }

  private static func holding(
    _ primary: ProbedContent, _ recovery: ProbedContent, zeroEnds: Bool? = false
  )
    -> (inout Scene) -> Void
  {
    { scene in
      scene.edits[.primary] = {
        $0.content = primary
        $0.hasZeroEnds = zeroEnds
      }
      scene.edits[.recovery] = { $0.content = recovery }
    }
  }

  private static let nothing = ProbedContent(outcome: .probed)

  static let cases: [GuardCase] = [
    passing("the same file system on both", holdingCase(content("ext4", "a-1"), content("ext4", "a-1"))),
    GuardCase(
      "another UUID", .refused, .invalidState, says: ["a-1", "b-2", "--accept-content-change"],
      holdingCase(content("ext4", "a-1"), content("ext4", "b-2"))),
    GuardCase(
      "another table", .refused, .invalidState, says: ["gpt 1", "gpt 2"], holdingCase(table("1"), table("2"))),
    passing("the same table", holdingCase(table("1"), table("1"))),
    passing("ids that say nothing", holdingCase(table("0000"), table(nil))),
    GuardCase("another UUID, accepted") { scene in
      holding(content("ext4", "a-1"), content("ext4", "b-2"))(&scene)
      scene.request.acceptsContentChange = true
    },
    GuardCase("another UUID on a recovery that is of no worth") { scene in
      holding(content("ext4", "a-1"), content("ext4", "b-2"))(&scene)
      scene.request.isInitial = true
    },
    GuardCase("another UUID on a terminal is asked", .warning, says: ["do not look like one disk"]) { scene in
      holding(content("ext4", "a-1"), content("ext4", "b-2"))(&scene)
      scene.request.isInteractive = true
    },
    GuardCase(
      "a blank primary", .refused, .invalidState, says: ["is blank", "--blank-primary"],
      holdingCase(nothing, content("ext4", "b-2"), zeroEnds: true)),
    GuardCase("a blank primary, allowed") { scene in
      holding(nothing, content("ext4", "b-2"), zeroEnds: true)(&scene)
      scene.request.allowsBlankPrimary = true
    },
    GuardCase(
      "a blank primary, and --initial does not allow it", .refused, .invalidState
    ) { scene in
      holding(nothing, content("ext4", "b-2"), zeroEnds: true)(&scene)
      scene.request.isInitial = true
    },
    passing("both blank", holdingCase(nothing, nothing, zeroEnds: true)),
    passing(
      "a primary without a signature that is not blank", holdingCase(nothing, content("ext4", "b-2"))),
    passing(
      "content that could not be found out",
      holdingCase(.unknown("no"), content("ext4", "b-2"), zeroEnds: true)),
  ]

  private static func holdingCase(
    _ primary: ProbedContent, _ recovery: ProbedContent, zeroEnds: Bool? = false
  ) -> @Sendable (inout Scene) -> Void {
    { scene in holding(primary, recovery, zeroEnds: zeroEnds)(&scene) }
  }

  /// A case that passes.
  private static func passing(
    _ description: String, _ change: @escaping @Sendable (inout Scene) -> Void
  ) -> GuardCase {
    GuardCase(description, .passed, .completed, says: [], change)
  }

  @Test("what a first run finds on the disks", arguments: cases.indices)
  func firstRun(_ index: Int) throws { try Self.cases[index].check(FirstRunGuard.self) }

  /// The facts of a scene whose disks are a and b, with what is remembered of them.
  private func facts(_ remembered: RememberedDisks, held: Set<UniqueID> = []) -> PairFacts {
    var facts = Scene().facts
    let pair = samplePair("a", "b")
    facts.identities = pair
    facts.state = StateView(pairs: [pair], remembered: remembered, held: held)
    return facts
  }

  private func remembering(_ consistency: Consistency, _ state: Consistency.Settled? = nil) -> RememberedDisks
  {
    var recovery = DiskRecord(sampleDisk("b"))
    recovery.state = state
    return RememberedDisks(
      disks: [sampleDisk("b").identity: recovery],
      relationships: [sampleRelationship(100, [samplePair("a", "b")], consistency)])
  }

  @Test("after a run of the pair content never refuses")
  func laterRun() {
    var scene = Scene()
    Self.holding(Self.content("ext4", "a-1"), Self.content("ext4", "b-2"))(&scene)
    var facts = scene.facts
    facts.identities = samplePair("a", "b")
    var record = DiskRecord(sampleDisk("b"))
    record.note(
      .init(counterpart: sampleDisk("a").identity, side: .recovery, at: .sample(), relationship: UniqueID(1)))
    facts.state.remembered.disks[sampleDisk("b").identity] = record
    #expect(FirstRunGuard.judge(facts).map(\.verdict) == [.passed])
    facts.identities = samplePair("b", "a")
    #expect(FirstRunGuard.judge(facts).map(\.verdict) == [.refused])
    #expect(DirectionGuard.judge(facts).map(\.returnValue) == [.invalidState])
  }

  @Test("states are shown, and a run that works on the disks is 32774")
  func states() {
    let inconsistent = Consistency.Settled.inconsistent(
      .init(since: .sample(), run: sampleRun(1, .inPlace), seal: nil))
    let table: [(Consistency, Consistency.Settled?, GuardVerdict.Verdict, String)] = [
      (.settled(.consistent(at: .sample())), .consistent(at: .sample()), .passed, "Consistent at"),
      (.settled(inconsistent), inconsistent, .warning, "Inconsistent since"),
      (.applying(sampleRun(), sampleSeal(of: sampleRun())), nil, .warning, "finished first"),
      (.resynchronizing(sampleRun(), before: .never), nil, .passed, "committed nothing"),
    ]
    for (consistency, state, verdict, words) in table {
      let judged = StateGuard.judge(facts(remembering(consistency, state)))
      #expect(judged.map(\.verdict) == [verdict])
      #expect(judged[0].reason.contains(words), "\(judged)")
    }
    let busy = StateGuard.judge(
      facts(remembering(.resynchronizing(sampleRun(), before: .never)), held: [UniqueID(100)]))
    #expect(busy.map(\.returnValue) == [.systemInUse])
    var unreadable = facts(RememberedDisks())
    unreadable.state.fault = ResyncError(.accessDenied, "trust", on: "/s", remedy: "look")
    #expect(StateGuard.judge(unreadable).map(\.returnValue) == [.accessDenied])
  }

  @Test("differences go in place only where nothing could be lost")
  func choice() {
    let inconsistent = Consistency.Settled.inconsistent(
      .init(since: .sample(), run: sampleRun(1, .inPlace), seal: nil))
    let torn = facts(remembering(.settled(inconsistent), inconsistent))
    let whole = facts(remembering(.settled(.consistent(at: .sample()))))
    func choose(_ pairs: [PairFacts], _ change: (inout RunRequest) -> Void = { _ in }) -> RunRequest.WriteBack
    {
      var request = RunRequest(.resync, pairs: [])
      change(&request)
      return WriteBackChoice(request, pairs).writeBack
    }
    #expect(choose([whole]) == .staged)
    #expect(choose([torn]) == .inPlace)
    #expect(choose([torn, whole]) == .staged)
    #expect(choose([whole]) { $0.isInitial = true } == .inPlace)
    #expect(choose([torn]) { $0.writeBack = .staged } == .staged)
    #expect(choose([whole]) { $0.writeBack = .inPlace } == .inPlace)
  }
}
