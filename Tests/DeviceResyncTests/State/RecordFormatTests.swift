import Testing

@testable import DeviceResync

@Suite struct RecordFormatTests {
  static let run = sampleRun()
  static let inconsistent = Consistency.Settled.inconsistent(
    .init(since: .sample(), run: run, seal: sampleSeal(of: run)))
  static let states: [Consistency] = [
    .settled(.never), .settled(.consistent(at: .sample())),
    .settled(.fuzzy(from: .sample(), to: .sample(9))), .settled(inconsistent),
    .settled(.inconsistent(.init(since: .sample(), run: sampleRun(2, .inPlace), seal: nil))),
    .resynchronizing(sampleRun(3, .inPlace), before: inconsistent), .resynchronizing(run, before: .never),
    .applying(run, sampleSeal(of: run)),
    .resynchronizing(sampleStopped(), before: .consistent(at: .sample())),
  ]

  static func sample(_ consistency: Consistency) -> RelationshipState {
    var state = sampleRelationship(100, [samplePair("a", "b"), samplePair("a", "c")], consistency)
    state.completed = [sampleCompleted(sampleRun(9))]
    return state
  }

  static func sampleDiskRecord() -> DiskRecord {
    var record = DiskRecord(sampleDisk("a"))
    record.primaryOf = [UniqueID(1), UniqueID(2)]
    record.recoveryOf = [UniqueID(3)]
    record.state = inconsistent
    record.lastProvenEqual = .sample(5)
    record.note(
      .init(counterpart: sampleDisk("b").identity, side: .primary, at: .sample(), relationship: UniqueID(1)))
    return record
  }

  static func decode<Record: StoredRecord>(
    _ bytes: [UInt8], _ name: RecordName, as type: Record.Type = Record.self
  ) throws(RecordFault) -> Record {
    try RecordFormat.decode(bytes, as: name)
  }

  @Test("a relationship comes back as it was written, in every state", arguments: states)
  func relationship(consistency: Consistency) throws {
    let state = Self.sample(consistency)
    let bytes = try RecordFormat.encode(state)
    #expect(try Self.decode(bytes, .relationship(state.id)) == state)
  }

  /// With everything of a recovery point that a record can have.
  static func sampleWithPoint() -> RelationshipState {
    var state = Self.sample(.settled(.consistent(at: .sample(60))))
    var run = sampleRun(7)
    run.point = samplePoint().files
    var point = samplePoint(inconsistent, pairs: 2)
    point.disksBefore[1] = nil
    state.recoveryPoint = point
    state.consistency = .resynchronizing(run, before: .consistent(at: .sample(60)))
    state.obsoletePoints = [
      PlannedPoint(
        id: UniqueID(51), kind: .snapshot,
        places: (0..<2).map { .init(path: "/images/.vmresync-\(UniqueID(51))-\($0)", fileSystem: "fs-2") })
    ]
    return state
  }

  @Test("what one can go back by comes back as it was written, without the seal that nobody can finish")
  func recoveryPoint() throws {
    let state = Self.sampleWithPoint()
    let bytes = try RecordFormat.encode(state)
    #expect(try Self.decode(bytes, .relationship(state.id)) == state)
    guard case .inconsistent(let left)? = state.recoveryPoint?.before else {
      Issue.record("\(state)")
      return
    }
    #expect(left.seal == nil)
    try Self.flip(bytes, .relationship(state.id), as: RelationshipState.self)
  }

  /// What a hostile hand may put in place of a part of it.
  static let pointReplacements: [(part: String, by: String)] = [
    (#""Kind" : "undo""#, #""Kind" : "snapshot""#), (#""Kind" : "snapshot""#, #""Kind" : "undo""#),
    (#""Kind" : "undo""#, #""Kind" : "magic""#),
    // Nothing but what we have named is ever removed.
    ("/var/lib/vmresync/staging/00000000-0000-0000-0000-000000000032", "/etc/passwd"),
    ("/images/.vmresync-00000000-0000-0000-0000-000000000033-1", "/etc/passwd"),
    ("/images/.vmresync-", "images/.vmresync-"),
    ("/images/.vmresync-00000000-0000-0000-0000-000000000033-1", "/x-00000000-0000-0000-0000-000000000033/y"),
    (#""fs-2""#, "\"\(String(repeating: "f", count: 1100))\""),
    (#""Run" : "00000000-0000-0000-0000-000000000032""#, #""Run" : "00000000-0000-0000-0000-000000000034""#),
    (#""DisksBefore" : ["#, #""DisksBefore" : [null,"#),
    (#""MadeAt" : "2023"#, #""MadeAt" : "-2023"#),
  ]

  @Test("a recovery point that makes no sense is refused, without a trap", arguments: pointReplacements)
  func senselessPoint(part: String, by: String) throws {
    let state = Self.sampleWithPoint()
    let text = String(decoding: try RecordFormat.encode(state), as: UTF8.self)
    try #require(text.contains(part))
    #expect(throws: RecordFault.self) {
      _ = try Self.decode(
        Array(text.replacing(part, with: by).utf8), .relationship(state.id), as: RelationshipState.self)
    }
  }

  @Test("a disk comes back as it was written")
  func disk() throws {
    let record = Self.sampleDiskRecord()
    #expect(try Self.decode(try RecordFormat.encode(record), .disk(record.disk.identity)) == record)
    let empty = DiskRecord(sampleDisk("z"))
    #expect(try Self.decode(try RecordFormat.encode(empty), .disk(empty.disk.identity)) == empty)
  }

  @Test("the words in a record are those of the manual")
  func words() throws {
    let text = String(decoding: try RecordFormat.encode(Self.sample(Self.states[7])), as: UTF8.self)
    for line in [
      #""FormatVersion" : 1"#, #""State" : "Applying""#, #""WriteBack" : "staged""#,
      #""Began" : "2023-11-14T22:13:20Z""#, #""Hash" : "000000000000feed000000000000beef""#,
      #""Relationship" : "00000000-0000-0000-0000-000000000064""#, #""Size" : 1073741824"#,
    ] { #expect(text.contains(line)) }
  }

  @Test("another version is told from a damaged record", arguments: [0, 2, -1, .max])
  func version(version: Int) throws {
    let bytes = Array(#"{"FormatVersion": \#(version), "Whatever": []}"#.utf8)
    let fault = #expect(throws: RecordFault.self) {
      _ = try Self.decode(bytes, .relationship(UniqueID(1)), as: RelationshipState.self)
    }
    #expect(fault == .unknownVersion(version))
    let error = fault?.error(on: "F")
    #expect(error?.returnValue == .invalidState)
    #expect(error?.description.contains("newer vmresync") == true)
  }

  @Test("a record cut at any byte is refused")
  func truncated() throws {
    let state = Self.sample(Self.states[7])
    let bytes = try RecordFormat.encode(state)
    // Without the newline at its end it is still whole.
    for count in 0..<(bytes.count - 2) {
      #expect(throws: RecordFault.self) {
        _ = try Self.decode(Array(bytes.prefix(count)), .relationship(state.id), as: RelationshipState.self)
      }
    }
  }

  @Test("a record with any bit flipped is refused, or reads as one that can be written again")
  func flipped() throws {
    let state = Self.sample(Self.states[3])
    let name = RecordName.relationship(state.id)
    let bytes = try RecordFormat.encode(state)
    try Self.flip(bytes, name, as: RelationshipState.self)
    let record = Self.sampleDiskRecord()
    try Self.flip(try RecordFormat.encode(record), .disk(record.disk.identity), as: DiskRecord.self)
  }

  static func flip<Record: StoredRecord & Equatable>(
    _ bytes: [UInt8], _ name: RecordName, as type: Record.Type
  ) throws {
    try forSeeds { seed in
      var random = SplitMix64(seed: seed)
      for _ in 0..<50 {
        var hostile = bytes
        for _ in 0..<Int.random(in: 1...3, using: &random) {
          hostile[Int.random(in: 0..<bytes.count, using: &random)] ^=
            1 << UInt8.random(in: 0..<8, using: &random)
        }
        guard let read = try? Self.decode(hostile, name, as: type) else { continue }
        let again = try Self.decode(try RecordFormat.encode(read), name, as: type)
        #expect(again == read, "seed \(seed)")
      }
    }
  }

  /// What a hostile hand may put in place of a part of a good record.
  static let replacements: [(part: String, by: String)] = [
    (#""Size" : 1073741824"#, #""Size" : -1"#),
    (#""Size" : 1073741824"#, #""Size" : 0"#),
    (#""Size" : 1073741824"#, #""Size" : 18446744073709551616"#),
    (#""Size" : 1073741824"#, #""Size" : 1e400"#),
    (#""Size" : 1073741824"#, #""Size" : "1073741824""#),
    (#""State" : "Applying""#, #""State" : "Perfect""#),
    (#""WriteBack" : "staged""#, #""WriteBack" : "in-place""#),
    ("000000000000feed000000000000beef", "000000000000FEED000000000000beef"),
    ("2023-11-14T22:13:20Z", "2023-11-14T22:13:61Z"),
    ("2023-11-14T22:13:20Z", "2023-13-14T22:13:20Z"),
    ("2023-11-14T22:13:20Z", "99999999999999-01-01"),
    ("00000000-0000-0000-0000-000000000064", "00000000-0000-0000-0000-000000000065"),
    ("wwid-naa.c/", "wwid-naa.b/"), ("wwid-naa.c/", "wwid-naa.a/"), ("wwid-naa.c/", #"\u0000/"#),
    ("wwid-naa.c/", "wwid-naa.\(String(repeating: "c", count: 1100))/"),
    ("/dev/disk/by-id/wwn-c", ""), ("/dev/disk/by-id/wwn-c", String(repeating: "/x", count: 2049)),
    ("/var/lib/vmresync/staging/", "staging/"), ("/vmresync/staging/00000000-", "/vmresync/staging/../"),
    (#""Process" : 4711"#, #""Process" : 99999999999"#),
    (#""CompletedRuns" : ["#, #""CompletedRuns" : [\#(String(repeating: "[", count: 100_000))"#),
    ("{", "\u{feff}["),
  ]

  @Test("what makes no sense is refused, without a trap", arguments: replacements)
  func senseless(part: String, by: String) throws {
    let state = Self.sample(Self.states[7])
    let text = String(decoding: try RecordFormat.encode(state), as: UTF8.self)
    try #require(text.contains(part))
    let hostile = text.replacing(part, with: by, maxReplacements: 1)
    let fault = #expect(throws: RecordFault.self) {
      _ = try Self.decode(Array(hostile.utf8), .relationship(state.id), as: RelationshipState.self)
    }
    guard case .damaged(let reason) = fault else {
      Issue.record("\(String(describing: fault))")
      return
    }
    // No byte of what was there gets into a message.
    #expect(reason.utf8.allSatisfy { (0x20..<0x7f).contains($0) } && reason.utf8.count < 100)
  }

  @Test("a seal of another run, or pairs without end, are refused")
  func contradictions() throws {
    let name = RecordName.relationship(UniqueID(100))
    let foreign = Self.sample(.applying(Self.run, sampleSeal(of: sampleRun(5))))
    #expect(foreign.fault(as: name) == "the seal is another run's")
    var state = Self.sample(.settled(.never))
    state.pairs = (0..<129).map { samplePair("a", "r\($0)") }
    #expect(state.fault(as: name) == "it has 129 pairs")
    state.pairs = []
    #expect(state.fault(as: name) != nil)
    state.pairs = [samplePair("a", "b"), samplePair("b", "c")]
    #expect(state.fault(as: name) == "a disk is written twice, or read and written")
  }

  @Test("files that are no records have no name as such")
  func names() {
    let file = "00000000-0000-0000-0000-000000000064.json"
    #expect(RecordName(folder: .states, file: file) == .relationship(UniqueID(100)))
    for file in ["\(file).new", "..", "x.json", ".json", "../\(file)", file.uppercased()] {
      #expect(RecordName(folder: .states, file: file) == nil)
    }
    #expect(RecordName(folder: .disks, file: file) == nil)
    let disk = RecordName.disk(sampleDisk("../../etc/cron.d/x").identity)
    #expect(RecordName(folder: .disks, file: disk.file) == disk)
  }
}
