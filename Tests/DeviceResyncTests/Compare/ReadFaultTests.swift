import SystemPackage
import Testing

@testable import DeviceResync

/// PITFALLS D2, D3, G11, over a pair in memory whose every 16th block differs.
@Suite("what cannot be read") struct ReadFaultTests {
  typealias Queue = FaultyQueue<MemoryQueue>
  static let size = 1 << 20

  func queue(
    bad ranges: [ByteRange], _ side: Side, _ errno: Errno = .ioError, geometry: QueueGeometry = smallChunks
  ) -> Queue {
    let primary = randomBytes(Self.size, seed: 5)
    var recovery = primary
    for byte in stride(from: 8192, to: Self.size, by: 65536) { recovery[byte] ^= 1 }
    let faults = ranges.flatMap { range in
      stride(from: range.offset, to: range.end, by: 512).map {
        Queue.Fault(kind: .fails(errno), request: .read, side: side, byte: $0)
      }
    }
    return Queue(MemoryQueue(primary: primary, recovery: recovery, geometry: geometry), faults)
  }

  static let recording = ReadFaultRules(primary: .left, recovery: .left)
  static let resyncing = ReadFaultRules(primary: .left, recovery: .differs)

  static func range(_ offset: UInt64, _ length: UInt64) -> ByteRange {
    ByteRange(offset: offset, length: length)
  }

  @Test(
    "the first unreadable range that ends a run is named to the logical block, however long it is",
    arguments: [
      range(0, 512), range(4096, 4096), range(65024, 512), range(100_352, 20_480), range(131_072, 65_536),
    ])
  func exactRange(_ bad: ByteRange) throws {
    for side in Side.allCases {
      // A second one in the same chunk is another one.
      var queue = queue(bad: [bad, Self.range(bad.end + 1024, 512)], side, .noData)
      let error = try #require(compareAll(&queue, size: Self.size).error)
      #expect(error.range == bad, "\(side)")
      #expect(error.side == side)
      #expect(error.errno == .noData)
      #expect(queue.inner.violations.isEmpty)
    }
  }

  @Test(
    "each side is read down to its own logical block", arguments: [(UInt32(512), UInt32(4096)), (4096, 512)])
  func ownBlocks(_ blocks: (UInt32, UInt32)) throws {
    for side in Side.allCases {
      let unit = UInt64(side == .primary ? blocks.0 : blocks.1)
      var queue = queue(bad: [Self.range(70_000, 1)], side)
      let result = compareAll(&queue, size: Self.size, blocks: BlockGrid(blocks.0, blocks.1))
      #expect(result.error?.range == Self.range(70_000 / unit * unit, unit), "\(side)")
      #expect(queue.inner.reads.allSatisfy { $0.side != side || $0.range.isAligned(to: unit) })
    }
  }

  @Test(
    "recorded, the rest is compared and written, and blocks that cannot be read keep the recovery's bytes")
  func recorded() throws {
    // In a difference, beside one, over the border of two chunks, and the last block.
    let bad = [
      Self.range(8192 + 1024, 512), Self.range(77_824, 8192), Self.range(131_072 - 512, 1024),
      Self.range(1 << 20 - 512, 512),
    ]
    var queue = queue(bad: bad, .primary)
    let before = queue.inner.recovery
    let result = compareAll(&queue, size: Self.size, writing: true, rules: Self.resyncing)
    #expect(result.ending == .success(.complete))
    #expect(result.totals.unread.list == bad.map { ReadFault(side: .primary, range: $0, errno: .ioError) })
    #expect(result.totals.rewritten.isEmpty)
    // Whole blocks: 1 + 2 + 2 + 1.
    #expect(result.totals.bytesUnread == 6 * 4096)
    #expect(result.totals.bytesCompared == UInt64(Self.size) - 6 * 4096)
    #expect(result.totals.bytesWritten == 15 * 4096)
    var expected = queue.inner.primary
    expected.replaceSubrange(8192..<12288, with: before[8192..<12288])
    #expect(differingBytes(queue.inner.recovery, expected) == 0)
    #expect(queue.inner.violations.isEmpty)
  }

  @Test(
    "a recovery's bytes that cannot be read count as different and are written",
    arguments: [512, 4096, 65536])
  func rewritten(_ length: UInt64) throws {
    let bad = Self.range(196_608, length)
    var queue = queue(bad: [bad], .recovery)
    var recovery = queue.inner.recovery
    for byte in Int(bad.offset)..<Int(bad.end) { recovery[byte] = 0x55 }
    queue.inner.recovery = recovery
    let result = compareAll(&queue, size: Self.size, writing: true, rules: Self.resyncing)
    #expect(result.ending == .success(.complete))
    #expect(result.totals.rewritten.list == [ReadFault(side: .recovery, range: bad, errno: .ioError)])
    #expect(result.totals.unread.isEmpty && result.totals.bytesUnread == 0)
    #expect(result.totals.bytesCompared == UInt64(Self.size))
    #expect(differingBytes(queue.inner.recovery, queue.inner.primary) == 0)
  }

  @Test("more of a recovery that cannot be read than may be healed ends the run")
  func failingRecovery() throws {
    var queue = queue(bad: [Self.range(131_072, 8192), Self.range(262_144, 8192)], .recovery)
    var rules = Self.resyncing
    rules.mostRewritten = 16_383
    let result = compareAll(&queue, size: Self.size, writing: true, rules: rules)
    #expect(result.error?.range == Self.range(262_144, 8192))
    #expect(result.error?.errno == .ioError && result.error?.side == .recovery)
    #expect(result.totals.rewritten.bytes == 8192)
  }

  @Test("where neither side can be read nothing is written")
  func bothSides() throws {
    var queue = queue(bad: [Self.range(8192, 512)], .primary)
    queue.faults.append(.init(kind: .fails(.ioError), request: .read, side: .recovery, byte: 8704))
    let before = queue.inner.recovery
    let result = compareAll(&queue, size: Self.size, writing: true, rules: Self.resyncing)
    #expect(result.totals.bytesUnread == 4096)
    #expect(result.totals.unread.count == 1 && result.totals.rewritten.count == 1)
    #expect(queue.inner.recovery[8192..<12288] == before[8192..<12288])
  }

  @Test("of a running primary, what one of two readings could not read is left out")
  func secondReading() throws {
    var queue = queue(bad: [], .primary)
    queue.faults = [.init(kind: .fails(.ioError), request: .read, side: .primary, byte: 9000, skip: 1)]
    let result = compareAll(
      &queue, size: Self.size, writing: true, confirming: true, rules: Self.resyncing)
    #expect(result.ending == .success(.complete))
    #expect(result.totals.unread.list.map(\.range) == [Self.range(8704, 512)])
    #expect(result.totals.bytesUnread == 4096 && result.totals.bytesMoving == 0)
    #expect(result.totals.bytesWritten == 15 * 4096)
  }

  @Test("a read that fails and goes through in pieces is no fault, but is counted")
  func passing() throws {
    var queue = queue(bad: [], .primary)
    queue.faults = [.init(kind: .fails(.ioError), request: .read, side: .primary, byte: 9000, times: 3)]
    let result = compareAll(&queue, size: Self.size, writing: true)
    #expect(result.ending == .success(.complete))
    #expect(result.totals.readsRepeated == 1 && result.totals.bytesUnread == 0)
    #expect(differingBytes(queue.inner.recovery, queue.inner.primary) == 0)
  }

  @Test(
    "an errno that is none of a sector's is not looked into",
    arguments: [Errno.timedOut, .noSpace, .operationNotSupportedByDevice])
  func others(_ errno: Errno) throws {
    var queue = queue(bad: [Self.range(70_000, 1)], .primary, errno)
    let result = compareAll(&queue, size: Self.size, rules: Self.recording)
    #expect(result.error?.range == Self.range(65_536, 65_536))
    #expect(result.error?.errno == errno)
  }

  @Test("a device that is gone ends the run, recorded or not")
  func gone() throws {
    var rules = Self.recording
    rules.checkPresence = { (side) throws(ResyncError) in
      throw ResyncError(.replaced, "go on with", on: "it", side: side)
    }
    var queue = queue(bad: [Self.range(70_000, 1)], .recovery)
    #expect(compareAll(&queue, size: Self.size, rules: rules).error?.returnValue == .systemNotAvailable)
  }

  @Test("a disk that is bad all over costs a bounded number of reads, and is left out whole")
  func bounded() throws {
    let all = Self.range(0, UInt64(Self.size))
    var queue = queue(bad: [all], .primary, geometry: QueueGeometry(chunk: Self.size, depth: 2))
    let result = compareAll(&queue, size: Self.size, rules: Self.recording)
    #expect(result.ending == .success(.complete))
    #expect(result.totals.unread.list.map(\.range) == [all])
    #expect(result.totals.bytesUnread == UInt64(Self.size) && result.totals.bytesCompared == 0)
    #expect(queue.faulted == SideRead.mostFailures)

    // Where it ends the run, only what was tried is called unreadable.
    var ending = self.queue(bad: [all], .primary, geometry: QueueGeometry(chunk: Self.size, depth: 2))
    let range = try #require(compareAll(&ending, size: Self.size).error?.range)
    #expect(ending.faulted == SideRead.mostFailures)
    #expect(range.offset == 0 && range.length == 512 * UInt64(SideRead.mostFailures - 11))
  }

  @Test("more ranges than are listed are counted, and one over two chunks is one")
  func listed() {
    var faults = ReadFaults()
    for number in UInt64(0)..<1500 {
      faults.add(ReadFault(side: .primary, range: Self.range(number * 1024, 512), errno: .ioError))
      faults.add(ReadFault(side: .primary, range: Self.range(number * 1024 + 512, 256), errno: .ioError))
    }
    #expect(faults.list.count == 1024 && faults.omitted == 476 && faults.count == 1500)
    #expect(faults.list[7].range == Self.range(7 * 1024, 768))
  }

  @Test("a hole that cannot be read is none: everything is to be read")
  func holes() throws {
    var queue = queue(bad: [Self.range(512, 512)], .primary)
    queue.inner.primary = [UInt8](repeating: 0, count: Self.size)
    queue.inner.recovery = queue.inner.primary
    struct Hole: RangeSource {
      var isGiven = false
      var bytesSkipped: UInt64 { 0 }
      mutating func next() -> WorkRange? {
        defer { isGiven = true }
        return isGiven ? nil : WorkRange(range: ReadFaultTests.range(0, 65_536), mustBeZero: true)
      }
    }
    var hole = Hole()
    let result = compare(
      &hole, through: &queue, size: UInt64(Self.size), blocks: BlockGrid(512, 512), rules: Self.recording)
    #expect(result.ending == .success(.holeHoldsData(Self.range(0, 65_536))))
  }
}
