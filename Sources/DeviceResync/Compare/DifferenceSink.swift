/// Adjacent blocks of one chunk, each of which differs.
struct Difference: Sendable, Equatable {
  /// Which bytes of both devices.
  let range: ByteRange
  /// The queue's slot that holds them.
  let slot: Int
  /// Where in the slot's halves they begin, in bytes.
  let place: Int
  /// Whether the recovery is to be punched there: the primary's bytes are zeros.
  var isPunch = false
}

/// Where differences go: another sink is another way to write.
///
/// It is handed each difference once, in ascending order, with its bytes in the queue's slot.
protocol DifferenceSink: ~Copyable {
  /// Whether runs of zeros are to come as differences of their own, to be punched.
  var punchesZeros: Bool { get }

  /// Takes a difference, whose bytes can be looked at until this returns.
  ///
  /// - Throws: what ends the run.
  mutating func take<Queue: BlockQueue & ~Copyable>(
    _ difference: Difference, from queue: inout Queue
  ) throws(ResyncError) -> DifferenceTaken

  /// Looks at a chunk that was compared whole, equal or not, after its differences were taken.
  ///
  /// Chunks come in ascending order; what lies between two of them was passed over as a hole of both sides.
  ///
  /// - Parameters:
  ///   - chunk: which bytes of both devices.
  ///   - slot: holds them from the start of its halves, until this returns.
  mutating func note<Queue: BlockQueue & ~Copyable>(
    _ chunk: ByteRange, in slot: Int, of queue: borrowing Queue
  ) throws(ResyncError)

  /// Hears that these bytes of the recovery could not be read; the differences that hold them follow.
  mutating func hear(unreadable range: ByteRange)

  /// Hears how far everything is compared and written.
  mutating func hear(settled part: SettledPart) throws(ResyncError)

  /// Hands on what was held back to be merged; nothing more comes.
  mutating func finish() throws(ResyncError)
}

extension DifferenceSink where Self: ~Copyable {
  var punchesZeros: Bool { false }

  /// Most sinks want nothing but the differences.
  @inline(__always)
  mutating func note<Queue: BlockQueue & ~Copyable>(
    _ chunk: ByteRange, in slot: Int, of queue: borrowing Queue
  ) {}

  mutating func hear(unreadable range: ByteRange) {}

  @inline(__always)
  mutating func hear(settled part: SettledPart) {}
}

/// What a sink did with a difference.
enum DifferenceTaken: Sendable {
  /// It needs the slot no longer.
  case done
  /// It has started a write of exactly this difference from the slot, which is kept until the write has ended.
  case writing
  /// There is no room; it wants to be asked again after the next outcome.
  case later
}
