/// Where something was written: one bit for each cell of the disk, so that it can be compared once more.
///
/// At most 2^20 bits (128 KiB), however large the disk is: a cell grows with it.
struct MarkedCells: RangeSource {
  static let mostCells: UInt64 = 1 << 20

  private let size: UInt64
  /// Bytes of a cell.
  let cell: UInt64
  private var marks: [UInt64]
  private var cursor: UInt64 = 0
  var bytesSkipped: UInt64 { 0 }

  /// Of a disk of `size` bytes that is compared in chunks of `chunk` bytes.
  init(size: UInt64, chunk: Int) {
    self.size = size
    let chunks = (size + UInt64(chunk) - 1) / UInt64(chunk)
    cell = UInt64(chunk) * max(1, (chunks + Self.mostCells - 1) / Self.mostCells)
    let cells = (size + cell - 1) / cell
    marks = [UInt64](repeating: 0, count: Int((cells + 63) / 64))
  }

  /// Whether no cell is marked.
  var isEmpty: Bool { marks.allSatisfy { $0 == 0 } }

  /// Marks every cell that `range` touches.
  mutating func mark(_ range: ByteRange) {
    guard !range.isEmpty else { return }
    for index in range.offset / cell...(range.end - 1) / cell {
      marks[Int(index / 64)] |= 1 << (index % 64)
    }
  }

  private func isMarked(_ index: UInt64) -> Bool {
    marks[Int(index / 64)] & 1 << (index % 64) != 0
  }

  /// The next run of marked cells, cut at the disk's end.
  mutating func next() -> WorkRange? {
    let cells = (size + cell - 1) / cell
    while cursor < cells, !isMarked(cursor) { cursor += 1 }
    guard cursor < cells else { return nil }
    let start = cursor
    while cursor < cells, isMarked(cursor) { cursor += 1 }
    return WorkRange(range: ByteRange(start * cell, upTo: min(size, cursor * cell)))
  }
}
