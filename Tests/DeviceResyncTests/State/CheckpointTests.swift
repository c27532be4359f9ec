import Testing

@testable import DeviceResync

@Suite("what lets a stopped run go on") struct CheckpointTests {
  static let terms = ContinuationTerms(
    boot: UniqueID(7), writeBack: .staged, readsHoles: false, isFuzzy: false)

  func decide(
    _ run: RunRecord, _ terms: ContinuationTerms? = Self.terms,
    named: [RelationshipState.Pair] = [samplePair("a", "b")], for purpose: StartFacts.Purpose = .resync,
    others: [RelationshipState] = []
  ) -> StartDecision {
    let state = Self.relationship(run)
    return StartFacts(
      purpose: purpose, pairs: named, relationships: [state] + others, disks: [:], held: [], terms: terms,
      staging: [:]
    ).decide()
  }

  static func relationship(_ run: RunRecord) -> RelationshipState {
    sampleRelationship(
      100, [samplePair("a", "b")], .resynchronizing(run, before: .consistent(at: .sample())))
  }

  @Test("the same pairs, in the same boot, on the same terms: it may be gone on with")
  func continues() {
    let run = sampleStopped()
    #expect(decide(run) == .continueRun(Self.relationship(run)))
  }

  /// Each leaves one thing out of what must hold, and the word that names it.
  static let failures: [(String, @Sendable (inout RunRecord, inout ContinuationTerms) -> Void)] = [
    ("started again", { _, terms in terms.boot = UniqueID(8) }),
    ("--write-back", { _, terms in terms.writeBack = .inPlace }),
    ("its primary ran", { run, _ in run.isFuzzy = true }),
    ("the primary runs", { _, terms in terms.isFuzzy = true }),
    ("--full", { _, terms in terms.readsHoles = true }),
    ("no checkpoint", { run, _ in run.checkpoint = nil }),
    ("the primary /dev/disk/by-id/wwn-a", { run, _ in run.checkpoint?.pairs[0].primary = .none("iostats") }),
    (
      "the recovery /dev/disk/by-id/wwn-b", { run, _ in run.checkpoint?.pairs[0].recovery = .none("iostats") }
    ),
  ]

  @Test("each part that fails alone drops what was staged, and is named", arguments: failures.indices)
  func drops(_ index: Int) {
    let (word, change) = Self.failures[index]
    var (run, terms) = (sampleStopped(), Self.terms)
    change(&run, &terms)
    #expect(decide(run, terms) == .dropStaging(run, of: Self.relationship(run)))
    let obstacle = Self.relationship(run).obstacle(to: run, terms)
    #expect(obstacle?.contains(word) == true, "\(obstacle ?? "none")")
  }

  @Test("more or other pairs, and a repair, drop it")
  func others() {
    let run = sampleStopped()
    let dropped = StartDecision.dropStaging(run, of: Self.relationship(run))
    #expect(decide(run, named: [samplePair("x", "b")]) == dropped)
    #expect(decide(run, named: [samplePair("a", "b"), samplePair("c", "d")]) == dropped)
    #expect(decide(run, nil, for: .repair) == dropped)
    #expect(decide(run, nil) == dropped)
  }

  @Test("what else is unfinished on the disks comes first")
  func unfinished() {
    let run = sampleStopped()
    let other = sampleRelationship(
      200, [samplePair("x", "b")], .resynchronizing(sampleRun(2), before: .never))
    #expect(decide(run, others: [other]) == .dropStaging(sampleRun(2), of: other))
  }

  static let counted = DiskEvidence(counts: .init(diskSequence: 3, written: 4096, writtenBeside: 8192))
  static let filed = DiskEvidence(
    file: .init(
      identity: FileIdentity(device: DeviceNumber(major: 8, minor: 1), inode: 12), size: 1 << 20, changed: 5))

  @Test("what was seen twice alike shows no change", arguments: [counted, filed])
  func unchanged(evidence: DiskEvidence) {
    #expect(evidence.change(since: evidence) == nil)
  }

  static let changes: [(DiskEvidence, @Sendable (inout DiskEvidence) -> Void)] = [
    (counted, { $0.counts?.diskSequence = 4 }), (counted, { $0.counts?.written = 4608 }),
    (counted, { $0.counts?.written = 0 }), (counted, { $0.counts?.writtenBeside = 8704 }),
    (counted, { $0.counts = nil }), (counted, { $0.gap = "iostats" }), (counted, { $0.file = filed.file }),
    (filed, { $0.file?.size = 1 << 21 }), (filed, { $0.file?.changed = 6 }),
    (filed, { $0.file?.changed = 4 }),
    (
      filed,
      { $0.file?.identity = FileIdentity(device: DeviceNumber(major: 8, minor: 1), inode: 13) }
    ), (filed, { $0.file = nil }), (filed, { $0.counts = counted.counts }), (filed, { $0 = DiskEvidence() }),
  ]

  @Test("every single thing that is another shows one, both ways", arguments: changes.indices)
  func changed(_ index: Int) {
    let (former, change) = Self.changes[index]
    var now = former
    change(&now)
    #expect(now.change(since: former) != nil)
    #expect(former.change(since: now) != nil)
  }

  @Test(
    "a change time proves something once it is 100 ms old, 1.1 s for whole seconds; no time ends the process",
    arguments: [
      (5_000_000_001, 5_100_000_001, 0), (5_000_000_001, 5_040_000_001, 60_000_000),
      (5_000_000_000, 5_100_000_000, 1_000_000_000), (5_000_000_000, 6_100_000_000, 0),
      (9_000_000_001, 5_000_000_000, 100_000_000), (.min, 5_000_000_000, 0),
      (.max, 5_000_000_000, 100_000_000),
      (.max, .min, 100_000_000), (.min, .max, 0),
    ] as [(Int64, Int64, Int64)])
  func age(_ changed: Int64, _ now: Int64, _ wait: Int64) {
    #expect(DiskEvidence.waitingTime(for: changed, at: now) == wait)
  }

  @Test(
    "file systems whose change times were tried are trusted, and tmpfs is none of them",
    arguments: [
      (0xef53, true), (0x5846_5342, true), (0x9123_683e, true), (0x0102_1994, false), (0x2fc1_2fc1, false),
      (0x6573_5546, false),
    ] as [(UInt64, Bool)])
  func changeTimes(_ magic: UInt64, _ areKept: Bool) {
    let system = FileSystem(magic: magic, available: 0, total: 0, isReadOnly: false)
    #expect(system.keepsChangeTimes == areKept)
  }

  @Test("nothing that was seen is no proof")
  func nothing() { #expect(DiskEvidence().change(since: DiskEvidence()) != nil) }

  @Test("a record whose checkpoint contradicts its run or its disks is refused")
  func faults() throws {
    func fault(_ change: (inout RunRecord) -> Void) -> String? {
      var run = sampleStopped()
      change(&run)
      let state = Self.relationship(run)
      return state.fault(as: .relationship(state.id))
    }
    #expect(fault { _ in } == nil)
    #expect(fault { $0.checkpoint?.pairs = [] } != nil)
    #expect(fault { $0.checkpoint?.pairs[0].index = 1 } != nil)
    #expect(fault { $0.checkpoint?.pairs[0].index = -1 } != nil)
    let twice = (sampleStopped().checkpoint?.pairs ?? []) + (sampleStopped().checkpoint?.pairs ?? [])
    #expect(fault { $0.checkpoint?.pairs = twice } != nil)
    #expect(fault { $0.checkpoint?.pairs[0].offset = 1 << 30 | 512 } != nil)
    #expect(fault { $0.checkpoint?.staged = nil } != nil)
    #expect(fault { $0.checkpoint?.staged?.length += 1 } != nil)
    #expect(fault { $0.checkpoint?.pairs[0].primary.gap = String(repeating: "x", count: 1025) } != nil)
  }
}

@Suite("a checkpoint in the book") struct CheckpointBookTests {
  @Test("it moves, goes with the commit, and is of the run that holds the relationship")
  func moves() throws {
    var book = StateBook(MemoryStore())
    let (run, stopped) = (sampleRun(), sampleStopped())
    let hold = try book.begin(run, on: [samplePair("a", "b")])
    try book.setCheckpoint(stopped.checkpoint, of: run.id, in: hold.id)
    #expect(try book.relationship(hold.id)?.consistency.run?.checkpoint == stopped.checkpoint)
    #expect(throws: ResyncError.self) {
      try book.setCheckpoint(nil, of: UniqueID(99), in: hold.id)
    }
    try book.commit(hold, sampleSeal(of: run))
    #expect(try book.relationship(hold.id)?.consistency == .applying(run, sampleSeal(of: run)))
    #expect(throws: ResyncError.self) {
      try book.setCheckpoint(stopped.checkpoint, of: run.id, in: hold.id)
    }
    hold.release()
  }

  @Test("a run is gone on with only from the record that was looked at, by one at a time")
  func resumes() throws {
    var book = StateBook(MemoryStore())
    let (run, stopped) = (sampleRun(), sampleStopped())
    let pairs = [samplePair("a", "b")]
    let begun = try book.begin(run, on: pairs)
    let id = begun.id
    try book.setCheckpoint(stopped.checkpoint, of: run.id, in: id)
    let found = try #require(try book.relationship(id))
    let terms = CheckpointTests.terms
    book.store.heldElsewhere = [.relationship(id)]
    #expect(throws: ResyncError.self, "another run works on it") {
      if let hold = try book.resume(found, as: stopped, on: pairs, terms) { hold.release() }
    }
    book.store.heldElsewhere = []
    begun.release()
    var old = found
    old.completed = [sampleCompleted(sampleRun(9))]
    #expect(throws: ResyncError.self, "the record is another") {
      if let hold = try book.resume(old, as: stopped, on: pairs, terms) { hold.release() }
    }
    var mine = stopped
    mine.process = 99
    guard let hold = try book.resume(found, as: mine, on: pairs, terms) else {
      Issue.record("not resumed")
      return
    }
    #expect(try book.relationship(id)?.consistency.run == mine)
    try book.abandon(hold)
    #expect(try book.relationship(id)?.consistency == .settled(.never))
  }
}
