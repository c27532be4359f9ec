import CProbe
import SystemPackage

@testable import DeviceResync
@testable import ReplicationService

/// What the seeds are made of: by the library itself, so that they are what it writes.
enum Sample {
  private static func disk(_ name: String, _ size: UInt64) -> RelationshipState.Disk {
    guard let identity = PersistentIdentity(parts: ["wwid-naa.\(name)", "size-\(size)"]) else {
      preconditionFailure("short enough")
    }
    return RelationshipState.Disk(identity: identity, path: "/dev/disk/by-id/wwn-\(name)", size: size)
  }

  static let pair = RelationshipState.Pair(primary: disk("a", 1 << 30), recovery: disk("b", 1 << 30))
  private static let time = Timestamp.now()
  private static let run = RunRecord(
    id: UniqueID(1), writeBack: .staged,
    staging: StagingPlace(path: "/var/lib/vmresync/staging/\(UniqueID(1))", fileSystem: "fs-1"),
    boot: UniqueID(7),
    process: 4711, processStart: 12345, began: time)
  private static let seal = CommitSeal(run: run.id, records: 3, segments: 1, bytes: 12288, hash: 0xfeed)
  private static let inconsistent = Consistency.Settled.inconsistent(.init(since: time, run: run, seal: seal))

  static let relationship = RelationshipState(
    id: UniqueID(100), pairs: [pair], consistency: .applying(run, seal),
    completed: [CompletedRun(id: run.id, began: time, ended: time, bytesCompared: 1 << 30, bytesDifferent: 1)]
  )

  private static let states: [Consistency] = [
    .settled(.never), .settled(.consistent(at: time)), .settled(.fuzzy(from: time, to: time)),
    .settled(inconsistent), .resynchronizing(run, before: inconsistent), .applying(run, seal),
  ]

  private static func relationships() throws -> [[UInt8]] {
    try states.map { state in
      var relationship = relationship
      relationship.consistency = state
      return try RecordFormat.encode(relationship)
    }
  }

  private static func disks() throws -> [[UInt8]] {
    var record = DiskRecord(pair.recovery)
    record.recoveryOf = [relationship.id]
    record.state = inconsistent
    record.lastProvenEqual = time
    record.note(
      .init(counterpart: pair.primary.identity, side: .recovery, at: time, relationship: relationship.id))
    return [try RecordFormat.encode(DiskRecord(pair.recovery)), try RecordFormat.encode(record)]
  }

  // MARK: Staging files

  /// Short segments, and disks that fit into memory: an image with a tail, and a device.
  static let header = StagingHeader(
    run: 1, relationship: 100,
    pairs: [
      StagedPair(
        primary: "p", recovery: "r", size: 20480 + 100, reach: 20480, logicalBlockSize: 512,
        recoveryBlockSize: 512),
      StagedPair(
        primary: "p2", recovery: "r2", size: 8192, reach: 8192, logicalBlockSize: 4096, recoveryBlockSize: 512
      ),
    ], segmentSize: 12 << 10)

  /// The same run's, with the longest segments and larger disks.
  static let wideHeader = StagingHeader(
    run: header.run, relationship: header.relationship,
    pairs: [
      StagedPair(
        primary: "p", recovery: "r", size: (1 << 40) + 100, reach: 1 << 40, logicalBlockSize: 512,
        recoveryBlockSize: 512),
      StagedPair(
        primary: "p2", recovery: "r2", size: 1 << 30, reach: 1 << 30, logicalBlockSize: 4096,
        recoveryBlockSize: 512),
    ], segmentSize: StagingFormat.longestSegment)

  /// Every kind of entry, in several segments; the recoveries hold zeros.
  private static func stagingFile() throws -> [UInt8] {
    let geometry = QueueGeometry(chunk: header.segmentSize, depth: 3)
    let catcher = Catcher()
    var file = MemoryQueue(
      primary: [], recovery: [UInt8](repeating: 0, count: 128 << 10), geometry: geometry)
    // The seal comes last, and at the end.
    file.onWrite = { range, bytes in catcher.bytes = Array(bytes[..<Int(range.end)]) }
    var writer = try StagingWriter.begin(header, through: file) { () throws(Errno) in 1 << 40 }
    let old = [UInt8](repeating: 0, count: 4096)
    let new = (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 7 | 1) }
    func add(_ pair: Int, _ offset: UInt64, _ bytes: [UInt8], over before: [UInt8]) throws {
      try writer.addBlocks(
        pair: pair, ByteRange(offset: offset, length: UInt64(bytes.count)), primary: bytes.span.bytes,
        recovery: before.span.bytes)
      try writer.addDigest(
        pair: pair, ByteRange(offset: offset, length: UInt64(bytes.count)), Checksum.of128(bytes))
    }
    try add(0, 0, new, over: old)
    try add(0, 4096, old, over: new)
    try add(0, 8192, new, over: old)
    try writer.addHole(pair: 0, ByteRange(offset: 12288, length: 8192))
    let tail = [UInt8](repeating: 5, count: 100)
    let range = ByteRange(offset: 20480, length: 100)
    try writer.addTail(pair: 0, range, primary: tail, recovery: [UInt8](repeating: 0, count: 100))
    try writer.addDigest(pair: 0, range, Checksum.of128(tail), isTail: true)
    try add(1, 0, new, over: old)
    try writer.addDigest(pair: 1, ByteRange(offset: 4096, length: 4096), Checksum.of128(old))
    _ = try writer.seal()
    return catcher.bytes
  }

  /// An answer of the probing helper, field by field as CProbe.h has them; its texts are empty.
  private static func probeAnswer(_ signatures: UInt16, _ partitions: UInt16) -> [UInt8] {
    func number<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
      (0..<Value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    func text(_ text: String, _ capacity: Int) -> [UInt8] {
      let bytes = Array(text.utf8)
      return number(UInt16(bytes.count)) + bytes + [UInt8](repeating: 0, count: capacity - bytes.count)
    }
    var bytes = number(UInt32(probe_magic)) + number(UInt32(7)) + [0, 1] + number(UInt32(0))
    bytes += number(UInt64(1 << 30)) + number(UInt32(512)) + number(UInt32(4096)) + number(UInt32(4096))
    bytes +=
      number(UInt32(0)) + number(UInt32(0)) + number(signatures) + number(partitions) + number(UInt32(0))
    bytes += [1] + text("gpt", probe_type_capacity) + text("id", probe_uuid_capacity)
    bytes += text("start", probe_start_capacity) + text("end", probe_end_capacity)
    for _ in 0..<signatures {
      bytes += text("ext4", probe_type_capacity) + text("filesystem", probe_usage_capacity)
      bytes += text("uuid", probe_uuid_capacity) + text("label", probe_label_capacity)
      bytes += text("1.0", probe_version_capacity) + number(UInt64(1080))
    }
    for index in 0..<UInt64(partitions) {
      bytes +=
        number(UInt32(1 + index)) + number((1 + index) << 20) + number(UInt64(1 << 20)) + number(UInt64(4))
        + [0]
      bytes += text("type", probe_partition_type_capacity) + text("name", probe_partition_name_capacity)
      bytes += text("", probe_partition_uuid_capacity)
    }
    return bytes
  }

  static let job: Job = {
    var job = Job(
      UniqueID(9), RunRequest(.resync, pairs: [.init(primary: "/dev/a", recovery: "/dev/b")]),
      relationship: "web", owner: "root", now: 1_906_329_600_000_000)
    job.process = ProcessIdentity(id: 4711, start: 12345, boot: UniqueID(7))
    job.enter(.starting, at: job.submitted)
    job.note = "late"
    return job
  }()

  private static let configuration = """
    version = 1
    [defaults]
    stall-timeout = "5min"
    [[system]]
    name = "web01"
    uuid = "11111111-2222-4333-8444-555555555555"
    [[system.disk]]
    target = "vda"
    source = "/dev/vg0/web01"
    serial = "ROOT"
    [[system]]
    name = "web01-replica"
    [[system.disk]]
    target = "vda"
    source = "/dev/vg1/web01"
    serial = "ROOT"
    [[relationship]]
    name = "web01"
    primary = "web01"
    recovery = "web01-replica"
    enabled = true
    pair-by = ["serial", "wwn", "target"]
    write-back = "staged"
    max-difference = "25%"
    verify = true
    [[relationship.disk]]
    primary = "vda"
    recovery = "serial:ROOT"
    """

  static func seeds(of parser: Parser) throws -> [[UInt8]] {
    switch parser {
    case .stagingFile: return [try stagingFile()]
    case .stagingHeader: return [header.encoded()]
    case .stagingIndex:
      let start = Int(header.zeros.end)
      var index = Array(try stagingFile()[start..<start + StagingIndex.entriesEnd])
      while index.last == 0 { index.removeLast() }
      return [index]
    case .relationship: return try relationships()
    case .disk: return try disks()
    case .probeAnswer: return [probeAnswer(0, 0), probeAnswer(2, 0), probeAnswer(1, 3)]
    case .startTime:
      return [
        "20300601020000.000000+120", "00000000003000.000000:000", "203006010200**.******-300",
        "00000001132312.125***:000",
      ].map { Array($0.utf8) }
    case .configuration: return [Array(configuration.utf8)]
    case .job: return [try RecordFormat.encode(job)]
    case .container: return [Array("QFI".utf8) + [0xfb, 0, 0, 0, 3] + [UInt8](repeating: 0, count: 504)]
    }
  }
}

/// What a writer left: it takes its queue with it.
private final class Catcher {
  var bytes: [UInt8] = []
}

// MARK: Checksums, without which no change gets past the first look

extension [UInt8] {
  /// Puts the checksum of a part at its end.
  mutating func sign(_ part: Range<Int>) {
    let checksum = withRawSpan { Checksum.of64($0.extracting(part.lowerBound..<part.upperBound - 8)) }
    store(littleEndian: checksum, at: part.upperBound - 8)
  }

  /// Makes all checksums of a staging file right, and its seal what it comes to; nil for what has no header.
  mutating func signStaging() -> StagingHeader? {
    let least = StagingFormat.alignment + StagingFormat.sealSize
    guard count >= least, count.isMultiple(of: StagingFormat.alignment),
      let length = try? withRawSpan({ (span) throws(StagingFault) in try StagingHeader.length(from: span) }),
      length <= count
    else { return nil }
    sign(0..<length)
    guard
      let header = try? withRawSpan({ (span) throws(StagingFault) in
        try StagingHeader(decoding: span.extracting(first: length))
      }), header.segmentSize == Sample.header.segmentSize,
      Int(header.zeros.end) <= count - StagingFormat.sealSize,
      var seal = Seal(header)
    else { return nil }
    for place in Int(header.byteCount)..<Int(header.zeros.end) { self[place] = 0 }
    var place = Int(header.zeros.end)
    while place + StagingFormat.indexSize <= count - StagingFormat.sealSize {
      sign(place..<place + StagingFormat.indexSize)
      seal.add(self, at: place)
      let payload = withRawSpan { $0.littleEndian(at: place + 40, as: UInt32.self) }
      place += StagingFormat.indexSize + Int(payload) / StagingFormat.alignment * StagingFormat.alignment
    }
    let start = count - StagingFormat.sealSize
    replaceSubrange(start..<count, with: seal.value.encoded())
    return header
  }
}

/// What a file's segments come to, by their own word.
private struct Seal: ~Copyable {
  private let run: UInt128
  private var hash: RunningChecksum
  private var segments: UInt64 = 0
  private var records: UInt64 = 0
  private var bytes: UInt64 = 0

  init?(_ header: StagingHeader) {
    guard var hash = try? RunningChecksum() else { return nil }
    hash.add(header.encoded())
    self.hash = hash
    run = header.run
  }

  /// Adds the index at `place`; its entries' payload checksums stay as they are.
  mutating func add(_ file: [UInt8], at place: Int) {
    let index = Array(file[place..<place + StagingFormat.indexSize])
    hash.add(index)
    segments += 1
    index.withRawSpan { index in
      var place = StagingIndex.entries
      for _ in 0..<min(index.littleEndian(at: 32, as: UInt32.self), 256) {
        guard place + StagingIndex.fixedOfDigest <= StagingIndex.entriesEnd else { return }
        let length = index.littleEndian(at: place + 16, as: UInt64.self)
        switch index.littleEndian(at: place + 4, as: UInt16.self) {
        case 1, 2, 3:
          records &+= 1
          bytes &+= length
          place += StagingIndex.fixedOfBlocks
          let digests =
            index.littleEndian(at: place - 28, as: UInt16.self) == 3 ? 1 : Int(length & 0xffff) / 512
          place += digests * 8
        case 4, 6: place += StagingIndex.fixedOfDigest
        default: place += StagingIndex.fixedOfHole
        }
      }
    }
  }

  var value: StagingSeal {
    StagingSeal(run: run, records: records, bytes: bytes, segments: segments, hash: hash.value)
  }
}
