/// Which blocks of one chunk differ; made once, used for one chunk after the other.
struct DifferingBlocks {
  private let grid: BlockGrid
  private var bits: [UInt64]
  /// Blocks that are left out, and blocks that differ whatever they hold.
  private var left: [UInt64]
  private var forced: [UInt64]
  /// Bytes of the current chunk.
  private var count = 0

  /// For chunks of up to `chunk` bytes.
  init(chunk: Int, grid: BlockGrid) {
    self.grid = grid
    // The last chunk of a disk may hold logical blocks after its whole ones.
    let blocks = chunk / grid.blockSize + grid.blockSize / grid.logicalBlockSize
    bits = [UInt64](repeating: 0, count: (blocks + 63) / 64)
    left = bits
    forced = bits
  }

  private func holds(_ block: Int) -> Bool { bits[block / 64] & 1 << UInt64(block % 64) != 0 }

  private func place(of block: Int) -> Range<Int> {
    grid.place(ofBlock: block, in: count)..<grid.place(ofBlock: block + 1, in: count)
  }

  private func differs(_ block: Int, _ primary: RawSpan, _ recovery: RawSpan) -> Bool {
    let (word, bit) = (block / 64, 1 << UInt64(block % 64) as UInt64)
    if left[word] & bit != 0 { return false }
    if forced[word] & bit != 0 { return true }
    let place = place(of: block)
    return !primary.extracting(place).holdsSameBytes(as: recovery.extracting(place))
  }

  /// Notes which blocks a chunk's damage touches.
  ///
  /// - Returns: bytes of the blocks that are left out.
  private mutating func note(_ damage: ChunkDamage) -> Int {
    for word in bits.indices { (left[word], forced[word]) = (0, 0) }
    for place in damage.different {
      for block in touched(by: place) { forced[block / 64] |= 1 << UInt64(block % 64) }
    }
    for place in damage.left {
      for block in touched(by: place) { left[block / 64] |= 1 << UInt64(block % 64) }
    }
    if damage.left.isEmpty { return 0 }
    return (0..<grid.blockCount(in: count)).reduce(0) { sum, block in
      left[block / 64] & 1 << UInt64(block % 64) != 0 ? sum + place(of: block).count : sum
    }
  }

  private func touched(by place: Range<Int>) -> [Int] {
    (0..<grid.blockCount(in: count)).filter { self.place(of: $0).overlaps(place) }
  }

  /// Looks at every block of a chunk anew.
  ///
  /// - Returns: bytes of the blocks that are left out; they do not differ.
  mutating func scan(_ primary: RawSpan, _ recovery: RawSpan, _ damage: ChunkDamage = ChunkDamage()) -> Int {
    precondition(primary.byteCount == recovery.byteCount)
    count = primary.byteCount
    let leftBytes = note(damage)
    for word in bits.indices { bits[word] = 0 }
    for block in 0..<grid.blockCount(in: count) where differs(block, primary, recovery) {
      bits[block / 64] |= 1 << UInt64(block % 64)
    }
    return leftBytes
  }

  /// Looks at every block of the same chunk after a second reading, and keeps those that differed both times.
  ///
  /// - Returns: bytes of the blocks that differed only once, and of those that are left out.
  mutating func confirm(
    _ primary: RawSpan, _ recovery: RawSpan, _ damage: ChunkDamage = ChunkDamage()
  ) -> (moving: Int, left: Int) {
    precondition(primary.byteCount == count && recovery.byteCount == count)
    let leftBytes = note(damage)
    var moving = 0
    for block in 0..<grid.blockCount(in: count) where differs(block, primary, recovery) != holds(block) {
      bits[block / 64] &= ~(1 << UInt64(block % 64))
      // One that is left out is neither.
      if left[block / 64] & 1 << UInt64(block % 64) == 0 { moving += place(of: block).count }
    }
    return (moving, leftBytes)
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
