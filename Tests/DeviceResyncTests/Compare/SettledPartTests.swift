import SystemPackage
import Testing

@testable import DeviceResync

/// PITFALLS D17: a checkpoint lies at the lowest byte that is not completed.
@Suite("what a comparison has settled") struct SettledPartTests {
  static let size = 1 << 20

  /// What the recovery of a queue holds.
  final class Contents {
    var bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = bytes }
  }

  private func pair(_ random: inout SplitMix64) -> MemoryQueue {
    let primary = randomBytes(Self.size, seed: random.next())
    var recovery = primary
    for _ in 0..<60 { recovery[Int.random(in: 0..<Self.size, using: &random)] ^= 1 }
    return MemoryQueue(primary: primary, recovery: recovery, geometry: smallChunks)
  }

  @Test("it equals the primary at every moment, whatever order the writes end in")
  func isWritten() {
    forSeeds { seed in
      var random = SplitMix64(seed: seed)
      var memory = pair(&random)
      let (primary, contents) = (memory.primary, Contents(memory.recovery))
      memory.onWrite = { _, bytes in contents.bytes = bytes }
      var parts: [SettledPart] = []
      var sink = InPlaceSink(
        DifferenceRecorder(size: UInt64(Self.size), maxRanges: 10),
        progress: { (part) throws(ResyncError) in
          parts.append(part)
          let end = Int(part.end ?? 0)
          #expect(contents.bytes[..<end] == primary[..<end], "seed \(seed)")
        })
      var source = WholeRange(size: UInt64(Self.size), blocks: BlockGrid(512, 512))
      var totals = CompareTotals()
      var queue = FaultyQueue(memory, reversing: true)
      #expect(throws: Never.self) {
        try comparePair(
          &source, through: &queue, into: &sink, blocks: BlockGrid(512, 512), control: RunControl(),
          totals: &totals)
      }
      #expect(parts.count > 1 && parts.map { $0.end ?? 0 } == parts.map { $0.end ?? 0 }.sorted())
      #expect(totals.settled.bytesCompared == UInt64(Self.size))
      #expect(totals.settled.bytesDifferent == totals.bytesDifferent, "seed \(seed)")
      #expect(totals.settled.differences == totals.differences, "seed \(seed)")
    }
  }

  @Test("a write that fails is behind its end, and so is all after it")
  func fails() {
    forSeeds { seed in
      var random = SplitMix64(seed: seed)
      let memory = pair(&random)
      let expected = oracle(memory.primary, memory.recovery, blocks: BlockGrid(512, 512))
      let failed = expected[expected.count / 2]
      var queue = FaultyQueue(
        memory,
        [
          .init(
            kind: seed.isMultiple(of: 2) ? .fails(.ioError) : .torn(.noSpace), request: .write,
            side: .recovery,
            byte: failed.offset)
        ], reversing: true)
      let result = compareAll(&queue, size: Self.size, writing: true)
      let end = Int(result.totals.settled.end ?? 0)
      #expect(result.error?.range?.overlaps(failed) == true, "seed \(seed)")
      #expect(end <= Int(failed.offset), "seed \(seed)")
      #expect(queue.inner.recovery[..<end] == queue.inner.primary[..<end], "seed \(seed)")
      let before = expected.filter { $0.end <= UInt64(end) }
      #expect(
        result.totals.settled.bytesDifferent == before.reduce(0) { $0 + $1.length }
          + (expected.first { $0.offset < UInt64(end) && $0.end > UInt64(end) }.map {
            UInt64(end) - $0.offset
          } ?? 0),
        "seed \(seed)")
    }
  }
}
