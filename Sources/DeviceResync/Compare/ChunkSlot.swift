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
  /// Bytes of it in differing blocks.
  var bytesDifferent: UInt64 = 0
  /// Runs of adjacent differing blocks that begin in it.
  var differences: UInt64 = 0
  /// Where the last of them ends; nil without one.
  var lastDifference: UInt64?

  /// Whether something of it could not be read.
  var isDamaged: Bool { !primary.faults.isEmpty || !recovery.faults.isEmpty }

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
  ///
  /// What could not be read once counts as such, even where the second reading goes through.
  mutating func readAgain() {
    primary = SideRead(rest: range, faults: primary.faults)
    recovery = SideRead(rest: range, faults: recovery.faults)
  }
}
