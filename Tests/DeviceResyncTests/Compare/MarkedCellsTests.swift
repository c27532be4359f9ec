import Testing

@testable import DeviceResync

@Suite("marked cells") struct MarkedCellsTests {
  func walk(_ cells: MarkedCells) -> [ByteRange] {
    var cells = cells
    var ranges: [ByteRange] = []
    while let work = cells.next() { ranges.append(work.range) }
    return ranges
  }

  @Test("a write marks every cell that it touches; adjacent cells are walked as one, up to the disk's end")
  func marking() {
    var cells = MarkedCells(size: (10 << 20) + 512, chunk: 1 << 20)
    cells.mark(ByteRange(offset: (3 << 20) - 4096, length: 8192))
    cells.mark(ByteRange(offset: 10 << 20, length: 512))
    cells.mark(ByteRange(offset: 5 << 20, length: 1 << 20))
    #expect(
      walk(cells) == [
        ByteRange(offset: 2 << 20, length: 2 << 20), ByteRange(offset: 5 << 20, length: 1 << 20),
        ByteRange(offset: 10 << 20, length: 512),
      ])
  }

  @Test("nothing marked, nothing walked") func nothing() {
    #expect(walk(MarkedCells(size: 1 << 40, chunk: 1 << 20)).isEmpty)
  }

  @Test(
    "a cell is a chunk up to 2^20 cells, then it grows",
    arguments: [(1 << 40, 1 << 20), ((1 << 40) + 512, 2 << 20), (1 << 50, 1 << 30)] as [(UInt64, UInt64)])
  func cellSize(size: UInt64, cell: UInt64) {
    var cells = MarkedCells(size: size, chunk: 1 << 20)
    #expect(cells.cell == cell)
    cells.mark(ByteRange(offset: size - 512, length: 512))
    #expect(walk(cells).last?.end == size)
  }
}
