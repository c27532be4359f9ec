import Testing

@testable import DeviceResync

@Suite struct DirectionMemoryTests {
  /// Completed runs, the first at second 1, and what the next one contradicts: nothing, the last run of the two
  /// disks, or the recovery's being a primary only.
  struct Row: Sendable, CustomTestStringConvertible {
    let runs: [String]
    let next: String
    let contradicts: Kind

    enum Kind: Sendable { case nothing, lastRun, primaryOnly }

    init(_ runs: [String], then next: String, _ contradicts: Kind) {
      self.runs = runs
      self.next = next
      self.contradicts = contradicts
    }

    var testDescription: String { "\(runs) then \(next): \(contradicts)" }
  }

  static let rows = [
    Row([], then: "ab", .nothing),
    Row(["ab"], then: "ab", .nothing),
    Row(["ab"], then: "ba", .lastRun),
    Row(["ab", "ac"], then: "ba", .lastRun),
    Row(["ab"], then: "xa", .primaryOnly),
    Row(["ab"], then: "xb", .nothing),
    Row(["ab"], then: "bc", .nothing),
    // A chain: its middle is both.
    Row(["ab", "bc"], then: "ab", .nothing),
    Row(["ab", "bc"], then: "bc", .nothing),
    Row(["ab", "bc"], then: "cb", .lastRun),
    Row(["ab", "bc"], then: "ca", .primaryOnly),
    Row(["ab", "bc"], then: "xb", .nothing),
    Row(["ab", "bc"], then: "ba", .lastRun),
  ]

  func pair(_ names: String) -> RelationshipState.Pair {
    let names = names.map(String.init)
    return samplePair(names[0], names[1])
  }

  @Test("direction memory", arguments: rows)
  func table(row: Row) throws {
    var book = StateBook(MemoryStore())
    for (number, names) in row.runs.enumerated() {
      try book.runStaged(sampleRun(UInt128(number)), on: [pair(names)], endingAt: Int64(number) + 1)
    }
    let next = pair(row.next)
    let identities = [next.primary.identity, next.recovery.identity]
    let found = try book.lookUp(identities)
    let contradiction = DirectionContradiction(next, found.disks)
    switch (row.contradicts, contradiction) {
    case (.nothing, nil), (.lastRun, .wentTheOtherWay), (.primaryOnly, .recoveryIsPrimary): break
    default: Issue.record("found \(String(describing: contradiction))")
    }
    #expect(contradiction?.error(next).returnValue == (row.contradicts == .nothing ? nil : .invalidState))
  }

  @Test("a run that did not go through has no direction")
  func incomplete() throws {
    var book = StateBook(MemoryStore())
    try book.abandon(try book.begin(sampleRun(), on: [pair("ab")]))
    let hold = try book.begin(sampleRun(2, .inPlace), on: [pair("ab")])
    try book.markInconsistent(hold, since: .sample())
    hold.release()
    let back = pair("ba")
    let found = try book.lookUp([back.primary.identity, back.recovery.identity])
    #expect(DirectionContradiction(back, found.disks) == nil)
  }

  @Test(
    "where a crash came between the two disks' records, the later one counts; a tie speaks against the run")
  func disagreement() {
    func record(_ disk: String, with other: String, as side: Side, at time: Int64) -> DiskRecord {
      var record = DiskRecord(sampleDisk(disk))
      record.note(
        .init(
          counterpart: sampleDisk(other).identity, side: side, at: .sample(time), relationship: UniqueID(1)))
      return record
    }
    func judge(_ a: DiskRecord, _ b: DiskRecord) -> DirectionContradiction? {
      DirectionContradiction(pair("ab"), [a.disk.identity: a, b.disk.identity: b])
    }
    #expect(
      judge(record("a", with: "b", as: .primary, at: 2), record("b", with: "a", as: .primary, at: 1)) == nil)
    for time: Int64 in [2, 3] {
      let contradiction = judge(
        record("a", with: "b", as: .primary, at: 2), record("b", with: "a", as: .primary, at: time))
      #expect(contradiction == .wentTheOtherWay(at: .sample(time)))
    }
  }

  @Test("of too many directions the oldest of the same side is forgotten")
  func bounded() {
    var record = DiskRecord(sampleDisk("hub"))
    func note(_ name: String, _ side: Side, _ time: Int64) {
      record.note(
        .init(
          counterpart: sampleDisk(name).identity, side: side, at: .sample(time), relationship: UniqueID(1)))
    }
    note("source", .recovery, 0)
    for number in 1...200 { note("\(number)", .primary, Int64(number)) }
    #expect(record.directions.count == 129)
    #expect(record.directions.contains { $0.side == .recovery })
    #expect(!record.directions.contains { $0.at == .sample(72) })
    #expect(record.directions.contains { $0.at == .sample(73) })
    #expect(record.fault(as: .disk(record.disk.identity)) == nil)
  }
}
