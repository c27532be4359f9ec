import SystemPackage
import Testing

@testable import DeviceResync

@Suite("faults of a disk") struct FaultTests {
  typealias Queue = FaultyQueue<MemoryQueue>
  static let size = 1 << 20

  /// A pair of 1 MiB whose every 16th block differs.
  func queue(_ faults: [Queue.Fault], reversing: Bool = false) -> Queue {
    let primary = randomBytes(Self.size, seed: 5)
    var recovery = primary
    for byte in stride(from: 8192, to: Self.size, by: 65536) { recovery[byte] ^= 1 }
    return Queue(
      MemoryQueue(primary: primary, recovery: recovery, geometry: smallChunks), faults, reversing: reversing)
  }

  @Test(
    "an EIO ends the run with 32768 and names side and logical block", arguments: Side.allCases,
    [0, 65535, 65536, 1 << 20 - 1])
  func ioError(side: Side, byte: UInt64) throws {
    var queue = queue([.init(kind: .fails(.ioError), request: .read, side: side, byte: byte)])
    let result = compareAll(&queue, size: Self.size, writing: true)
    let error = try #require(result.error)
    #expect(error.returnValue == .failed)
    #expect(error.side == side)
    #expect(error.range == ByteRange(offset: byte / 512 * 512, length: 512))
    #expect(error.attempt == "read")
    // What comes before the chunk was compared and written, nothing of it or after it was written.
    let before = byte / 65536
    #expect(queue.inner.writes.allSatisfy { $0.end <= before * 65536 })
    #expect(result.totals.bytesCompared == before * 65536)
    #expect(result.totals.bytesWritten == before * 4096)
    #expect(try queue.inner.nextOutcome(waiting: true) == nil)
  }

  @Test("a failed write ends the run, names its range, and is counted as submitted, not as written")
  func writeError() throws {
    var queue = queue([.init(kind: .fails(.noSpace), request: .write, side: .recovery, byte: 73728)])
    let result = compareAll(&queue, size: Self.size, writing: true)
    let error = try #require(result.error)
    #expect(error.errno == .noSpace)
    #expect(error.side == .recovery)
    #expect(error.range == ByteRange(offset: 73728, length: 4096))
    #expect(result.totals.bytesSubmitted == result.totals.bytesWritten + 4096)
    #expect(try queue.inner.nextOutcome(waiting: true) == nil)
  }

  @Test("a torn write is a failed write, and none of its bytes count as written")
  func tornWrite() throws {
    var queue = queue([.init(kind: .torn(.ioError), request: .write, side: .recovery, byte: 73728 + 512)])
    let result = compareAll(&queue, size: Self.size, writing: true)
    #expect(result.error?.range == ByteRange(offset: 73728, length: 4096))
    #expect(result.totals.bytesSubmitted == result.totals.bytesWritten + 4096)
    let landed = queue.inner.recovery[73728..<74240] == queue.inner.primary[73728..<74240]
    #expect(landed)
  }

  /// Every byte, in two ranges; asks the run to stop when it gives the second.
  struct StoppingSource: RangeSource {
    let control: RunControl
    var given = 0
    var bytesSkipped: UInt64 { 0 }

    mutating func next() -> WorkRange? {
      defer { given += 1 }
      if given == 1 { control.terminate() }
      return given < 2 ? WorkRange(range: ByteRange(offset: UInt64(given) << 19, length: 1 << 19)) : nil
    }
  }

  /// With chunks of half a disk, so that the first chunk's write is in flight when the run stops.
  func stopping(_ faults: [Queue.Fault]) -> Compared {
    let primary = randomBytes(Self.size, seed: 5)
    var recovery = primary
    recovery[8192] ^= 1
    var queue = Queue(
      MemoryQueue(primary: primary, recovery: recovery, geometry: QueueGeometry(chunk: 1 << 19, depth: 4)),
      faults)
    let control = RunControl()
    var source = StoppingSource(control: control)
    return compare(
      &source, through: &queue, size: UInt64(Self.size), blocks: BlockGrid(512, 512), writing: true,
      control: control)
  }

  @Test("a run that is stopped waits for its writes, and counts them")
  func stopped() {
    let result = stopping([])
    #expect(result.ending == .success(.stopped))
    #expect(result.totals.bytesCompared == 1 << 19)
    #expect(result.totals.bytesWritten == 4096 && result.totals.bytesSubmitted == 4096)
  }

  @Test("a write that fails while a stopped run waits for it is not overlooked")
  func writeErrorWhileDraining() {
    let result = stopping([.init(kind: .fails(.ioError), request: .write, side: .recovery, byte: 8192)])
    #expect(result.error?.range == ByteRange(offset: 8192, length: 4096))
    #expect(result.totals.bytesWritten == 0 && result.totals.bytesSubmitted == 4096)
  }

  @Test("short reads and short writes are gone on with", arguments: [512, 4096, 5000, 65024])
  func short(count: Int) {
    var queue = queue([
      .init(kind: .short(count), request: .read, side: .primary, byte: 65535),
      .init(kind: .short(count), request: .read, side: .recovery, byte: 131072, times: 1),
      .init(kind: .short(512), request: .write, side: .recovery, byte: 73728 + 2048),
    ])
    let result = compareAll(&queue, size: Self.size, writing: true)
    #expect(result.ending == .success(.complete))
    #expect(result.totals.bytesWritten == 16 * 4096)
    #expect(differingBytes(queue.inner.recovery, queue.inner.primary) == 0)
    #expect(queue.inner.violations.isEmpty)
  }

  @Test("a read of no bytes before the end is an error, not the end", arguments: Side.allCases)
  func noBytes(side: Side) throws {
    var queue = queue([.init(kind: .short(0), request: .read, side: side, byte: 200_000)])
    let result = compareAll(&queue, size: Self.size)
    let error = try #require(result.error)
    #expect(error.returnValue == .failed)
    #expect(error.side == side)
    #expect(error.reason?.contains("no bytes") == true)
  }

  @Test(
    "what was short or away is asked for again, on either side and for writes",
    arguments: [Errno.noMemory, .resourceTemporarilyUnavailable, .interrupted, .resourceBusy, .noLink])
  func shortage(errno: Errno) {
    var queue = queue([
      .init(kind: .fails(errno), request: .read, side: .primary, byte: 0, times: 2),
      .init(kind: .fails(errno), request: .read, side: .recovery, byte: 65536, times: 1),
      .init(kind: .fails(errno), request: .write, side: .recovery, byte: 73728, times: 2),
    ])
    let result = compareAll(&queue, size: Self.size, writing: true)
    #expect(result.ending == .success(.complete))
    #expect(differingBytes(queue.inner.recovery, queue.inner.primary) == 0)
    // Two writes more than differences.
    #expect(result.totals.bytesSubmitted == 18 * 4096)
    #expect(result.totals.bytesWritten == 16 * 4096)
  }

  @Test("a shortage that does not end is 32768, not 32778: it is the device's, not the host's")
  func lastingShortage() {
    var queue = queue([.init(kind: .fails(.noMemory), request: .read, side: .primary, byte: 0)])
    let result = compareAll(&queue, size: Self.size)
    #expect(result.error?.errno == .noMemory)
    #expect(result.error?.returnValue == .failed)
  }

  @Test("a full queue is waited for", arguments: [BlockRequest.Kind.read, .write])
  func full(kind: BlockRequest.Kind) {
    var queue = queue([
      .init(
        kind: .refused(.resourceTemporarilyUnavailable), request: kind, side: .recovery, byte: 73728, times: 5
      )
    ])
    let result = compareAll(&queue, size: Self.size, writing: true)
    #expect(result.ending == .success(.complete))
    #expect(differingBytes(queue.inner.recovery, queue.inner.primary) == 0)
  }

  @Test("a queue that takes nothing any more ends the run instead of spinning")
  func stuck() {
    var queue = queue([
      .init(kind: .refused(.resourceTemporarilyUnavailable), request: .read, side: .primary, byte: 0)
    ])
    let result = compareAll(&queue, size: Self.size)
    #expect(result.error?.errno == .resourceTemporarilyUnavailable)
  }

  @Test(
    "an errno of the device becomes its return value",
    arguments: [
      (Errno.timedOut, ReturnValue.timeout), (.notPermitted, .accessDenied),
      (.noSuchAddressOrDevice, .systemNotAvailable), (.noSpace, .failed), (.noData, .failed),
      (.reservationConflict, .systemInUse),
    ])
  func values(errno: Errno, value: ReturnValue) {
    var queue = queue([.init(kind: .fails(errno), request: .write, side: .recovery, byte: 8192)])
    #expect(compareAll(&queue, size: Self.size, writing: true).error?.returnValue == value)
  }
}
