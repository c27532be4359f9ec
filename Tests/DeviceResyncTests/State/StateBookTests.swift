import Testing

@testable import DeviceResync

@Suite struct StateBookTests {
  let pairs = [samplePair("a", "b"), samplePair("c", "d")]

  @Test("a run's steps lead through the states, and each is what a new reader finds")
  func states() throws {
    var book = StateBook(MemoryStore())
    let run = sampleRun()
    let hold = try book.begin(run, on: pairs)
    let id = hold.id
    #expect(try book.relationship(id)?.consistency == .resynchronizing(run, before: .never))
    let seal = sampleSeal(of: run)
    try book.commit(hold, seal)
    #expect(try book.relationship(id)?.consistency == .applying(run, seal))
    let completed = sampleCompleted(run)
    try book.finish(hold, .consistent(at: .sample(50)), completed: completed)
    let state = try #require(try book.relationship(id))
    #expect(state.consistency == .settled(.consistent(at: .sample(50))))
    #expect(state.completed == [completed])
    let recovery = try #require(try book.disk(pairs[1].recovery.identity))
    #expect(recovery.state == .consistent(at: .sample(50)))
    #expect(recovery.lastProvenEqual == .sample(50))
    #expect(recovery.recoveryOf == [id] && recovery.primaryOf.isEmpty)
    let primary = try #require(try book.disk(pairs[1].primary.identity))
    #expect(primary.state == nil && primary.lastProvenEqual == .sample(50))
    #expect(primary.primaryOf == [id] && primary.recoveryOf.isEmpty)
  }

  @Test("the same pairs in the same order are the same relationship, any others a new one")
  func sameRelationship() throws {
    var book = StateBook(MemoryStore())
    for (number, pairs) in [pairs, pairs, pairs.reversed(), [pairs[0]]].enumerated() {
      try book.runStaged(sampleRun(UInt128(number)), on: pairs, endingAt: 100 + Int64(number))
    }
    #expect(try book.relationships().states.map(\.pairs.count).sorted() == [1, 2, 2])
    let found = try book.lookUp([pairs[1].recovery.identity])
    #expect(found.relationships.count == 2)
    #expect(found.relationships.map(\.completed.count).sorted() == [1, 2])
  }

  @Test("five completed runs are remembered, the latest first")
  func completedRuns() throws {
    var book = StateBook(MemoryStore())
    for number in 1...7 {
      try book.runStaged(sampleRun(UInt128(number)), on: pairs, endingAt: Int64(number) * 100)
    }
    let state = try #require(try book.relationships().states.first)
    #expect(state.completed.map(\.id) == [7, 6, 5, 4, 3].map(UniqueID.init))
  }

  @Test("a run that is abandoned leaves the state before; one that marked Inconsistent leaves that")
  func abandon() throws {
    var book = StateBook(MemoryStore())
    try book.runStaged(sampleRun(1), on: pairs, endingAt: 100)
    try book.abandon(try book.begin(sampleRun(2), on: pairs))
    #expect(try book.relationships().states.first?.consistency == .settled(.consistent(at: .sample(100))))

    let run = sampleRun(3, .inPlace)
    let hold = try book.begin(run, on: pairs)
    try book.markInconsistent(hold, since: .sample(200))
    try book.abandon(hold)
    let inconsistent = Consistency.Settled.inconsistent(.init(since: .sample(200), run: run, seal: nil))
    #expect(try book.relationships().states.first?.consistency == .settled(inconsistent))
    #expect(try book.disk(pairs[0].recovery.identity)?.state == inconsistent)
    #expect(try book.disk(pairs[0].primary.identity)?.state == nil)

    try book.finish(
      try book.begin(sampleRun(4), on: pairs), .fuzzy(from: .sample(300), to: .sample(310)), completed: nil)
    #expect(try book.disk(pairs[0].recovery.identity)?.state == .fuzzy(from: .sample(300), to: .sample(310)))
    #expect(try book.disk(pairs[0].recovery.identity)?.lastProvenEqual == .sample(100))
  }

  @Test(
    "a commit that is given up keeps its seal, can be taken up again, and its staging file is left to the next run"
  )
  func givenUp() throws {
    var book = StateBook(MemoryStore())
    let run = sampleRun()
    let hold = try book.begin(run, on: pairs)
    let id = hold.id
    let seal = sampleSeal(of: run)
    try book.commit(hold, seal)
    try book.finish(hold, .inconsistent(since: .sample(9)), completed: nil)
    let inconsistent = Consistency.settled(.inconsistent(.init(since: .sample(9), run: run, seal: seal)))
    #expect(try book.relationship(id)?.consistency == inconsistent)
    #expect(try book.disk(pairs[0].recovery.identity)?.directions.isEmpty == true)

    let found = try #require(try book.relationship(id))
    guard let again = try book.takeOver(found) else { return #expect(Bool(false), "taken by nobody") }
    try book.recommit(again)
    #expect(try book.relationship(id)?.consistency == .applying(run, seal))
    try book.finish(again, .inconsistent(since: .sample(10)), completed: nil)

    let next = try book.begin(sampleRun(2), on: pairs)
    #expect(next.leftover == run.staging)
    try book.finish(next, .consistent(at: .sample(20)), completed: nil)
  }

  @Test("what is unfinished must be finished or dropped before a run begins: 32775")
  func unfinished() throws {
    var book = StateBook(MemoryStore())
    let run = sampleRun()
    let hold = try book.begin(run, on: pairs)
    hold.release()
    #expect(throws: ResyncError.self) { _ = try book.begin(sampleRun(2), on: pairs) }
    let found = try #require(try book.relationships().states.first)
    guard let again = try book.takeOver(found) else { return #expect(Bool(false), "taken by nobody") }
    try book.commit(again, sampleSeal(of: run))
    again.release()
    let error = #expect(throws: ResyncError.self) { _ = try book.begin(sampleRun(2), on: pairs) }
    #expect(error?.returnValue == .invalidState)
    #expect(error?.remedy == "vmresync repair /dev/disk/by-id/wwn-b")
  }

  @Test("a seal of another run commits nothing, and nothing is committed twice")
  func foreignSeal() throws {
    var book = StateBook(MemoryStore())
    let run = sampleRun()
    let hold = try book.begin(run, on: pairs)
    #expect(throws: ResyncError.self) { try book.commit(hold, sampleSeal(of: sampleRun(2))) }
    #expect(try book.relationship(hold.id)?.consistency == .resynchronizing(run, before: .never))
    try book.commit(hold, sampleSeal(of: run))
    #expect(throws: ResyncError.self) { try book.commit(hold, sampleSeal(of: run)) }
    #expect(throws: ResyncError.self) { try book.markInconsistent(hold, since: .sample()) }
    hold.release()
  }

  @Test("a relationship on which another process works is held, and cannot be begun or taken over: 32774")
  func held() throws {
    var book = StateBook(MemoryStore())
    try book.runStaged(sampleRun(), on: pairs, endingAt: 1)
    let state = try #require(try book.relationships().states.first)
    #expect(try book.held(among: [state]).isEmpty)
    book.store.heldElsewhere = [.relationship(state.id)]
    #expect(try book.held(among: [state]) == [state.id])
    let error = #expect(throws: ResyncError.self) { _ = try book.begin(sampleRun(2), on: pairs) }
    #expect(error?.returnValue == .systemInUse)
    #expect(throws: ResyncError.self) { _ = try book.takeOver(state) }
  }

  @Test("what has changed since it was looked at is not taken over: a run may have committed, and died")
  func changedMeanwhile() throws {
    var book = StateBook(MemoryStore())
    let run = sampleRun()
    let hold = try book.begin(run, on: pairs)
    let comparing = try #require(try book.relationship(hold.id))
    try book.commit(hold, sampleSeal(of: run))
    hold.release()
    guard try book.takeOver(comparing) == nil else { return #expect(Bool(false), "its staging file is lost") }
    let committed = try #require(try book.relationship(comparing.id))
    guard let again = try book.takeOver(committed) else { return #expect(Bool(false), "taken by nobody") }
    try book.finish(again, .consistent(at: .sample()), completed: nil)
    guard try book.takeOver(committed) == nil else { return #expect(Bool(false), "it has ended") }
  }

  @Test("no run begins on a disk that a run of other pairs has left unfinished, or works on")
  func othersUnfinished() throws {
    var book = StateBook(MemoryStore())
    let run = sampleRun()
    let hold = try book.begin(run, on: pairs)
    let id = hold.id
    let others = [[samplePair("x", "b")], [samplePair("b", "x")]]
    book.store.heldElsewhere = [.relationship(id)]
    for pairs in others {
      let error = #expect(throws: ResyncError.self) { _ = try book.begin(sampleRun(2), on: pairs) }
      #expect(error?.returnValue == .systemInUse)
    }
    book.store.heldElsewhere = []
    try book.commit(hold, sampleSeal(of: run))
    hold.release()
    for pairs in others {
      let error = #expect(throws: ResyncError.self) { _ = try book.begin(sampleRun(2), on: pairs) }
      #expect(error?.returnValue == .invalidState)
    }
    // One that only reads the same primary may.
    try book.abandon(try book.begin(sampleRun(2), on: [samplePair("a", "x")]))
  }

  @Test("disks that say the same of themselves are not remembered as one, and nothing is written: 32773")
  func sameDisk() throws {
    var book = StateBook(MemoryStore())
    for pairs in [[samplePair("a", "a")], [samplePair("a", "b"), samplePair("c", "b")], []] {
      let error = #expect(throws: ResyncError.self) { _ = try book.begin(sampleRun(), on: pairs) }
      #expect(error?.returnValue == .invalidParameter)
    }
    #expect(try book.relationships().states.isEmpty)
  }

  @Test("a record that a disk lists must be there and be its own; others only make a note")
  func missingRecords() throws {
    var book = StateBook(MemoryStore())
    try book.runStaged(sampleRun(), on: pairs, endingAt: 1)
    let state = try #require(try book.relationships().states.first)
    let name = RecordName.relationship(state.id)
    let stranger = RecordName.relationship(UniqueID(5))
    try book.store.replace(stranger, by: Array("{}".utf8))
    #expect(try book.lookUp([pairs[0].primary.identity]).notes.count == 1)

    try book.write(sampleRelationship(state.id.bits, [samplePair("x", "y")]), name)
    #expect(throws: ResyncError.self) { _ = try book.lookUp([pairs[0].primary.identity]) }
    try book.store.remove(name)
    let error = #expect(throws: ResyncError.self) { _ = try book.lookUp([pairs[0].primary.identity]) }
    #expect(error?.returnValue == .invalidState)
    #expect(error?.device == "states/\(state.id).json")
    #expect(try book.lookUp([sampleDisk("z").identity]).relationships.isEmpty)
  }
}
