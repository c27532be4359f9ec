import SystemPackage

/// Where a staging file was made durable: what of each pair is before it is dealt with.
struct StagedMark: Sendable, Equatable {
  /// How far each pair of the file has come, in bytes; 0 for one that was not begun.
  let offsets: [UInt64]
  /// Segments in the file.
  let segments: UInt64
  /// Bytes of the file up to the end of the last one.
  let length: UInt64
  /// XXH3, 128 bits, over the header and every index so far.
  let hash: UInt128
}

/// When a staging file is made durable on the way, and who remembers how far.
struct StagedCheckpoints {
  let clock: CheckpointClock
  /// Remembers a place in the file, which is durable; false where there is no use in any more.
  let keep: (StagedMark) throws(ResyncError) -> Bool
}

/// When the next checkpoint is due, across all pairs of a run.
final class CheckpointClock {
  private let pace: CheckpointPace
  private var bytes: UInt64 = 0
  private var last = ContinuousClock.now

  init(_ pace: CheckpointPace) { self.pace = pace }

  /// Whether it is due, after so many bytes more.
  func isDue(after bytes: UInt64) -> Bool {
    self.bytes = self.bytes.saturatingAdd(bytes)
    return self.bytes >= pace.bytes || ContinuousClock.now - last >= .seconds(pace.seconds)
  }

  /// One was made.
  func reset() { (bytes, last) = (0, .now) }
}

/// The part of a staging file before a checkpoint, read and found right.
struct StagingPrefix: ~Copyable {
  /// Over the header and every index, to be added to.
  let hash: RunningChecksum
  let segments: UInt64
  let records: UInt64
  let recordBytes: UInt64
  /// Up to where each pair's chunks and holes have come, in bytes.
  let covered: [UInt64]
  /// Bytes of the file.
  let length: UInt64
}

extension StagingWriter where Queue: ~Copyable {
  /// Goes on behind `prefix`, where the file was cut.
  init(
    _ header: StagingHeader, after prefix: consuming StagingPrefix, through queue: consuming Queue,
    room: @escaping Room
  ) {
    let (segments, records, recordBytes) = (prefix.segments, prefix.records, prefix.recordBytes)
    let (covered, length) = (prefix.covered, prefix.length)
    self.init(header, output: StagingOutput(queue), hash: prefix.takeHash(), room: room)
    self.segments = segments
    self.records = records
    self.recordBytes = recordBytes
    self.covered = covered
    size = length
    end = length
  }

  /// Closes the segment that is being filled, and brings all so far to stable storage.
  ///
  /// - Parameter evenFigures: whether it is of use even where there was no room for all bytes.
  /// - Returns: nil where there was no room for all of it.
  mutating func makeDurable(
    evenFigures: Bool = false
  ) throws(ResyncError) -> (segments: UInt64, length: UInt64, hash: UInt128)? {
    if isOutOfRoom, !evenFigures { return nil }
    try finishSegment()
    try output.flush()
    if output.isFull || isOutOfRoom && !evenFigures { return nil }
    return (segments, end, hash.value)
  }
}

extension StagingPrefix {
  fileprivate consuming func takeHash() -> RunningChecksum { hash }
}

/// Reads a staging file from its hole of zeros up to a checkpoint, and sees whether it is what that says.
///
/// What follows may be anything: a run that was killed there left it.
///
/// - Parameters:
///   - header: the file's, looked at already.
///   - queue: its primary is the file.
///   - size: of the file, in bytes.
///   - name: what messages call it.
///   - takesFigures: whether segments whose payload was left out are taken.
///   - take: is given every entry, in order.
/// - Throws: 32775 with the reason (``StagingFault``), the read that failed, what `take` threw, or what ended the run.
func readStaging<Queue: BlockQueue & ~Copyable>(
  _ header: StagingHeader, through queue: inout Queue, size: UInt64, name: String,
  upTo checkpoint: StagedMark, takesFigures: Bool = false,
  control: RunControl, _ take: (StagedEntry) throws(ResyncError) -> Void
) throws(ResyncError) -> StagingPrefix {
  let hash = try attempt("check", on: name, .setUp) { () throws(Errno) in try RunningChecksum() }
  try refusing(name) { () throws(StagingFault) in
    guard checkpoint.length >= header.zeros.end, checkpoint.length <= size,
      header.pairs.count == checkpoint.offsets.count
    else { throw .wrongSize }
  }
  var requests = StagingRequests(depth: queue.geometry.depth, block: 512, control: control)
  do throws(ResyncError) {
    try requests.start(
      BlockRequest(kind: .read, side: .primary, slot: 0, place: 0, range: header.zeros), &queue)
    try requests.wait(for: 0, &queue)
    let isZero = queue.withBytes(of: 0, count: Int(header.zeros.length)) { (bytes, _) in bytes.isZero }
    if !isZero { throw StagingFault.damaged(.zeros).error(on: name) }
  } catch {
    requests.drain(&queue)
    throw error
  }
  var pass = StagingPass(
    StagingScan(header, hash: hash, takesFigures: takesFigures),
    ByteRange(header.zeros.end, upTo: checkpoint.length), name: name,
    requests: requests, geometry: queue.geometry)
  do throws(ResyncError) {
    while var segment = try pass.nextSegment(&queue) {
      if control.isStopping { throw control.ending("check", on: name) }
      while let entry = try pass.nextEntry(of: &segment, queue) {
        try pass.check(entry, of: segment, queue)
        try take(entry)
      }
    }
  } catch {
    pass.requests.drain(&queue)
    throw error
  }
  do throws(StagingFault) {
    return try pass.prefix(upTo: checkpoint.length, checkpoint)
  } catch {
    throw error.error(on: name)
  }
}
