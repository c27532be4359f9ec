import Testing

@testable import DeviceResync

@Suite("differing blocks of a chunk") struct DifferingBlocksTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var count = 16384
    var logicalBlock: UInt32 = 512
    let changed: [Int]
    let expected: [Range<Int>]
    var testDescription: String { "bytes \(changed) of \(count)" }
  }

  func runs(_ primary: [UInt8], _ recovery: [UInt8], _ logicalBlock: UInt32) -> [Range<Int>] {
    var blocks = DifferingBlocks(chunk: 65536, grid: BlockGrid(logicalBlock, 512))
    _ = blocks.scan(primary.span.bytes, recovery.span.bytes)
    var runs: [Range<Int>] = []
    while let run = blocks.nextRun(from: runs.last?.upperBound ?? 0) { runs.append(run) }
    return runs
  }

  @Test(
    "adjacent blocks of 4096 bytes merge; the remainder is cut in logical blocks",
    arguments: [
      Case(changed: [], expected: []),
      Case(changed: [0], expected: [0..<4096]),
      Case(changed: [4095], expected: [0..<4096]),
      Case(changed: [4095, 4096], expected: [0..<8192]),
      Case(changed: [0, 8192, 16383], expected: [0..<4096, 8192..<16384]),
      Case(count: 8192 + 1536, changed: [8192], expected: [8192..<8704]),
      Case(count: 8192 + 1536, changed: [8191, 8192], expected: [4096..<8704]),
      Case(count: 8192 + 1536, changed: [9727], expected: [9216..<9728]),
      Case(count: 512, changed: [511], expected: [0..<512]),
      Case(count: 32768, logicalBlock: 8192, changed: [8191, 24576], expected: [0..<8192, 24576..<32768]),
    ])
  func merging(_ example: Case) {
    let primary = [UInt8](repeating: 7, count: example.count)
    var recovery = primary
    for byte in example.changed { recovery[byte] ^= 0x10 }
    #expect(runs(primary, recovery, example.logicalBlock) == example.expected)
  }

  @Test("one bit at any offset of a block makes that block differ, and no other")
  func everyOffset() {
    let primary = randomBytes(12288, seed: 1)
    for offset in 4096..<8192 {
      var recovery = primary
      recovery[offset] ^= 1 << UInt8(offset % 8)
      #expect(runs(primary, recovery, 512) == [4096..<8192], "offset \(offset)")
    }
  }

  @Test("any pattern comes to what a comparison byte by byte finds")
  func property() {
    forSeeds { seed in
      var random = SplitMix64(seed: seed)
      let count = Int.random(in: 1...128, using: &random) * 512
      let primary = randomBytes(count, seed: seed)
      var recovery = primary
      for _ in 0..<Int.random(in: 0...12, using: &random) {
        recovery[Int.random(in: 0..<count, using: &random)] ^= 1
      }
      let expected = oracle(primary, recovery, blocks: BlockGrid(512, 512)).map {
        Int($0.offset)..<Int($0.end)
      }
      #expect(runs(primary, recovery, 512) == expected, "seed \(seed)")
    }
  }

  @Test("a second reading keeps what differs both times, and counts the rest as moving")
  func confirming() {
    let primary = [UInt8](repeating: 7, count: 16384)
    var first = primary
    for byte in [0, 4096, 12288] { first[byte] = 0 }
    var second = primary
    for byte in [4097, 8192, 12289] { second[byte] = 0 }
    var blocks = DifferingBlocks(chunk: 65536, grid: BlockGrid(512, 512))
    _ = blocks.scan(primary.span.bytes, first.span.bytes)
    #expect(blocks.confirm(primary.span.bytes, second.span.bytes).moving == 8192)
    #expect(blocks.nextRun(from: 0) == 4096..<8192)
    #expect(blocks.nextRun(from: 8192) == 12288..<16384)
    #expect(blocks.nextRun(from: 16384) == nil)
  }
}
