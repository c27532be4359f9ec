/// One chunk on its way through the comparison, in one slot of the queue.
struct ChunkSlot {
  /// Which bytes of both devices.
  let range: ByteRange
  /// Whether both sides say that there is a hole.
  let mustBeZero: Bool
  /// What is still to be read of each side.
  var primary: SideRead
  var recovery: SideRead
  /// Writes from this slot that have not ended.
  var writes = 0
  /// How often one of its requests was repeated.
  var repeats = 0

  /// One side's reading of the chunk.
  struct SideRead {
    /// What has not arrived; the tail of the chunk.
    var rest: ByteRange
    /// Whether a request for it is on its way.
    var isInFlight = false

    var isDone: Bool { rest.isEmpty && !isInFlight }
  }

  init(_ range: ByteRange, mustBeZero: Bool = false) {
    self.range = range
    self.mustBeZero = mustBeZero
    primary = SideRead(rest: range)
    recovery = SideRead(rest: range)
  }

  subscript(side: Side) -> SideRead {
    get { side == .primary ? primary : recovery }
    set { if side == .primary { primary = newValue } else { recovery = newValue } }
  }

  /// Whether both sides have arrived whole.
  var isRead: Bool { primary.isDone && recovery.isDone }

  /// Wants both sides once more.
  mutating func readAgain() {
    primary = SideRead(rest: range)
    recovery = SideRead(rest: range)
  }
}
