import SystemPackage

@testable import DeviceResync

/// A disk pair's bytes, and how it is cut.
struct StagingDisks {
  var primary: [UInt8]
  var recovery: [UInt8]
  var blocks: (primary: UInt32, recovery: UInt32) = (512, 512)
  /// Ranges that the comparison reads: the rest is a hole of both sides; nil for all.
  var data: [ByteRange]?

  var grid: BlockGrid { BlockGrid(blocks.primary, blocks.recovery) }
  /// Bytes that the devices reach; the rest is the tail.
  var reach: Int { primary.count / grid.logicalBlockSize * grid.logicalBlockSize }

  func staged(_ number: Int) -> StagedPair {
    StagedPair(
      primary: "wwn-0x5000c500\(number)", recovery: "file 8:1 \(1000 + number)", size: UInt64(primary.count),
      reach: UInt64(reach), logicalBlockSize: UInt32(grid.logicalBlockSize),
      recoveryBlockSize: blocks.recovery)
  }
}

/// A staging file as bytes, and what was committed with it.
struct StagingImage {
  var bytes: [UInt8]
  let header: StagingHeader
  let seal: StagingSeal

  var expectation: StagingExpectation { StagingExpectation(header: header, seal: seal) }
}

/// Ranges as they come.
struct ListedRanges: RangeSource {
  var ranges: [ByteRange]
  var bytesSkipped: UInt64 { 0 }
  mutating func next() -> WorkRange? { ranges.isEmpty ? nil : WorkRange(range: ranges.removeFirst()) }
}

func stagingHeader(_ disks: [StagingDisks], segmentSize: Int) -> StagingHeader {
  StagingHeader(
    run: 0x1122_3344_5566_7788_99aa_bbcc_ddee_ff00, relationship: 7,
    pairs: disks.enumerated().map { $1.staged($0) },
    segmentSize: segmentSize)
}

/// A writer to a file of its own without a name.
func stagingWriter(
  _ header: StagingHeader, to file: borrowing OwnedDescriptor,
  room: @escaping StagingWriter<DiskQueue>.Room = { () throws(Errno) in 1 << 40 }
) throws -> StagingWriter<DiskQueue> {
  let queue = try DiskQueue(
    primary: file, recovery: file,
    geometry: QueueGeometry(chunk: header.segmentSize, depth: 3, recoveryDepth: 1), engine: .ioUring)
  return try StagingWriter.begin(header, through: queue, room: room)
}

/// Compares a pair in memory into `writer`, which comes back.
func stage<Queue: BlockQueue & ~Copyable>(
  _ disks: StagingDisks, pair: Int, into writer: consuming StagingWriter<Queue>, chunk: Int = 64 << 10,
  confirming: Bool = false, edits: [MemoryQueue.Edit] = []
) throws -> StagingWriter<Queue> {
  var queue = MemoryQueue(
    primary: disks.primary, recovery: disks.recovery, geometry: QueueGeometry(chunk: chunk, depth: 4))
  queue.edits = edits
  return try stage(disks, pair: pair, into: writer, from: &queue, confirming: confirming)
}

/// The same through any queue.
func stage<Queue: BlockQueue & ~Copyable, Source: BlockQueue & ~Copyable>(
  _ disks: StagingDisks, pair: Int, into writer: consuming StagingWriter<Queue>, from queue: inout Source,
  confirming: Bool = false, rules: ReadFaultRules = ReadFaultRules()
) throws -> StagingWriter<Queue> {
  let staging = SharedStaging(writer)
  try stage(disks, pair: pair, in: staging, from: &queue, confirming: confirming, rules: rules)
  return staging.takeWriter()
}

/// The same into what other pairs may be staged in meanwhile.
func stage<Queue: BlockQueue & ~Copyable, Source: BlockQueue & ~Copyable>(
  _ disks: StagingDisks, pair: Int, in staging: SharedStaging<Queue>, from queue: inout Source,
  confirming: Bool = false, rules: ReadFaultRules = ReadFaultRules()
) throws {
  var sink = StagedSink(
    DifferenceRecorder(size: UInt64(disks.reach), maxRanges: 10), staging, pair: pair,
    checksum: try RunningChecksum())
  var totals = CompareTotals()
  var source = ListedRanges(
    ranges: disks.data ?? (disks.reach == 0 ? [] : [ByteRange(offset: 0, length: UInt64(disks.reach))]))
  let ending = try comparePair(
    &source, through: &queue, into: &sink, blocks: disks.grid, confirming: confirming, rules: rules,
    control: RunControl(), totals: &totals)
  precondition(ending == .complete)
  try sink.complete(
    primaryTail: Array(disks.primary[disks.reach...]), recoveryTail: Array(disks.recovery[disks.reach...]))
}

/// Stages all pairs, one after the other, and seals.
func staging(of disks: [StagingDisks], segmentSize: Int = 16 << 10) throws -> StagingImage {
  let file = try unnamedFile(size: 0, in: "/var/tmp", direct: true)
  let header = stagingHeader(disks, segmentSize: segmentSize)
  var writer = try stagingWriter(header, to: file)
  for (index, pair) in disks.enumerated() { writer = try stage(pair, pair: index, into: writer) }
  let seal = try writer.seal()
  return StagingImage(bytes: try file.contents(), header: header, seal: seal)
}

extension OwnedDescriptor {
  /// Every byte of a file that may be open for direct I/O.
  func contents() throws -> [UInt8] {
    let size = Int(try FileStatus(of: self).size)
    return Array(try readDirect((size + 4095) / 4096 * 4096, at: 0).prefix(size))
  }
}

/// A queue that reads `image` and writes `recovery`.
func applyQueue(_ image: StagingImage, over recovery: [UInt8]) -> MemoryQueue {
  MemoryQueue(
    primary: image.bytes, recovery: recovery,
    geometry: QueueGeometry(chunk: image.header.segmentSize, depth: 3))
}

func validate<Queue: BlockQueue & ~Copyable>(
  _ image: StagingImage, _ queue: inout Queue, expecting: StagingExpectation? = nil
) throws(ResyncError) -> ValidatedStaging {
  try validateStaging(
    through: &queue, size: UInt64(image.bytes.count), name: "staging",
    expecting: expecting ?? image.expectation)
}

/// Bytes that a tail's closures can share.
final class TailBytes {
  var bytes: [UInt8]
  init(_ bytes: [UInt8]) { self.bytes = bytes }
  func tail(at reach: Int) -> ImageTail {
    ImageTail(
      read: { [self] (range) throws(ResyncError) in Array(bytes[(Int(range.offset) - reach)...]) },
      write: { [self] (new, _) throws(ResyncError) in bytes = new })
  }
}

/// What applying came to.
struct Applied {
  var ending: Result<ApplyEnding, ResyncError>
  var totals = ApplyTotals()
  var recovery: [UInt8]
  var violations: [String]
  var mostWrites: Int
}

/// Validates `image` and applies one pair of it to `recovery`, tail included.
func apply(
  _ image: StagingImage, pair: Int = 0, to recovery: [UInt8], mode: ApplyMode = .first,
  expecting: StagingExpectation? = nil
) -> Applied {
  let reach = Int(image.header.pairs[pair].reach)
  let last = TailBytes(Array(recovery[reach...]))
  var queue = applyQueue(image, over: Array(recovery[..<reach]))
  var totals = ApplyTotals()
  let ending = Result<ApplyEnding, ResyncError> { () throws(ResyncError) in
    let staging = try validate(image, &queue, expecting: expecting)
    return try applyStaging(
      staging, pair: pair, mode: mode, through: &queue, tail: last.tail(at: reach), control: RunControl(),
      totals: &totals)
  }
  return Applied(
    ending: ending, totals: totals, recovery: queue.recovery + last.bytes, violations: queue.violations,
    mostWrites: queue.mostWritesInFlight)
}

/// Validates `image` and proves one pair's `recovery` by it.
func prove(_ image: StagingImage, pair: Int = 0, _ recovery: [UInt8]) throws(ResyncError) -> UInt64? {
  let reach = Int(image.header.pairs[pair].reach)
  var queue = applyQueue(image, over: Array(recovery[..<reach]))
  let staging = try validate(image, &queue)
  return try proveAgainstDigests(
    staging, pair: pair, through: &queue, tail: TailBytes(Array(recovery[reach...])).tail(at: reach),
    control: RunControl())
}
