import Testing

@testable import DeviceResync

/// A recovery that is live, and the exchange of roles, by records alone.
@Suite struct RoleChangeTests {
  static let words = RelationshipWords(system: "b", relationship: "ab")
  static let mark = FailedOver(at: .sample(100), isAsIs: false, words: words)
  static let roles = RelationshipRoles(
    relationship: "ab", primary: "b", recovery: "a", since: .sample(0))
  static let pairs = [samplePair("a", "b"), samplePair("c", "d")]
  static let turned = [samplePair("b", "a"), samplePair("d", "c")]
  static let identities = pairs.flatMap { [$0.primary.identity, $0.recovery.identity] }

  /// A completed run, and a recovery that is live.
  static func failedOver(_ store: MemoryStore = MemoryStore()) throws -> StateBook<MemoryStore> {
    var book = StateBook(store)
    try book.runStaged(sampleRun(), on: pairs, endingAt: 60)
    let isDone = try book.failOver(try state(book), mark)
    #expect(isDone)
    return book
  }

  static func state(_ book: borrowing StateBook<MemoryStore>) throws -> RelationshipState {
    let all = try book.relationships().states
    #expect(all.count == 1)
    return try #require(all.first)
  }

  /// Why a run of one pair must not begin: nil where it may.
  static func refusal(
    _ from: String, _ to: String, _ book: borrowing StateBook<MemoryStore>
  ) throws -> String? {
    let pair = samplePair(from, to)
    let found = try book.lookUp([pair.primary.identity, pair.recovery.identity])
    if let refusal = found.refusal(toWrite: [pair]) { return "\(refusal)" }
    return DirectionContradiction(pair, found.disks).map { "\($0.error(pair))" }
  }

  @Test(
    "a recovery that is live is written by no pairing, not even under the lock; the mark taken back, it is")
  func live() throws {
    var book = try Self.failedOver()
    for from in ["a", "c", "x"] {
      let refusal = try #require(try Self.refusal(from, "b", book))
      #expect(refusal.contains("vmresync reverse b --relationship ab"), "\(refusal)")
      #expect(refusal.contains("vmresync failover --revert b --relationship ab"), "\(refusal)")
      #expect(throws: ResyncError.self) { _ = try book.begin(sampleRun(2), on: [samplePair(from, "b")]) }
    }
    // The way back is reverse's to open; what is live may be read.
    #expect(try Self.refusal("b", "a", book)?.contains("vmresync reverse") == true)
    #expect(try Self.refusal("b", "x", book) == nil)
    let isReverted = try book.revertFailover(try Self.state(book))
    #expect(isReverted)
    #expect(try Self.refusal("a", "b", book) == nil)
    #expect(try Self.state(book).liveUntil != nil)
    try book.runStaged(sampleRun(2), on: Self.pairs, endingAt: 200)
    #expect(try Self.state(book).liveUntil == nil)
  }

  @Test("after a reverse the disks go the other way, as in a first run, and after another one back")
  func reversed() throws {
    var book = try Self.failedOver()
    let isDone = try book.reverse(try Self.state(book), as: Self.words, Self.roles)
    #expect(isDone)
    let state = try Self.state(book)
    #expect(state.isOf(Self.turned) && state.failedOver == nil && state.consistency == .settled(.never))
    #expect(state.reversal?.isPending == false)
    #expect(try book.roles(of: ["ab", "other"]).map(\.primary) == ["b"])
    #expect(try Self.refusal("b", "a", book) == nil)
    for from in ["a", "x"] { #expect(try Self.refusal(from, "b", book)?.contains("reverse SYSTEM") == true) }
    #expect(throws: ResyncError.self) {
      _ = try book.begin(sampleRun(2), on: [samplePair("b", "a"), samplePair("a", "x")])
    }
    let found = try book.lookUp(Self.identities)
    #expect(!found.hasCompleted(from: sampleDisk("b").identity, to: sampleDisk("a").identity))
    #expect(found.disks.values.allSatisfy { $0.state == nil })
    #expect(found.disks[sampleDisk("a").identity]?.recoveryOf == [state.id])
    #expect(found.disks[sampleDisk("a").identity]?.primaryOf == [])

    try book.runStaged(sampleRun(3), on: Self.turned, endingAt: 4_000_000_000)
    let after = try book.lookUp(Self.identities)
    #expect(after.hasCompleted(from: sampleDisk("b").identity, to: sampleDisk("a").identity))
    #expect(after.relationships.map(\.id) == [state.id])
    _ = try book.failOver(try Self.state(book), Self.mark)
    _ = try book.reverse(try Self.state(book), as: Self.words, Self.roles)
    #expect(try Self.state(book).isOf(Self.pairs))
    #expect(try Self.refusal("a", "b", book) == nil && Self.refusal("b", "a", book) != nil)
  }

  @Test("what was decided from another record, or while a run works, is not done")
  func stale() throws {
    var book = try Self.failedOver()
    let state = try Self.state(book)
    var other = state
    other.failedOver = nil
    let isDone = try book.failOver(other, Self.mark)
    let isReversed = try book.reverse(other, as: Self.words, Self.roles)
    #expect(!isDone && !isReversed)
    book.store.heldElsewhere = [.relationship(state.id)]
    for attempt in 0..<3 {
      let error = #expect(throws: ResyncError.self) {
        switch attempt {
        case 0: _ = try book.failOver(state, Self.mark)
        case 1: _ = try book.revertFailover(state)
        default: _ = try book.reverse(state, as: Self.words, Self.roles)
        }
      }
      #expect(error?.returnValue == .systemInUse)
    }
    #expect(try Self.state(book) == state)
  }

  @Test("a run of other pairs that is unfinished on the recovery keeps it from being called live")
  func unfinished() throws {
    var book = StateBook(MemoryStore())
    try book.runStaged(sampleRun(), on: Self.pairs, endingAt: 60)
    let hold = try book.begin(sampleRun(2), on: [samplePair("x", "b")])
    try book.commit(hold, sampleSeal(of: sampleRun(2)))
    hold.release()
    let state = try #require(try book.relationships().states.first { $0.isOf(Self.pairs) })
    let error = #expect(throws: ResyncError.self) { _ = try book.failOver(state, Self.mark) }
    #expect(error?.returnValue == .invalidState)
  }

  @Test("an older record of the pairs as they are from then on is turned too: one record stays the pairs'")
  func makesWay() throws {
    var book = StateBook(MemoryStore())
    // It went that way once, and came to nothing.
    try book.abandon(try book.begin(sampleRun(9), on: Self.turned))
    try book.runStaged(sampleRun(), on: Self.pairs, endingAt: 60)
    let state = try #require(try book.relationships().states.first { $0.isOf(Self.pairs) })
    _ = try book.failOver(state, Self.mark)
    let marked = try #require(try book.relationship(state.id))
    _ = try book.reverse(marked, as: Self.words, Self.roles)
    let all = try book.relationships().states
    #expect(all.count == 2 && all.count { $0.isOf(Self.turned) } == 1)
    #expect(all.first { $0.isOf(Self.turned) }?.id == state.id)
    try book.runStaged(sampleRun(3), on: Self.turned, endingAt: 4_000_000_000)
  }

  @Test("a commit of former times is not finished on what is live, by a repair neither")
  func noRollForward() throws {
    var state = sampleRelationship()
    state.consistency = .settled(
      .inconsistent(.init(since: .sample(), run: sampleRun(), seal: sampleSeal(of: sampleRun()))))
    state.failedOver = FailedOver(at: .sample(), isAsIs: true, words: Self.words)
    var disk = DiskRecord(sampleDisk("b"))
    if case .settled(let settled) = state.consistency { disk.state = settled }
    let facts = StartFacts(
      purpose: .repair, pairs: state.pairs, relationships: [state], disks: [disk.disk.identity: disk],
      held: [], staging: [state.id: .sealed])
    guard case .refuse(let error) = facts.decide() else {
      Issue.record("\(facts.decide())")
      return
    }
    #expect(error.returnValue == .invalidState && "\(error)".contains("failed over"))
  }

  @Test("a rollback of what is live is refused with both ways on")
  func noRollback() {
    var state = sampleRelationship()
    state.recoveryPoint = samplePoint()
    state.failedOver = Self.mark
    let facts = RollbackFacts(
      named: [(sampleDisk("b").identity, "b")], relationships: [state], disks: [:], held: [])
    guard case .refuse(let error) = facts.decide() else {
      Issue.record("\(facts.decide())")
      return
    }
    #expect(error.returnValue == .invalidState && "\(error)".contains("failover --revert b"))
  }

  @Test("after a restart a live disk that has nothing of its own is refused by its path and size")
  func formerBoot() throws {
    func disk(_ boot: UInt128) -> RelationshipState.Disk {
      RelationshipState.Disk(
        identity: PersistentIdentity("boot-\(UniqueID(boot))/x") ?? sampleDisk("x").identity,
        path: "/dev/sdz", size: 4096)
    }
    var book = StateBook(MemoryStore())
    let former = RelationshipState.Pair(primary: sampleDisk("a"), recovery: disk(1))
    try book.runStaged(sampleRun(), on: [former], endingAt: 60)
    _ = try book.failOver(try Self.state(book), Self.mark)
    let now = RelationshipState.Pair(primary: sampleDisk("y"), recovery: disk(2))
    let found = try book.lookUp([now.primary.identity, now.recovery.identity])
    #expect("\(found.refusal(toWrite: [now]) as Any)".contains("before the host started again"))
  }

  @Test(
    "a power cut before any step of a reverse: nothing writes the disks until the same command has gone on")
  func powerCuts() throws {
    let before = try Self.failedOver().store.synchronized
    var worlds = 0
    for step in 0... {
      let power = PowerSupply(failingAt: step)
      var cut = StateBook(before.powered(by: power))
      let state = try #require(try? Self.state(StateBook(before)))
      _ = try? cut.reverse(state, as: Self.words, Self.roles)
      for store in cut.store.afterPowerCut() {
        worlds += 1
        var book = StateBook(store)
        let found = try Self.state(book)
        let ways = (try Self.refusal("a", "b", book), try Self.refusal("b", "a", book))
        #expect(ways.0 != nil, "step \(step): the live recovery may be overwritten")
        if ways.1 == nil { #expect(found.reversal?.isPending == false, "step \(step)") }
        if found.failedOver != nil || found.reversal?.isPending == true {
          let isDone = try book.reverse(found, as: Self.words, Self.roles)
          #expect(isDone, "step \(step)")
        }
        #expect(try Self.refusal("a", "b", book) != nil, "step \(step)")
        #expect(try Self.refusal("b", "a", book) == nil, "step \(step)")
        #expect(try book.roles(of: ["ab"]).map(\.primary) == ["b"], "step \(step)")
        try book.runStaged(sampleRun(5), on: Self.turned, endingAt: 4_000_000_000)
      }
      if !power.isOff { break }
    }
    #expect(worlds > 20)
  }

  @Test("what makes no sense in a mark, a reversal or a record of roles is refused, without a trap")
  func hostile() throws {
    var state = sampleRelationship()
    state.failedOver = Self.mark
    state.reversal = Reversal(at: .sample(), isPending: false, words: Self.words)
    let bytes = try RecordFormat.encode(state)
    let name = RecordName.relationship(state.id)
    #expect(try RecordFormatTests.decode(bytes, name) == state)
    try RecordFormatTests.flip(bytes, name, as: RelationshipState.self)
    let text = String(decoding: bytes, as: UTF8.self)
    for (part, by) in [
      (#""System" : "b""#, #""System" : """#),
      (#""System" : "b""#, #""System" : "\#(String(repeating: "b", count: 2000))""#),
      (#""System" : "b""#, #""System" : "\u0000""#),
      (#""RelationshipName" : "ab""#, #""RelationshipName" : """#),
      (#""AsIs" : false"#, #""AsIs" : "no""#), (#""Pending" : false"#, #""Pending" : true"#),
      (#""State" : "Consistent""#, #""State" : "Never""#),
    ] {
      try #require(text.contains(part), "\(text)")
      #expect(throws: RecordFault.self, "\(by)") {
        _ = try RecordFormatTests.decode(
          Array(text.replacing(part, with: by).utf8), name, as: RelationshipState.self)
      }
    }
    state.consistency = .applying(sampleRun(), sampleSeal(of: sampleRun()))
    #expect(state.fault(as: name) == "it is failed over, and Applying")
    state.consistency = .settled(.inconsistent(.init(since: .sample(), run: sampleRun(), seal: nil)))
    #expect(state.fault(as: name) == "it is failed over, and Inconsistent")

    let roles = try RecordFormat.encode(Self.roles)
    #expect(try RecordFormatTests.decode(roles, .roles("ab")) == Self.roles)
    try RecordFormatTests.flip(roles, .roles("ab"), as: RelationshipRoles.self)
    let itself = String(decoding: roles, as: UTF8.self).replacing(
      #"Primary" : "b""#, with: #"Primary" : "a""#)
    for (bytes, name) in [(roles, RecordName.roles("other")), (Array(itself.utf8), .roles("ab"))] {
      #expect(throws: RecordFault.self) {
        _ = try RecordFormatTests.decode(bytes, name, as: RelationshipRoles.self)
      }
    }
  }

  @Test("a name that a shell would take apart is quoted in what is printed")
  func quoted() {
    let words = RelationshipWords(
      system: "a; reboot\u{1b}", relationship: "x y", configuration: "/srv/a b.toml")
    let line = CallContext(stateDirectory: "/srv/s").typed(.failover, "--revert", of: words)
    #expect(
      line == #"vmresync failover --revert $'a; reboot\033' --relationship 'x y' "#
        + "--config '/srv/a b.toml' --state-dir /srv/s")
  }
}
