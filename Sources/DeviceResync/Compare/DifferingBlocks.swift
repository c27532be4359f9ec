/// Which blocks of one chunk differ; made once, used for one chunk after the other.
struct DifferingBlocks {
  private let grid: BlockGrid
  private var bits: [UInt64]
  /// Bytes of the current chunk.
  private var count = 0

  /// For chunks of up to `chunk` bytes.
  init(chunk: Int, grid: BlockGrid) {
    self.grid = grid
    // The last chunk of a disk may hold logical blocks after its whole ones.
    let blocks = chunk / grid.blockSize + grid.blockSize / grid.logicalBlockSize
    bits = [UInt64](repeating: 0, count: (blocks + 63) / 64)
  }

  private func holds(_ block: Int) -> Bool { bits[block / 64] & 1 << UInt64(block % 64) != 0 }

  private func differs(_ block: Int, _ primary: RawSpan, _ recovery: RawSpan) -> Bool {
    let place = grid.place(ofBlock: block, in: count)..<grid.place(ofBlock: block + 1, in: count)
    return !primary.extracting(place).holdsSameBytes(as: recovery.extracting(place))
  }

  /// Looks at every block of a chunk anew.
  mutating func scan(_ primary: RawSpan, _ recovery: RawSpan) {
    precondition(primary.byteCount == recovery.byteCount)
    count = primary.byteCount
    for word in bits.indices { bits[word] = 0 }
    for block in 0..<grid.blockCount(in: count) where differs(block, primary, recovery) {
      bits[block / 64] |= 1 << UInt64(block % 64)
    }
  }

  /// Looks at every block of the same chunk after a second reading, and keeps those that differed both times.
  ///
  /// - Returns: bytes of the blocks that differed only once.
  mutating func confirm(_ primary: RawSpan, _ recovery: RawSpan) -> Int {
    precondition(primary.byteCount == count && recovery.byteCount == count)
    var moving = 0
    for block in 0..<grid.blockCount(in: count) where differs(block, primary, recovery) != holds(block) {
      bits[block / 64] &= ~(1 << UInt64(block % 64))
      moving += grid.place(ofBlock: block + 1, in: count) - grid.place(ofBlock: block, in: count)
    }
    return moving
  }

  /// The first maximal run of differing blocks that begins at `place` or later, as places in the chunk.
  ///
  /// `place` is the chunk's start or the end of a run.
  func nextRun(from place: Int) -> Range<Int>? {
    let blocks = grid.blockCount(in: count)
    var block = grid.blockCount(in: place)
    while block < blocks, !holds(block) { block += 1 }
    guard block < blocks else { return nil }
    let start = block
    while block < blocks, holds(block) { block += 1 }
    return grid.place(ofBlock: start, in: count)..<grid.place(ofBlock: block, in: count)
  }
}
