/// How a pair's bytes are cut into blocks, the unit of differences, counts and writes (DESIGN 1).
///
/// A block is 4096 bytes at a multiple of 4096, or the larger logical block where that is more; what remains
/// after the last whole block is cut in logical blocks.
struct BlockGrid: Sendable {
  /// Bytes of a block.
  let blockSize: Int
  /// Bytes of the larger logical block of the two sides.
  let logicalBlockSize: Int
  /// Bytes of each side's own.
  private let own: (primary: UInt32, recovery: UInt32)

  /// Of two devices with these logical block sizes, in bytes.
  init(_ primary: UInt32, _ recovery: UInt32) {
    own = (primary, recovery)
    logicalBlockSize = Int(max(primary, recovery))
    precondition(logicalBlockSize > 0)
    blockSize = max(4096, logicalBlockSize)
  }

  /// Bytes of a side's own logical block: what it reads at least.
  func logicalBlockSize(of side: Side) -> UInt64 { UInt64(side == .primary ? own.primary : own.recovery) }

  /// Blocks in `count` bytes that begin on a block.
  func blockCount(in count: Int) -> Int {
    count / blockSize + (count % blockSize + logicalBlockSize - 1) / logicalBlockSize
  }

  /// Where block `index` of `count` bytes begins, in bytes; `count` for the one after the last.
  func place(ofBlock index: Int, in count: Int) -> Int {
    let whole = count / blockSize
    if index <= whole { return index * blockSize }
    return min(count, whole * blockSize + (index - whole) * logicalBlockSize)
  }

  /// `range` widened to whole blocks, within `size` bytes.
  func widened(_ range: ByteRange, within size: UInt64) -> ByteRange {
    let block = UInt64(blockSize)
    let start = min(range.offset, size) / block * block
    let end = min(range.end, size)
    let rest = end % block
    return ByteRange(start, upTo: rest == 0 ? end : min(size, end - rest + block))
  }
}
