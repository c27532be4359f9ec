/// Puts each difference aside with its bytes, and a digest of what each chunk will hold: nothing is written.
///
/// The digest is of the *result*: the recovery's bytes, with the primary's where a difference was taken. So
/// it holds for a running primary too, of which only the blocks are staged that differed in both readings.
struct StagedSink<Queue: BlockQueue & ~Copyable>: DifferenceSink, ~Copyable {
  var recorder: DifferenceRecorder
  private let staging: SharedStaging<Queue>
  private let pair: Int
  private let reach: UInt64
  private var running: RunningChecksum
  /// How far into the current chunk its digest has come, in bytes.
  private var cursor = 0
  /// What of the recovery's half of the current chunk could not be read.
  private var unreadable: [ByteRange] = []
  /// What differs in the current chunk; empty where no old bytes are kept.
  private var differing: [ByteRange] = []
  private let growth: HoleGrowth?
  /// Up to where the clock of the checkpoints was told of, in bytes.
  private var counted: UInt64
  /// Where the first difference begins; nil before it.
  private(set) var firstDifference: UInt64?
  /// Whether a chunk that differs is being added: then the turn is this pair's.
  private var hasTurn = false

  /// Bytes that one digest covers at most.
  private var piece: Int { staging.header.segmentSize }

  /// - Parameters:
  ///   - staging: what all pairs are staged in.
  ///   - pair: the number of the pair that is compared; the source names all of its reach, save holes of both
  ///     sides.
  ///   - growth: counts what falls into holes of the recovery's image.
  ///   - start: where the comparison begins: what is before is in the file already.
  init(
    _ recorder: consuming DifferenceRecorder, _ staging: SharedStaging<Queue>, pair: Int,
    checksum: consuming RunningChecksum, growth: HoleGrowth? = nil, from start: UInt64 = 0
  ) {
    reach = staging.header.pairs[pair].reach
    self.recorder = recorder
    self.staging = staging
    self.pair = pair
    running = checksum
    self.growth = growth
    counted = start
  }

  mutating func take<Source: BlockQueue & ~Copyable>(
    _ difference: Difference, from queue: inout Source
  ) throws(ResyncError) -> DifferenceTaken {
    let chunk = difference.range.offset - UInt64(difference.place)
    let piece = difference.place..<difference.place + Int(difference.range.length)
    enter()
    try queue.withBytes(of: difference.slot, count: piece.upperBound) {
      (primary, recovery) throws(ResyncError) in
      try digest(recovery, upTo: piece.lowerBound, of: chunk)
      try digest(primary, upTo: piece.upperBound, of: chunk)
      try staging.addBlocks(
        pair: pair, difference.range, primary: primary.extracting(piece),
        recovery: recovery.extracting(piece),
        unreadable: unreadable)
    }
    if staging.keepsOld { differing.append(difference.range) }
    if firstDifference == nil { firstDifference = difference.range.offset }
    growth?.add(difference.range)
    try recorder.record(difference.range)
    return .done
  }

  mutating func note<Source: BlockQueue & ~Copyable>(
    _ chunk: ByteRange, in slot: Int, of queue: borrowing Source
  ) throws(ResyncError) {
    let count = Int(chunk.length)
    try queue.withBytes(of: slot, count: count) { (_, recovery) throws(ResyncError) in
      if cursor == 0 {
        try digestEqual(recovery, of: chunk.offset)
      } else {
        try digest(recovery, upTo: count, of: chunk.offset)
        let rest = cursor % piece
        if rest > 0 {
          try add(ByteRange(offset: chunk.end - UInt64(rest), length: UInt64(rest)), running.value)
        }
      }
    }
    if staging.keepsOld {
      enter()
      try queue.withBytes(of: slot, count: count) { (primary, recovery) throws(ResyncError) in
        try staging.keepOld(
          chunk, pair: pair, differing: differing, unreadable: unreadable, primary: primary,
          recovery: recovery)
      }
      differing.removeAll(keepingCapacity: true)
    }
    running.reset()
    cursor = 0
    if !unreadable.isEmpty { unreadable.removeAll() }
    enter()
    try staging.finishChunk(chunk.end - counted)
    counted = chunk.end
    leave()
  }

  mutating func hear(unreadable range: ByteRange) {
    unreadable.append(range)
    // What a result says of it would be forgotten: a continued run meets it again.
    staging.forgetCheckpoints()
  }

  /// Adds `half` from the cursor to `end` to the digest of the chunk that begins at `chunk`.
  private mutating func digest(_ half: RawSpan, upTo end: Int, of chunk: UInt64) throws(ResyncError) {
    while cursor < end {
      let stop = min(end, (cursor / piece + 1) * piece)
      running.add(half.extracting(cursor..<stop))
      cursor = stop
      if cursor.isMultiple(of: piece) {
        try add(ByteRange(offset: chunk + UInt64(cursor - piece), length: UInt64(piece)), running.value)
        running.reset()
      }
    }
  }

  /// The digests of a chunk in which nothing differs: twice as fast as piecemeal.
  private mutating func digestEqual(_ bytes: RawSpan, of chunk: UInt64) throws(ResyncError) {
    for start in stride(from: 0, to: bytes.byteCount, by: piece) {
      let end = min(start + piece, bytes.byteCount)
      let range = ByteRange(offset: chunk + UInt64(start), length: UInt64(end - start))
      try add(range, Checksum.of128(bytes.extracting(start..<end)))
    }
  }

  /// Adds a digest; of a chunk in which nothing differs each piece is a turn of its own.
  private mutating func add(_ range: ByteRange, _ digest: UInt128) throws(ResyncError) {
    if hasTurn { return try staging.addDigest(pair: pair, range, digest) }
    let (staging, pair) = (staging, pair)
    try staging.inTurn { () throws(ResyncError) in try staging.addDigest(pair: pair, range, digest) }
  }

  private mutating func enter() {
    if !hasTurn { staging.enter() }
    hasTurn = true
  }

  private mutating func leave() {
    if hasTurn { staging.leave() }
    hasTurn = false
  }

  /// Accounts for what follows the last chunk; only after a comparison that is complete.
  ///
  /// A tail that differs is not recorded as a range.
  ///
  /// - Parameters:
  ///   - primaryTail: the bytes of the image that no device reaches; empty where there are none.
  ///   - recoveryTail: the same; nil where they cannot be read, and count as different.
  mutating func complete(primaryTail: [UInt8], recoveryTail: [UInt8]?) throws(ResyncError) {
    let (staging, pair, reach) = (staging, pair, reach)
    try staging.inTurn { () throws(ResyncError) in
      try staging.addHole(pair: pair, upTo: reach)
      guard !primaryTail.isEmpty else { return }
      let range = ByteRange(offset: reach, length: UInt64(primaryTail.count))
      if primaryTail != recoveryTail {
        try staging.addTail(pair: pair, range, primary: primaryTail, recovery: recoveryTail)
      }
      try staging.addDigest(pair: pair, range, Checksum.of128(primaryTail), isTail: true)
      try staging.keepOldTail(pair: pair, range, primary: primaryTail, recovery: recoveryTail)
    }
  }

  mutating func finish() throws(ResyncError) {
    // What ended in the middle of a chunk has the turn.
    leave()
    try recorder.finish()
  }
}
