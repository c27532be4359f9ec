import Synchronization
import SystemPackage

/// Reads all of a recovery and compares it with the digests of what it is to hold: the proof after a stop.
///
/// - Parameters:
///   - pair: its number.
///   - queue: as for ``applyStaging``; nothing is written.
///   - control: is told of progress in `bytesDone`; any request to end is followed.
/// - Returns: bytes that were read and found right; nil where the run was asked to end.
/// - Throws: 32768 with the first range that is wrong, or the first request that failed.
func proveAgainstDigests<Queue: BlockQueue & ~Copyable>(
  _ staging: ValidatedStaging, pair: Int, through queue: inout Queue, tail: ImageTail? = nil,
  control: RunControl
) throws(ResyncError) -> UInt64? {
  precondition(queue.geometry.depth >= 3 && queue.geometry.chunk >= staging.header.segmentSize)
  let pass = try staging.pass(pair: pair, through: queue, control: control)
  var proof = StagingProof(
    pass, depth: queue.geometry.depth, unit: staging.header.pairs[pair].recoveryBlockSize, control: control)
  let outcome: Result<UInt64?, ResyncError>
  do throws(ResyncError) {
    outcome = .success(try proof.run(pair, tail, &queue))
  } catch {
    outcome = .failure(error)
  }
  proof.pass.requests.drain(&queue)
  return try outcome.get()
}

/// The state of one proof: chunks of the recovery are read some ahead, and judged in order.
private struct StagingProof: ~Copyable {
  var pass: StagingPass
  /// What is being read into each slot's recovery half.
  private var pending: [StagedEntry?]
  private var slot = 0
  private var done: UInt64 = 0
  /// The recovery's logical block, in bytes.
  private let unit: UInt64
  private let control: RunControl

  init(_ pass: consuming StagingPass, depth: Int, unit: UInt32, control: RunControl) {
    self.pass = pass
    self.unit = UInt64(unit)
    self.control = control
    pending = [StagedEntry?](repeating: nil, count: depth)
  }

  mutating func run<Queue: BlockQueue & ~Copyable>(
    _ pair: Int, _ tail: ImageTail?, _ queue: inout Queue
  ) throws(ResyncError) -> UInt64? {
    while var segment = try pass.nextSegment(&queue) {
      while let entry = try pass.nextEntry(of: &segment, queue) {
        guard entry.pair == pair else { continue }
        if control.endsPair { return nil }
        switch entry.kind {
        case .bytes, .zeros, .tail: continue
        case .digest: try read(entry, &queue)
        case .hole: guard try readHole(entry, &queue) else { return nil }
        case .tailDigest: try judgeTail(entry, tail)
        }
      }
    }
    for _ in pending.indices {
      try judge(&queue)
      slot = (slot + 1) % pending.count
    }
    return done
  }

  /// False where the run was asked to end.
  private mutating func readHole<Queue: BlockQueue & ~Copyable>(
    _ entry: StagedEntry, _ queue: inout Queue
  ) throws(ResyncError) -> Bool {
    var start = entry.range.offset
    while start < entry.range.end {
      if control.endsPair { return false }
      let end = min(entry.range.end, start + UInt64(queue.geometry.chunk))
      try read(StagedEntry(kind: .hole, pair: entry.pair, range: ByteRange(start, upTo: end)), &queue)
      start = end
    }
    return true
  }

  /// Starts reading a chunk, after the one that was in its slot is judged.
  private mutating func read<Queue: BlockQueue & ~Copyable>(
    _ entry: StagedEntry, _ queue: inout Queue
  ) throws(ResyncError) {
    try judge(&queue)
    try pass.requests.start(
      BlockRequest(kind: .read, side: .recovery, slot: slot, place: 0, range: entry.range), &queue)
    try pass.requests.submit(&queue)
    pending[slot] = entry
    slot = (slot + 1) % pending.count
  }

  /// Waits for what is being read into the current slot, and compares it.
  private mutating func judge<Queue: BlockQueue & ~Copyable>(_ queue: inout Queue) throws(ResyncError) {
    guard let entry = pending[slot] else { return }
    pending[slot] = nil
    try pass.requests.wait(for: slot, &queue)
    if isUnreadable(entry.range) { try readPiecemeal(entry.range, &queue) }
    let isRight = queue.withBytes(of: slot, count: Int(entry.range.length)) { (_, recovery) in
      entry.kind == .hole ? recovery.isZero : Checksum.of128(recovery) == entry.digest
    }
    guard isRight else { throw Self.mismatch(entry.range) }
    done += entry.range.length
    control.count(done: entry.range.length)
  }

  /// Reads a chunk that could not be read at once block by block, into its place.
  ///
  /// - Throws: the first range that cannot be read, exactly (PITFALLS D2).
  private mutating func readPiecemeal<Queue: BlockQueue & ~Copyable>(
    _ range: ByteRange, _ queue: inout Queue
  ) throws(ResyncError) {
    // Nothing else is on its way: the kernel merges neighbours, and lets them fail together.
    try pass.requests.waitForAll(&queue)
    var bad: ReadFault?
    var place = range.offset
    while place < range.end {
      let piece = ByteRange(place, upTo: min(range.end, place + unit))
      // Those of the other slots, which are read ahead, stay.
      pass.requests.unreadable.removeAll { $0.range.overlaps(range) }
      try pass.requests.start(
        BlockRequest(
          kind: .read, side: .recovery, slot: slot, place: Int(place - range.offset), range: piece), &queue)
      try pass.requests.wait(for: slot, &queue)
      if let found = pass.requests.unreadable.first(where: { $0.range.overlaps(piece) }) {
        bad = ReadFault(
          side: .recovery, range: ByteRange((bad ?? found).range.offset, upTo: piece.end),
          errno: (bad ?? found).errno)
      } else if bad != nil {
        break
      }
      place = piece.end
    }
    pass.requests.unreadable.removeAll { $0.range.overlaps(range) }
    guard let bad else { return }
    throw ResyncError(.kernel(bad.errno, .transfer), "read", side: .recovery, range: bad.range)
  }

  private func isUnreadable(_ range: ByteRange) -> Bool {
    pass.requests.unreadable.contains { $0.range.overlaps(range) }
  }

  private mutating func judgeTail(_ entry: StagedEntry, _ tail: ImageTail?) throws(ResyncError) {
    guard let tail else { throw ValidatedStaging.noTail(entry.range) }
    guard Checksum.of128(try tail.read(entry.range)) == entry.digest else { throw Self.mismatch(entry.range) }
    done += entry.range.length
  }

  private static func mismatch(_ range: ByteRange) -> ResyncError {
    ResyncError(
      .mismatch, "prove", side: .recovery, range: range,
      reason: "what it holds is not what was committed, in these bytes",
      remedy: "see who writes to it (\(CallContext.current.typed(.devices))), then run again")
  }
}
