import Synchronization
import SystemPackage

/// Reads all of a recovery, and sees whether it holds what the run wrote and nothing else; nothing is written.
///
/// Then going back gives what it held before, to the last byte.
/// Each piece is put together as it will be: the recovery's bytes, with the old ones where there is a record.
///
/// - Parameters:
///   - staging: the undo file.
///   - isStrict: whether every block must hold what the run wrote; else it may also hold its old bytes, as after a run
///     that did not come to its end.
///   - growth: counts what falls into holes of the recovery's image.
///   - queue: as for ``applyStaging``.
/// - Returns: false where the run was asked to end.
/// - Throws: 32775 with the first range that somebody else has written, or the read that failed.
func checkWayBack<Queue: BlockQueue & ~Copyable>(
  _ staging: ValidatedStaging, pair: Int, isStrict: Bool, growth: HoleGrowth? = nil,
  through queue: inout Queue, tail: ImageTail?, control: RunControl
) throws(ResyncError) -> Bool {
  precondition(queue.geometry.depth >= 3 && queue.geometry.chunk >= staging.header.segmentSize)
  let hash = try attempt("check", on: staging.name, .setUp) { () throws(Errno) in try RunningChecksum() }
  let pass = try staging.pass(pair: pair, through: queue, control: control)
  var check = WayBackCheck(
    pass, hash, depth: queue.geometry.depth, piece: staging.header.segmentSize,
    unit: Int(staging.header.pairs[pair].recoveryBlockSize), isStrict: isStrict, growth, control)
  let outcome: Result<Bool, ResyncError>
  do throws(ResyncError) {
    outcome = .success(try check.run(pair, tail, &queue))
  } catch {
    outcome = .failure(error)
  }
  check.pass.requests.drain(&queue)
  return try outcome.get()
}

/// What a person may do where there is no way back.
enum WayBackRemedy {
  static let text =
    "keep it as it is and give the way back up with --discard, or resynchronize it from its primary"
}

/// A record, out of its segment.
private struct KeptRecord {
  let range: ByteRange
  /// What was there before the run.
  let old: [UInt8]
  /// Of what the run wrote, for each logical block.
  let digests: [UInt64]
}

/// The state of one check: pieces of the recovery are read some ahead, and judged in order.
private struct WayBackCheck: ~Copyable {
  var pass: StagingPass
  private var hash: RunningChecksum
  /// What is being read into each slot's recovery half, with the records in it.
  private var pending: [(entry: StagedEntry, records: [KeptRecord])?]
  /// Records of the piece whose digest comes next.
  private var gathered: [KeptRecord] = []
  private var slot = 0
  private var done: UInt64 = 0
  private let piece: Int
  private let unit: Int
  private let isStrict: Bool
  private let growth: HoleGrowth?
  private let before: UInt64
  private let control: RunControl

  init(
    _ pass: consuming StagingPass, _ hash: consuming RunningChecksum, depth: Int, piece: Int, unit: Int,
    isStrict: Bool, _ growth: HoleGrowth?, _ control: RunControl
  ) {
    self.pass = pass
    self.hash = hash
    self.piece = piece
    self.unit = unit
    self.isStrict = isStrict
    self.growth = growth
    self.control = control
    before = control.bytesDone.load(ordering: .relaxed)
    pending = Array(repeating: nil, count: depth)
  }

  mutating func run<Queue: BlockQueue & ~Copyable>(
    _ pair: Int, _ tail: ImageTail?, _ queue: inout Queue
  ) throws(ResyncError) -> Bool {
    while var segment = try pass.nextSegment(&queue) {
      while let entry = try pass.nextEntry(of: &segment, queue) {
        guard entry.pair == pair else { continue }
        if control.isStopping { return false }
        switch entry.kind {
        case .bytes, .zeros, .tail: try gather(entry, segment, queue)
        case .digest: try read(entry, segment, &queue)
        case .hole: guard try readHole(entry, segment, &queue) else { return false }
        case .tailDigest: try judgeTail(entry, segment, tail)
        }
      }
    }
    for _ in pending.indices {
      try judge(&queue)
      slot = (slot + 1) % pending.count
    }
    guard gathered.isEmpty else { throw StagingFault.malformed(.seal).error(on: pass.name) }
    return true
  }

  private mutating func gather<Queue: BlockQueue & ~Copyable>(
    _ entry: StagedEntry, _ segment: StagedSegment, _ queue: borrowing Queue
  ) throws(ResyncError) {
    try pass.check(entry, of: segment, queue)
    let count = Int(entry.range.length)
    guard gathered.reduce(count, { $0 + $1.old.count }) <= piece else { throw malformed(segment) }
    let digests = pass.digests(of: entry, in: segment, queue)
    let old =
      entry.hasPayload
      ? pass.payload(of: entry, in: segment, queue) : [UInt8](repeating: 0, count: count)
    if entry.kind == .bytes { growth?.add(entry.range) }
    gathered.append(KeptRecord(range: entry.range, old: old, digests: digests))
  }

  private func malformed(_ segment: StagedSegment) -> ResyncError {
    StagingFault.malformed(.index(segment.frame.sequence)).error(on: pass.name)
  }

  /// False where the run was asked to end.
  private mutating func readHole<Queue: BlockQueue & ~Copyable>(
    _ entry: StagedEntry, _ segment: StagedSegment, _ queue: inout Queue
  ) throws(ResyncError) -> Bool {
    var start = entry.range.offset
    while start < entry.range.end {
      if control.isStopping { return false }
      let end = min(entry.range.end, start + UInt64(queue.geometry.chunk))
      try read(
        StagedEntry(kind: .hole, pair: entry.pair, range: ByteRange(start, upTo: end)), segment, &queue)
      start = end
    }
    return true
  }

  /// Starts reading a piece, after the one that was in its slot is judged.
  private mutating func read<Queue: BlockQueue & ~Copyable>(
    _ entry: StagedEntry, _ segment: StagedSegment, _ queue: inout Queue
  ) throws(ResyncError) {
    guard
      gathered.allSatisfy({
        entry.kind == .digest && $0.range.offset >= entry.range.offset && $0.range.end <= entry.range.end
      })
    else { throw malformed(segment) }
    try judge(&queue)
    try pass.requests.start(
      BlockRequest(kind: .read, side: .recovery, slot: slot, place: 0, range: entry.range), &queue)
    try pass.requests.submit(&queue)
    pending[slot] = (entry, gathered)
    gathered = []
    slot = (slot + 1) % pending.count
  }

  /// Waits for what is being read into the current slot, and judges it.
  private mutating func judge<Queue: BlockQueue & ~Copyable>(_ queue: inout Queue) throws(ResyncError) {
    guard let (entry, records) = pending[slot] else { return }
    pending[slot] = nil
    try pass.requests.wait(for: slot, &queue)
    if let bad = pass.requests.unreadable.first(where: { $0.range.overlaps(entry.range) }) {
      throw ResyncError(.kernel(bad.errno, .transfer), "read", side: .recovery, range: bad.range)
    }
    hash.reset()
    let foreign = queue.withBytes(of: slot, count: Int(entry.range.length)) { (_, bytes) -> ByteRange? in
      if entry.kind == .hole { return bytes.isZero ? nil : entry.range }
      var place = 0
      for record in records {
        let start = Int(record.range.offset - entry.range.offset)
        hash.add(bytes.extracting(place..<start))
        place = start + record.old.count
        if let misfit = misfit(record, bytes.extracting(start..<place)) { return misfit }
        hash.add(record.old)
      }
      hash.add(bytes.extracting(place..<bytes.byteCount))
      return hash.value == entry.digest ? nil : entry.range
    }
    if let foreign { throw Self.foreignWrite(foreign) }
    done += entry.range.length
    control.bytesDone.store(before + done, ordering: .relaxed)
  }

  /// The first block of a record that does not hold what it may.
  private func misfit(_ record: KeptRecord, _ found: RawSpan) -> ByteRange? {
    record.old.withRawSpan { old in
      let unit = record.digests.count == 1 ? record.old.count : unit
      for (number, digest) in record.digests.enumerated() {
        let place = number * unit..<min((number + 1) * unit, old.byteCount)
        let block = found.extracting(place)
        if digest != StagingIndex.unknownDigest, Checksum.of64(block) == digest { continue }
        if !isStrict, block.holdsSameBytes(as: old.extracting(place)) { continue }
        return ByteRange(offset: record.range.offset + UInt64(place.lowerBound), length: UInt64(place.count))
      }
      return nil
    }
  }

  private mutating func judgeTail(
    _ entry: StagedEntry, _ segment: StagedSegment, _ tail: ImageTail?
  ) throws(ResyncError) {
    guard let tail else { throw ValidatedStaging.noTail(entry.range) }
    let bytes = try tail.read(entry.range)
    guard bytes.count == Int(entry.range.length) else { throw Self.foreignWrite(entry.range) }
    if let record = gathered.first {
      guard gathered.count == 1, record.range == entry.range else { throw malformed(segment) }
      gathered = []
      guard bytes.withRawSpan({ misfit(record, $0) }) == nil, Checksum.of128(record.old) == entry.digest
      else { throw Self.foreignWrite(entry.range) }
    } else if Checksum.of128(bytes) != entry.digest {
      throw Self.foreignWrite(entry.range)
    }
    done += entry.range.length
  }

  private static func foreignWrite(_ range: ByteRange) -> ResyncError {
    ResyncError(
      .invalidState, "go back on", side: .recovery, range: range,
      reason: "it does not hold there what the run has left: somebody wrote to it since; nothing was written",
      remedy: "keep it as it is and give the way back up with --discard, or resynchronize it from its primary"
    )
  }
}
