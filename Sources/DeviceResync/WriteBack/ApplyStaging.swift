import Synchronization
import SystemPackage

/// The last bytes of an image, which its device does not reach: how they are read and written.
struct ImageTail {
  let read: (ByteRange) throws(ResyncError) -> [UInt8]
  /// Writes through the file, after everything else is on stable storage.
  let write: ([UInt8], ByteRange) throws(ResyncError) -> Void
}

/// Whether anybody can have written to the recovery since the commit.
enum ApplyMode: Sendable {
  /// The run that compared applies its own file: everything is written straight.
  case first
  /// After a stop: each block must hold its old or its new bytes, or be unreadable, before any is written.
  case replay
}

/// How an application ended that did not fail.
enum ApplyEnding: Sendable, Equatable {
  /// Every record of the pair is written; not flushed.
  case complete
  /// A second request to end came; the state stays Applying.
  case stopped
}

/// What applying has done so far; holds after a failed one too.
struct ApplyTotals: Sendable, Equatable {
  /// Bytes whose write to the recovery has ended well.
  var bytesWritten: UInt64 = 0
  /// Bytes of these that were punched out.
  var bytesZeroed: UInt64 = 0
  /// Whether the device refused a punch, and zeros were written as data from then on.
  var refusedPunch = false
  /// Bytes of all writes handed to the recovery's device; an image's last bytes go beside it.
  var bytesSubmitted: UInt64 = 0
}

/// Writes the records of one pair to its recovery, in order, at most 64 at a time, no two of which overlap.
///
/// Each record's bytes are checked once more as they are read. Nothing is in flight when this returns, and
/// nothing is flushed: the caller brings the recovery to stable storage.
///
/// - Parameters:
///   - pair: its number.
///   - queue: its primary is the staging file, its recovery the pair's; ``StagingFormat/geometry(depth:)``.
///   - punches: whether zeros are punched where the device can, or data like the rest.
///   - tail: how the image's last bytes are reached; nil for a device.
///   - control: is told of progress; only a second request to end is followed, since the way is forward.
///   - totals: what was done, also where this throws; starts at zero.
/// - Throws: 32775 where the recovery holds neither old nor new bytes (`replay`; nothing is written then) or
///   the file has changed since it was validated, or the first request that failed.
func applyStaging<Queue: BlockQueue & ~Copyable>(
  _ staging: ValidatedStaging, pair: Int, mode: ApplyMode, punches: Bool = false, through queue: inout Queue,
  tail: ImageTail? = nil, control: RunControl, totals: inout ApplyTotals
) throws(ResyncError) -> ApplyEnding {
  precondition(queue.geometry.depth >= 3 && queue.geometry.chunk >= staging.header.segmentSize)
  if mode == .replay {
    guard try checkTargets(staging, pair: pair, through: &queue, tail: tail, control: control) else {
      return .stopped
    }
  }
  var pass = try staging.pass(pair: pair, punches: punches, through: queue, control: control)
  let outcome: Result<ApplyEnding, ResyncError>
  do throws(ResyncError) {
    outcome = .success(try pass.apply(staging, pair, tail, control, &queue))
  } catch {
    outcome = .failure(error)
  }
  pass.requests.drain(&queue)
  totals.bytesWritten += pass.requests.bytesWritten
  totals.refusedPunch = totals.refusedPunch || pass.requests.refusedPunch
  totals.bytesZeroed += pass.requests.bytesZeroed
  totals.bytesSubmitted += pass.requests.bytesSubmitted
  return try outcome.get()
}

extension ValidatedStaging {
  /// A pass over the segments that hold entries of `pair`.
  func pass<Queue: BlockQueue & ~Copyable>(
    pair: Int, punches: Bool = false, through queue: borrowing Queue, control: RunControl
  ) throws(ResyncError) -> StagingPass {
    let hash = try attempt("read", on: name, .setUp) { () throws(Errno) in try RunningChecksum() }
    let extent = extents[pair]
    let requests = StagingRequests(
      depth: queue.geometry.depth, block: header.pairs[pair].recoveryBlockSize, punches: punches,
      control: control)
    return StagingPass(
      StagingScan(header, hash: hash, only: pair, after: extent.after), extent.range, name: name,
      requests: requests, geometry: queue.geometry)
  }
}

extension StagingPass {
  /// Reads zeros to write from, out of the file's hole.
  mutating func readZeros<Queue: BlockQueue & ~Copyable>(
    _ staging: ValidatedStaging, _ queue: inout Queue
  ) throws(ResyncError) {
    let zeros = staging.header.zeros
    try requests.start(
      BlockRequest(kind: .read, side: .primary, slot: zeroSlot, place: 0, range: zeros), &queue)
    try requests.wait(for: zeroSlot, &queue)
    let isZero = queue.withBytes(of: zeroSlot, count: Int(zeros.length)) { (bytes, _) in bytes.isZero }
    guard isZero else { throw StagingFault.damaged(.zeros).error(on: name) }
  }

  fileprivate mutating func apply<Queue: BlockQueue & ~Copyable>(
    _ staging: ValidatedStaging, _ pair: Int, _ tail: ImageTail?, _ control: RunControl, _ queue: inout Queue
  ) throws(ResyncError) -> ApplyEnding {
    try readZeros(staging, &queue)
    var last: (bytes: [UInt8], range: ByteRange)?
    while var segment = try nextSegment(&queue) {
      while let entry = try nextEntry(of: &segment, queue) {
        guard entry.pair == pair else { continue }
        if control.endsPairAtOnce { return .stopped }
        try check(entry, of: segment, queue)
        switch entry.kind {
        case .bytes: try write(entry.range, segment.slot, segment.place + entry.payload, &queue)
        case .zeros: try requests.zero(entry.range, from: zeroSlot, &queue)
        case .tail: last = (payload(of: entry, in: segment, queue), entry.range)
        case .digest, .hole, .tailDigest: continue
        }
        control.count(done: entry.range.length)
      }
      try requests.submit(&queue)
    }
    try requests.waitForAll(&queue)
    if let last {
      try write(last.bytes, last.range, tail)
      requests.countWritten(last.range.length)
    }
    return .complete
  }

  private mutating func write<Queue: BlockQueue & ~Copyable>(
    _ range: ByteRange, _ slot: Int, _ place: Int, _ queue: inout Queue
  ) throws(ResyncError) {
    try requests.start(
      BlockRequest(kind: .write, side: .recovery, slot: slot, place: place, range: range), &queue)
  }

  private func write(_ bytes: [UInt8], _ range: ByteRange, _ tail: ImageTail?) throws(ResyncError) {
    guard let tail else { throw ValidatedStaging.noTail(range) }
    try tail.write(bytes, range)
  }

  /// The payload of `entry`, copied.
  func payload<Queue: BlockQueue & ~Copyable>(
    of entry: StagedEntry, in segment: StagedSegment, _ queue: borrowing Queue
  ) -> [UInt8] {
    let start = segment.place + entry.payload
    return queue.withBytes(of: segment.slot, count: start + Int(entry.range.length)) { (bytes, _) in
      bytes.extracting(start...).copied()
    }
  }
}

extension ValidatedStaging {
  /// The file has a tail, and the disk has none that could be reached.
  static func noTail(_ range: ByteRange) -> ResyncError {
    ResyncError(
      .invalidState, "write the last bytes of", side: .recovery, range: range,
      reason: "the staging file was made for an image, and this is a device",
      remedy: "name the image")
  }
}
