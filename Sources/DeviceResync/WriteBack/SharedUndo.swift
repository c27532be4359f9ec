/// The undo file that all pairs of a run in place fill before anything is written: one of them at a time.
final class SharedUndo<Queue: BlockQueue & ~Copyable>: @unchecked Sendable {
  private let turn = Turn()
  /// Touched by who has the turn.
  private let file: UndoFile<Queue>

  init(_ file: UndoFile<Queue>) { self.file = file }

  /// As ``UndoFile/keep(_:pair:differing:unreadable:primary:recovery:)``; what lies between the last chunk of the pair and
  /// this one is a hole of both sides.
  func keep(
    _ chunk: ByteRange, pair: Int, differing: [ByteRange], unreadable: [ByteRange], primary: RawSpan,
    recovery: RawSpan
  ) throws(ResyncError) {
    turn.take()
    defer { turn.giveBack() }
    try file.keepHole(pair: pair, upTo: chunk.offset)
    try file.keep(
      chunk, pair: pair, differing: differing, unreadable: unreadable, primary: primary, recovery: recovery)
  }

  /// Accounts for what follows the last chunk of a pair, after a comparison that is complete.
  ///
  /// - Parameters:
  ///   - tail: the bytes of the image that no device reaches, of both sides; empty where there are none.
  func complete(
    pair: Int, tail: ByteRange, primary: [UInt8], recovery: [UInt8]?
  ) throws(ResyncError) {
    turn.take()
    defer { turn.giveBack() }
    try file.keepHole(pair: pair, upTo: tail.offset)
    guard !tail.isEmpty else { return }
    try file.keepTail(pair: pair, tail, primary: primary, recovery: recovery)
  }
}

/// Keeps the old bytes of each difference, and a digest of what each chunk holds: the recovery is not written.
struct UndoSink<Queue: BlockQueue & ~Copyable>: DifferenceSink, ~Copyable {
  var recorder: DifferenceRecorder
  private let undo: SharedUndo<Queue>
  private let pair: Int
  private let growth: HoleGrowth?
  /// What differs in the current chunk, and what of its recovery could not be read.
  private var differing: [ByteRange] = []
  private var unreadable: [ByteRange] = []

  /// - Parameters:
  ///   - undo: what all pairs are kept in.
  ///   - growth: counts what falls into holes of the recovery's image.
  init(
    _ recorder: consuming DifferenceRecorder, _ undo: SharedUndo<Queue>, pair: Int, growth: HoleGrowth? = nil
  ) {
    self.recorder = recorder
    self.undo = undo
    self.pair = pair
    self.growth = growth
  }

  mutating func take<Source: BlockQueue & ~Copyable>(
    _ difference: Difference, from queue: inout Source
  ) throws(ResyncError) -> DifferenceTaken {
    differing.append(difference.range)
    growth?.add(difference.range)
    try recorder.record(difference.range)
    return .done
  }

  mutating func note<Source: BlockQueue & ~Copyable>(
    _ chunk: ByteRange, in slot: Int, of queue: borrowing Source
  ) throws(ResyncError) {
    try queue.withBytes(of: slot, count: Int(chunk.length)) { (primary, recovery) throws(ResyncError) in
      try undo.keep(
        chunk, pair: pair, differing: differing, unreadable: unreadable, primary: primary, recovery: recovery)
    }
    differing.removeAll(keepingCapacity: true)
    unreadable.removeAll(keepingCapacity: true)
  }

  mutating func hear(unreadable range: ByteRange) { unreadable.append(range) }

  mutating func finish() throws(ResyncError) { try recorder.finish() }
}
