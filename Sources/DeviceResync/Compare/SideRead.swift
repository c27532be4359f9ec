import SystemPackage

/// One side's reading of a chunk: at once, and in smaller and smaller pieces where that fails.
///
/// A failed piece is halved down to the logical block, one that arrives is doubled: so bytes that cannot be read
/// are found exactly, and all around them is read (PITFALLS D2).
struct SideRead {
  /// What has not arrived; the tail of the chunk.
  var rest: ByteRange
  /// Whether a request for it is on its way.
  var isInFlight = false
  /// What cannot be read, in ascending order for each reading.
  private(set) var faults: [ReadFault] = []
  /// Requests that failed.
  private(set) var failures = 0
  /// Most bytes of the next request.
  private var piece = UInt64.max

  /// Most requests of a chunk that may fail, each of which can take a disk seconds; then the rest of the chunk counts
  /// as unreadable.
  static let mostFailures = 512

  init(rest: ByteRange, faults: [ReadFault] = []) {
    self.rest = rest
    self.faults = faults
  }

  var isDone: Bool { rest.isEmpty && !isInFlight }
  var wantsStart: Bool { !rest.isEmpty && !isInFlight }
  /// What to ask for next.
  var next: ByteRange { ByteRange(offset: rest.offset, length: min(rest.length, piece)) }

  /// What lies before `place` has arrived.
  mutating func arrive(upTo place: UInt64) {
    isInFlight = false
    if place > rest.offset { piece = piece.saturatingAdd(piece) }
    rest = ByteRange(place, upTo: rest.end)
  }

  /// `request` came to nothing, and is to be tried in smaller pieces.
  ///
  /// - Parameters:
  ///   - unit: the logical block of the side, in bytes.
  ///   - ends: whether the first range ends the run; then nothing counts as unreadable that was not tried.
  mutating func fail(_ request: ByteRange, of side: Side, _ errno: Errno, unit: UInt64, ends: Bool) {
    isInFlight = false
    failures += 1
    if failures >= Self.mostFailures {
      give(up: ends ? request : rest, side, errno)
      if ends { giveUp() }
    } else if request.length <= unit {
      give(up: request, side, errno)
      // What lies beside it is likely to be as bad.
      piece = unit
    } else {
      piece = max(unit, request.length / 2 / unit * unit)
    }
  }

  private mutating func give(up range: ByteRange, _ side: Side, _ errno: Errno) {
    faults.append(ReadFault(side: side, range: range, errno: errno))
    rest = ByteRange(range.end, upTo: rest.end)
  }

  /// Leaves what has not arrived unread: the run ends by what could not be read.
  mutating func giveUp() { rest = ByteRange(offset: rest.end, length: 0) }
}
