import SystemPackage

/// One request to a disk pair.
struct BlockRequest: Sendable, Equatable {
  enum Kind: Sendable { case read, write, flush, punch }

  let kind: Kind
  /// Whose bytes; all but a read is always the recovery's.
  let side: Side
  /// Which of the queue's slots holds the bytes; 0 for a flush.
  let slot: Int
  /// Where in the slot's half they begin, in bytes.
  let place: Int
  /// Which bytes of the device; empty for a flush.
  let range: ByteRange

  /// Whether the recovery holds other bytes when it has ended well.
  var changesBytes: Bool { kind == .write || kind == .punch }
}

/// How a request ended.
struct Outcome: Sendable {
  let request: BlockRequest
  /// Bytes moved, which may be fewer than asked for; or why none were.
  let result: Result<UInt32, Errno>
}

/// What the comparison asks of storage: start requests, wait for outcomes, look at bytes.
///
/// A slot has two halves of a chunk each: what was read from the primary and from the recovery. From
/// `startRead` and `startWrite` until its outcome comes back, a request's bytes belong to the queue. It is
/// made, used and dropped on one thread, and dropped only when nothing is in flight.
protocol BlockQueue: ~Copyable {
  /// The sizes it works with; after set-up they may be smaller than what was asked for.
  var geometry: QueueGeometry { get }

  /// Starts reading `range` of `side` into its half of `slot`, `place` bytes from the half's start.
  ///
  /// - Throws: `EAGAIN` when the queue is full: wait for an outcome, then ask again.
  mutating func startRead(_ range: ByteRange, of side: Side, into slot: Int, at place: Int) throws(Errno)

  /// Starts writing `range` of the recovery from the *primary's* half of `slot`.
  ///
  /// The caller sees to it that no two writes in flight overlap.
  ///
  /// - Throws: `EAGAIN` when the queue is full: wait for an outcome, then ask again.
  mutating func startWrite(_ range: ByteRange, from slot: Int, at place: Int) throws(Errno)

  /// Starts making `range` of the recovery zero without data: fallocate(2), `FALLOC_FL_PUNCH_HOLE`.
  ///
  /// The primary's half of `slot` holds as many zeros, to be written where the device refuses. The caller sees to
  /// it that neither it nor a write in flight overlaps.
  ///
  /// - Throws: `EAGAIN` when the queue is full: wait for an outcome, then ask again.
  mutating func startPunch(_ range: ByteRange, from slot: Int, at place: Int) throws(Errno)

  /// Starts bringing the recovery's completed writes to stable storage (fdatasync(2)).
  ///
  /// It covers writes whose outcomes were there before it started, and no others.
  mutating func startFlush() throws(Errno)

  /// Hands what was started to the kernel now; waiting for an outcome does so too.
  mutating func submit() throws(Errno)

  /// The next outcome, in the order in which the requests ended.
  ///
  /// - Parameter waiting: whether to hand over what was started, and to wait for one.
  /// - Returns: nil when none has ended, and, waiting, when nothing is in flight.
  /// - Throws: what makes the queue itself unusable; a failed request is an outcome.
  mutating func nextOutcome(waiting: Bool) throws(Errno) -> Outcome?

  /// The first `count` bytes of both halves of `slot`, readable while `body` runs.
  ///
  /// The caller sees to it that no read into them is in flight.
  func withBytes<Value, Failure: Error>(
    of slot: Int, count: Int,
    _ body: (_ primary: RawSpan, _ recovery: RawSpan) throws(Failure) -> Value
  ) throws(Failure) -> Value

  /// Copies `bytes` into the primary's half of `slot`, `place` bytes from its start, to be written from there.
  ///
  /// The caller sees to it that no request from or to there is in flight.
  mutating func put(_ bytes: RawSpan, into slot: Int, at place: Int)
}
