import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite(
  "writing the differences of loop devices", .enabled(if: geteuid() == 0, "needs root, for loop devices"))
struct LoopComparisonTests {
  /// Compares two disks of these bytes through a queue, and gives what was found and what the recovery's file
  /// holds afterwards.
  func resynchronize(
    _ primary: [UInt8], _ recovery: [UInt8], blocks: (UInt32, UInt32) = (512, 512),
    geometry: QueueGeometry? = nil, engine: Engine, rounds: Int = 1
  ) throws -> (compared: [Compared], recovery: [UInt8]) {
    let first = try LoopDisk.holding(primary, blockSize: blocks.0)
    let second = try LoopDisk.holding(recovery, blockSize: blocks.1)
    var compared: [Compared] = []
    do {
      let geometry =
        try geometry
        ?? .choose(
          primary: QueueGeometryTests.limits(1280 << 10, block: blocks.0),
          recovery: QueueGeometryTests.limits(1280 << 10, block: blocks.1))
      var queue = try DiskQueue(
        primary: first.open(.readOnly), recovery: second.open(.readWrite.union(.claim)), geometry: geometry,
        engine: engine)
      for _ in 0..<rounds {
        compared.append(
          compareAll(&queue, size: primary.count, blocks: BlockGrid(blocks.0, blocks.1), writing: true))
      }
    }
    #expect(differingBytes(try first.bytes(), primary) == 0, "the primary changed")
    return (compared, try second.bytes())
  }

  @Test(
    "any pattern is written, exactly its blocks, and a second run writes nothing", arguments: Engine.allCases)
  func randomPatterns(_ engine: Engine) throws {
    try forSeeds { seed in
      var random = SplitMix64(seed: seed)
      let logical: [(UInt32, UInt32)] = [(512, 512), (4096, 512), (512, 4096), (4096, 4096)]
      let blocks = logical[Int.random(in: 0..<4, using: &random)]
      let grid = BlockGrid(blocks.0, blocks.1)
      // From one sector to a few MiB, and often a sector more or less than a whole chunk.
      let sectors = 2048 * Int.random(in: 0...3, using: &random) + Int.random(in: -1...1, using: &random)
      let size = max(grid.logicalBlockSize, sectors * 512 / grid.logicalBlockSize * grid.logicalBlockSize)
      let primary = randomBytes(size, seed: seed)
      var recovery = primary
      for _ in 0..<Int.random(in: 0...200, using: &random) {
        let start = Int.random(in: 0..<size, using: &random)
        let length =
          Bool.random(using: &random) ? 1 : Int.random(in: 1...min(100_000, size - start), using: &random)
        for byte in start..<start + length { recovery[byte] ^= 0x40 }
      }
      let expected = oracle(primary, recovery, blocks: grid)
      let result = try resynchronize(primary, recovery, blocks: blocks, engine: engine, rounds: 2)
      let different = expected.reduce(0) { $0 + $1.length }
      #expect(result.compared[0].ranges == expected, "seed \(seed)")
      #expect(
        result.compared[0].totals
          == CompareTotals(
            bytesCompared: UInt64(size), bytesDifferent: different, differences: UInt64(expected.count),
            bytesWritten: different,
            settled: SettledPart(
              end: UInt64(size), bytesCompared: UInt64(size), bytesDifferent: different,
              differences: UInt64(expected.count), lastDifference: expected.last?.end),
            bytesSubmitted: different), "seed \(seed)")
      #expect(result.compared[1].totals.bytesCompared == UInt64(size), "seed \(seed)")
      #expect(result.compared[1].totals.bytesDifferent == 0, "seed \(seed)")
      #expect(differingBytes(result.recovery, primary) == 0, "seed \(seed)")
    }
  }

  @Test("a submission queue that every second block fills is not overrun", arguments: Engine.allCases)
  func everySecondBlock(_ engine: Engine) throws {
    let primary = randomBytes(16 << 20, seed: 4)
    var recovery = primary
    for byte in stride(from: 4095, to: primary.count, by: 8192) { recovery[byte] ^= 1 }
    let result = try resynchronize(primary, recovery, engine: engine)
    #expect(result.compared[0].ending == .success(.complete))
    #expect(result.compared[0].totals.differences == 2048)
    #expect(differingBytes(result.recovery, primary) == 0)
  }

  @Test("all of a disk differs: all of it is written", arguments: Engine.allCases)
  func allDifferent(_ engine: Engine) throws {
    let primary = randomBytes((3 << 20) + 512, seed: 6)
    let result = try resynchronize(primary, primary.map { ~$0 }, engine: engine)
    #expect(result.compared[0].totals.bytesWritten == UInt64(primary.count))
    #expect(result.compared[0].ranges == [ByteRange(offset: 0, length: UInt64(primary.count))])
    #expect(differingBytes(result.recovery, primary) == 0)
  }

  @Test(
    "one bit of the last sector is found and written, whatever the size",
    arguments: [512, 1024, 4096, 4608, 1 << 20, (1 << 20) + 512, (1 << 20) - 512], Engine.allCases)
  func lastSector(size: Int, engine: Engine) throws {
    let primary = randomBytes(size, seed: 7)
    var recovery = primary
    recovery[size - 1] ^= 0x80
    let length = size % 4096 == 0 ? 4096 : 512
    let result = try resynchronize(primary, recovery, engine: engine)
    #expect(result.compared[0].ranges == [ByteRange(offset: UInt64(size - length), length: UInt64(length))])
    #expect(differingBytes(result.recovery, primary) == 0)
  }

  @Test("reversed completions of real devices never reorder differences", arguments: Engine.allCases)
  func reversed(_ engine: Engine) throws {
    let primary = randomBytes(4 << 20, seed: 8)
    var recovery = primary
    for byte in stride(from: 0, to: primary.count, by: 12288) { recovery[byte] ^= 1 }
    let first = try LoopDisk.holding(primary)
    let second = try LoopDisk.holding(recovery)
    do {
      let inner = try DiskQueue(
        primary: first.open(.readOnly), recovery: second.open(.readWrite), geometry: smallChunks,
        engine: engine)
      var queue = FaultyQueue(inner, reversing: true)
      let result = compareAll(&queue, size: primary.count, writing: true)
      #expect(result.ranges == oracle(primary, recovery, blocks: BlockGrid(512, 512)))
    }
    #expect(differingBytes(try second.bytes(), primary) == 0)
  }

  @Test("alternating runs of 16 MiB write the same", arguments: Engine.allCases)
  func alternating(_ engine: Engine) throws {
    let primary = randomBytes((33 << 20) + 512, seed: 9)
    var recovery = primary
    for byte in stride(from: 0, to: primary.count, by: 1 << 19) { recovery[byte] ^= 1 }
    let geometry = try QueueGeometry.choose(
      primary: QueueGeometryTests.limits(1280 << 10), recovery: QueueGeometryTests.limits(1280 << 10),
      alternating: true)
    let result = try resynchronize(primary, recovery, geometry: geometry, engine: engine)
    #expect(result.compared[0].totals.differences == 67)
    #expect(differingBytes(result.recovery, primary) == 0)
  }

  @Test(
    "what was written is marked, and comparing the marked cells again finds nothing",
    arguments: Engine.allCases)
  func verify(_ engine: Engine) throws {
    let primary = randomBytes(8 << 20, seed: 10)
    var recovery = primary
    for byte in [0, 3 << 20, (8 << 20) - 1] { recovery[byte] ^= 1 }
    let first = try LoopDisk.holding(primary)
    let second = try LoopDisk.holding(recovery)
    let size = UInt64(primary.count)
    let grid = BlockGrid(512, 512)
    var queue = try DiskQueue(
      primary: first.open(.readOnly), recovery: second.open(.readWrite),
      geometry: QueueGeometry(chunk: 1 << 20, depth: 4), engine: engine)
    var sink = InPlaceSink(
      DifferenceRecorder(size: size, maxRanges: 10), marks: MarkedCells(size: size, chunk: 1 << 20))
    var source = WholeRange(size: size, blocks: grid)
    var totals = CompareTotals()
    let ending = try comparePair(
      &source, through: &queue, into: &sink, blocks: grid, control: RunControl(), totals: &totals)
    #expect(ending == .complete)
    let written = sink.marks
    var marks = try #require(written)
    let again = compare(&marks, through: &queue, size: size, blocks: grid)
    #expect(
      again.totals
        == CompareTotals(
          bytesCompared: 3 << 20, settled: SettledPart(end: 8 << 20, bytesCompared: 3 << 20)))

    // Something else changes a block that was written: the second look sees it.
    try second.image.write([1, 2, 3], at: 3 << 20)
    var once = try #require(written)
    let changed = compare(&once, through: &queue, size: size, blocks: grid)
    #expect(changed.ranges == [ByteRange(offset: 3 << 20, length: 4096)])
  }
}
