import Synchronization
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("comparing a pair in memory") struct ComparePairTests {
  static let size = (1 << 20) + 1536

  /// A pair of `size` bytes that differs at these bytes.
  func pair(differingAt bytes: [Int], geometry: QueueGeometry = smallChunks) -> MemoryQueue {
    let primary = randomBytes(Self.size, seed: 3)
    var recovery = primary
    for byte in bytes { recovery[byte] ^= 1 }
    return MemoryQueue(primary: primary, recovery: recovery, geometry: geometry)
  }

  @Test("an identical pair has no difference, and every byte was compared")
  func identical() {
    var queue = pair(differingAt: [])
    let result = compareAll(&queue, size: Self.size)
    #expect(result.ending == .success(.complete))
    #expect(
      result.totals
        == CompareTotals(
          bytesCompared: UInt64(Self.size),
          settled: SettledPart(end: UInt64(Self.size), bytesCompared: UInt64(Self.size))))
    #expect(queue.violations.isEmpty)
  }

  @Test("a difference that crosses a chunk's border is reported as one, and written within chunks")
  func crossing() {
    var queue = pair(differingAt: [65535, 65536])
    let result = compareAll(&queue, size: Self.size, writing: true)
    #expect(result.ranges == [ByteRange(offset: 61440, length: 8192)])
    #expect(result.totals.differences == 1)
    #expect(result.totals.bytesWritten == 8192)
    #expect(
      queue.writes == [ByteRange(offset: 61440, length: 4096), ByteRange(offset: 65536, length: 4096)])
    #expect(differingBytes(queue.recovery, queue.primary) == 0)
  }

  @Test("every second block differs: all are written, never more than 64 at once")
  func everySecondBlock() {
    let primary = [UInt8](repeating: 7, count: 8 << 20)
    var recovery = primary
    for byte in stride(from: 0, to: primary.count, by: 8192) { recovery[byte] = 0 }
    var queue = MemoryQueue(
      primary: primary, recovery: recovery, geometry: QueueGeometry(chunk: 1 << 20, depth: 4))
    let result = compareAll(&queue, size: primary.count, writing: true)
    #expect(result.ending == .success(.complete))
    #expect(result.totals.bytesWritten == 4 << 20)
    #expect(result.totals.differences == 1024)
    #expect(result.totals.sectorsSubmitted == 8192)
    #expect(queue.mostWritesInFlight == 64)
    #expect(differingBytes(queue.recovery, primary) == 0)
    #expect(queue.violations.isEmpty)
  }

  @Test("whatever order requests end in, differences ascend and no two writes in flight overlap")
  func reversed() {
    forSeeds { seed in
      var random = SplitMix64(seed: seed)
      let changes = (0..<100).map { _ in Int.random(in: 0..<Self.size, using: &random) }
      let memory = pair(differingAt: changes)
      let expected = oracle(memory.primary, memory.recovery, blocks: BlockGrid(512, 512))
      var queue = FaultyQueue(memory, reversing: true)
      let result = compareAll(&queue, size: Self.size, writing: true)
      #expect(result.ending == .success(.complete), "seed \(seed)")
      #expect(result.ranges == expected, "seed \(seed)")
      #expect(queue.inner.violations.isEmpty, "seed \(seed)")
      #expect(differingBytes(queue.inner.recovery, queue.inner.primary) == 0, "seed \(seed)")
    }
  }

  @Test("a window is widened to whole blocks, and nothing outside it is read")
  func window() {
    var queue = pair(differingAt: [4095, 70000, 90000])
    let blocks = BlockGrid(512, 512)
    var source = WholeRange(
      size: UInt64(Self.size), window: ByteRange(offset: 69999, length: 2), blocks: blocks)
    let result = compare(&source, through: &queue, size: UInt64(Self.size), blocks: blocks)
    #expect(result.ranges == [ByteRange(offset: 69632, length: 4096)])
    #expect(result.totals.bytesCompared == 4096)
    #expect(queue.reads.allSatisfy { $0.range == ByteRange(offset: 69632, length: 4096) })
  }

  @Test("a running primary: what differs once is moving, what differs twice is written as it is now")
  func moving() {
    var queue = pair(differingAt: [100, 70000])
    // Outcomes 0 to 7 are the four slots' first readings, 8 and 9 the first chunk's second, 10 is the second's.
    queue.edits = [
      .init(outcome: 8, side: .recovery, byte: 100, value: queue.primary[100]),
      .init(outcome: 10, side: .primary, byte: 70001, value: queue.primary[70001] ^ 8),
    ]
    let result = compareAll(&queue, size: Self.size, writing: true, confirming: true)
    #expect(result.ending == .success(.complete))
    #expect(result.ranges == [ByteRange(offset: 69632, length: 4096)])
    #expect(result.totals.bytesMoving == 4096)
    #expect(result.totals.bytesDifferent == 4096)
    #expect(queue.recovery[70001] == queue.primary[70001])
    #expect(differingBytes(queue.recovery, queue.primary) == 0)
    #expect(queue.violations.isEmpty)
  }

  @Test("alternating runs read the primary's whole run before the recovery's, and find the same")
  func alternating() {
    let geometry = QueueGeometry(chunk: 16 << 10, depth: 16, recoveryDepth: 4)
    var queue = pair(differingAt: [0, 300_000, Self.size - 1], geometry: geometry)
    let expected = oracle(queue.primary, queue.recovery, blocks: BlockGrid(512, 512))
    let result = compareAll(&queue, size: Self.size, writing: true)
    #expect(result.ending == .success(.complete))
    #expect(result.ranges == expected)
    #expect(queue.reads.prefix(16).allSatisfy { $0.side == .primary })
    #expect(queue.reads.dropFirst(16).prefix(16).allSatisfy { $0.side == .recovery })
    #expect(differingBytes(queue.recovery, queue.primary) == 0)
    #expect(queue.violations.isEmpty)
  }

  @Test("a run that is asked to stop reads nothing more, and leaves nothing in flight")
  func stopping() throws {
    let control = RunControl()
    control.terminate()
    var queue = pair(differingAt: [0])
    let result = compareAll(&queue, size: Self.size, writing: true, control: control)
    #expect(result.ending == .success(.stopped))
    #expect(queue.reads.isEmpty)
    #expect(try queue.nextOutcome(waiting: true) == nil)
  }

  @Test("progress is added to the control's counts")
  func progress() {
    let control = RunControl()
    for round in 1...2 {
      var queue = pair(differingAt: [0])
      _ = compareAll(&queue, size: Self.size, writing: true, control: control)
      #expect(control.bytesDone.load(ordering: .relaxed) == UInt64(round * Self.size))
      #expect(control.bytesDifferent.load(ordering: .relaxed) == UInt64(round) * 4096)
      #expect(control.bytesWritten.load(ordering: .relaxed) == UInt64(round) * 4096)
      // 17 chunks, two reads each, and a write.
      #expect(control.completions.load(ordering: .relaxed) == UInt64(round) * 35)
    }
  }

  /// One hole that is looked at all the same.
  struct Sample: RangeSource {
    var rest: WorkRange? = WorkRange(range: ByteRange(offset: 131072, length: 65536), mustBeZero: true)
    var bytesSkipped: UInt64 { 0 }
    mutating func next() -> WorkRange? {
      defer { rest = nil }
      return rest
    }
  }

  @Test("a byte that is not zero in a hole of both sides ends the comparison", arguments: [131072, 196607])
  func lyingHole(byte: Int) {
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    bytes[byte] = 1
    var queue = MemoryQueue(primary: bytes, recovery: bytes, geometry: smallChunks)
    var source = Sample()
    let result = compare(&source, through: &queue, size: 1 << 20, blocks: BlockGrid(512, 512))
    #expect(result.ending == .success(.holeHoldsData(ByteRange(offset: 131072, length: 65536))))
  }
}
