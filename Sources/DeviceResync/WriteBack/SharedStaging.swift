/// The staging file that all pairs of a run fill, side by side: one of them at a time.
///
/// What one pair adds of a chunk that differs, records and digests, is added in one turn, so that whoever has the turn
/// finds every other pair between two chunks, or between two pieces that are equal: that is where a checkpoint is.
final class SharedStaging<Queue: BlockQueue & ~Copyable>: @unchecked Sendable {
  let header: StagingHeader
  /// Whether old bytes are kept too, to go back by.
  let keepsOld: Bool
  private let turn = Turn()
  // What follows is touched by who has the turn.
  private var writer: StagingWriter<Queue>?
  /// Makes the file durable now and then; nil where nothing is to be continued.
  private var checkpoints: StagedCheckpoints?

  /// - Parameter writer: comes back with ``takeWriter()``.
  init(_ writer: consuming StagingWriter<Queue>, checkpoints: StagedCheckpoints? = nil) {
    header = writer.header
    keepsOld = writer.undo != nil
    self.writer = consume writer
    self.checkpoints = checkpoints
  }

  /// The writer, once, to be sealed or to be dropped: when no pair is worked on any more.
  func takeWriter() -> StagingWriter<Queue> {
    turn.take()
    defer { turn.giveBack() }
    guard let writer = writer.take() else { preconditionFailure("it is taken once") }
    return writer
  }

  /// Waits for the turn, which only ``leave()`` ends.
  func enter() { turn.take() }

  func leave() { turn.giveBack() }

  /// Runs `body` in one turn; what else is called here has a turn of its own.
  func inTurn<Value>(_ body: () throws(ResyncError) -> Value) throws(ResyncError) -> Value {
    try turn.during(body)
  }

  /// From now on nothing can be continued: what was found would be forgotten.
  func forgetCheckpoints() { turn.during { checkpoints = nil } }

  /// The same of what was remembered already: `tell` takes it out of the record, and no checkpoint comes after it.
  func forgetCheckpoints(_ tell: () throws(ResyncError) -> Void) throws(ResyncError) {
    try turn.during { () throws(ResyncError) in
      checkpoints = nil
      try tell()
    }
  }

  /// Makes a checkpoint of where all pairs are; nothing where there is no more room, or nothing is to be continued.
  func makeCheckpoint() throws(ResyncError) {
    try turn.during { () throws(ResyncError) in try keep() }
  }

  // MARK: In the caller's turn

  /// As ``StagingWriter/addBlocks(pair:_:primary:recovery:unreadable:)``.
  func addBlocks(
    pair: Int, _ range: ByteRange, primary: RawSpan, recovery: RawSpan, unreadable: [ByteRange]
  ) throws(ResyncError) {
    try writer?.addBlocks(pair: pair, range, primary: primary, recovery: recovery, unreadable: unreadable)
  }

  /// As ``StagingWriter/addTail(pair:_:primary:recovery:)``.
  func addTail(pair: Int, _ range: ByteRange, primary: [UInt8], recovery: [UInt8]?) throws(ResyncError) {
    try writer?.addTail(pair: pair, range, primary: primary, recovery: recovery)
  }

  /// As ``UndoFile/keep(_:pair:differing:unreadable:primary:recovery:)``.
  func keepOld(
    _ chunk: ByteRange, pair: Int, differing: [ByteRange], unreadable: [ByteRange], primary: RawSpan,
    recovery: RawSpan
  ) throws(ResyncError) {
    try writer?.undo?.keep(
      chunk, pair: pair, differing: differing, unreadable: unreadable, primary: primary, recovery: recovery)
  }

  /// As ``UndoFile/keepTail(pair:_:primary:recovery:)``.
  func keepOldTail(pair: Int, _ range: ByteRange, primary: [UInt8], recovery: [UInt8]?) throws(ResyncError) {
    try writer?.undo?.keepTail(pair: pair, range, primary: primary, recovery: recovery)
  }

  /// Accounts for `range`, and for a hole between what was accounted for and it.
  func addDigest(
    pair: Int, _ range: ByteRange, _ digest: UInt128, isTail: Bool = false
  ) throws(ResyncError) {
    try addHole(pair: pair, upTo: range.offset)
    try writer?.addDigest(pair: pair, range, digest, isTail: isTail)
  }

  /// Accounts for a hole of both sides, from what was accounted for; nothing where that is all.
  func addHole(pair: Int, upTo end: UInt64) throws(ResyncError) {
    guard let covered = writer?.covered[pair], covered < end else { return }
    try writer?.addHole(pair: pair, ByteRange(covered, upTo: end))
    try writer?.undo?.keepHole(pair: pair, ByteRange(covered, upTo: end))
  }

  /// A chunk of a pair is whole, so many bytes behind the last one: makes a checkpoint where one is due.
  func finishChunk(_ bytes: UInt64) throws(ResyncError) {
    if checkpoints?.clock.isDue(after: bytes) == true { try keep() }
  }

  private func keep() throws(ResyncError) {
    guard let checkpoints, let covered = writer?.covered, let end = try writer?.makeDurable(),
      end.segments > 0
    else { return }
    let mark = StagedMark(offsets: covered, segments: end.segments, length: end.length, hash: end.hash)
    if try !checkpoints.keep(mark) { self.checkpoints = nil }
    checkpoints.clock.reset()
  }
}
