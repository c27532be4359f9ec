import SystemPackage
import Testing

@testable import DeviceResync

/// PITFALLS C8, C9: runs of zeros that replace data.
@Suite("zeros that replace data") struct ZeroTests {
  /// Zeros of 128 KiB, 4 KiB at a difference's start, and 32 KiB amid bytes; all over data.
  static let primary: [UInt8] = {
    var bytes = randomBytes(512 << 10, seed: 1)
    for place in [64 << 10..<192 << 10, 256 << 10..<260 << 10, 300 << 10..<332 << 10] {
      for byte in place { bytes[byte] = 0 }
    }
    return bytes
  }()
  static let recovery: [UInt8] = {
    var bytes = primary.map { ~$0 }
    bytes.replaceSubrange(252 << 10..<256 << 10, with: primary[252 << 10..<256 << 10])
    return bytes
  }()
  static let different = UInt64(508 << 10)

  /// Compares and writes in place.
  func run<Queue: BlockQueue & ~Copyable>(
    _ queue: inout Queue, punching: Bool = true
  ) -> (ending: Result<CompareEnding, ResyncError>, totals: CompareTotals, ranges: [ByteRange]) {
    var totals = CompareTotals()
    var source = WholeRange(size: UInt64(Self.primary.count), blocks: BlockGrid(512, 512))
    var sink = InPlaceSink(
      DifferenceRecorder(size: UInt64(Self.primary.count), maxRanges: 100), punchesZeros: punching)
    let ending = Result<CompareEnding, ResyncError> { () throws(ResyncError) in
      try comparePair(
        &source, through: &queue, into: &sink, blocks: BlockGrid(512, 512), control: RunControl(),
        totals: &totals)
    }
    return (ending, totals, sink.recorder.ranges)
  }

  func queue() -> MemoryQueue {
    MemoryQueue(
      primary: Self.primary, recovery: Self.recovery, geometry: QueueGeometry(chunk: 256 << 10, depth: 2))
  }

  @Test("are punched: from 64 KiB on amid other bytes, of any length at the start of a difference")
  func punched() {
    var queue = queue()
    let found = run(&queue)
    #expect(found.ending == .success(.complete))
    #expect(queue.violations == [])
    #expect(differingBytes(queue.recovery, Self.primary) == 0)
    #expect(
      queue.punches == [
        ByteRange(offset: 64 << 10, length: 128 << 10), ByteRange(offset: 256 << 10, length: 4 << 10),
      ])
    #expect(found.totals.bytesZeroed == 132 << 10)
    #expect(found.totals.bytesWritten == Self.different && found.totals.bytesSubmitted == Self.different)
    // How they are written does not change what is told of them.
    #expect(found.totals.differences == 2)
    #expect(
      found.ranges == [
        ByteRange(offset: 0, length: 252 << 10), ByteRange(offset: 256 << 10, length: 256 << 10),
      ])
  }

  @Test("are data where that is wanted")
  func data() {
    var queue = queue()
    let found = run(&queue, punching: false)
    #expect(queue.punches == [] && queue.violations == [])
    #expect(found.totals.bytesZeroed == 0 && found.totals.bytesWritten == Self.different)
    #expect(differingBytes(queue.recovery, Self.primary) == 0)
  }

  @Test(
    "are data from the first refusal on, which counts as submitted",
    arguments: [Errno.notSupported, .noFunction, .invalidArgument, .noMemory, .ioError])
  func refused(_ errno: Errno) {
    var faulty = FaultyQueue(
      queue(),
      [.init(kind: .fails(errno), request: .punch, side: .recovery, byte: 64 << 10)])
    let found = run(&faulty)
    #expect(found.ending == .success(.complete))
    #expect(faulty.inner.violations == [] && faulty.inner.punches == [])
    #expect(found.totals.bytesZeroed == 0 && found.totals.refusedPunch)
    #expect(found.totals.bytesWritten == Self.different)
    #expect(found.totals.bytesSubmitted == Self.different + 128 << 10)
    #expect(differingBytes(faulty.inner.recovery, Self.primary) == 0)
  }

  @Test("one bit anywhere makes it data", arguments: [0, 4095, 65535, 131071])
  func oneBit(at byte: Int) {
    var primary = [UInt8](repeating: 0, count: 128 << 10)
    primary[byte] = 1
    let block = byte / 4096 * 4096
    primary.withRawSpan { bytes in
      var place = 0
      while place < bytes.byteCount {
        let piece = bytes.firstPiece(of: place..<bytes.byteCount, block: 4096)
        #expect(piece.isZero != piece.place.contains(block))
        place = piece.place.upperBound
      }
      #expect(place == bytes.byteCount)
    }
  }

  @Test(
    "of a staging file are punched in first runs and replays, and data where the device refuses",
    arguments: [ApplyMode.first, .replay], [true, false])
  func staged(_ mode: ApplyMode, refusing: Bool) throws {
    let disks = StagingDisks(primary: Self.primary, recovery: Self.recovery)
    let image = try staging(of: [disks])
    let faults: [FaultyQueue<MemoryQueue>.Fault] = [
      .init(kind: .fails(.notSupported), request: .punch, side: .recovery, byte: 64 << 10)
    ]
    var queue = FaultyQueue(applyQueue(image, over: Self.recovery), refusing ? faults : [])
    var totals = ApplyTotals()
    let validated = try validate(image, &queue)
    let ending = try applyStaging(
      validated, pair: 0, mode: mode, punches: true, through: &queue, control: RunControl(), totals: &totals)
    #expect(ending == .complete)
    #expect(queue.inner.violations == [])
    #expect(differingBytes(queue.inner.recovery, Self.primary) == 0)
    #expect(totals.bytesWritten == Self.different && totals.refusedPunch == refusing)
    // The comparison's chunks are 64 KiB: the last zeros become 20 KiB amid bytes, and 12 KiB of their own.
    #expect(totals.bytesZeroed == (refusing ? 0 : 144 << 10))
    #expect((totals.bytesSubmitted > Self.different) == refusing)
    let proved = try proveAgainstDigests(validated, pair: 0, through: &queue, control: RunControl())
    #expect(proved == UInt64(Self.primary.count))
  }
}
