import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite(
  "replaying a staging file after a stop", .enabled(if: geteuid() == 0, "needs root, as the command does"))
struct StagingReplayTests {
  @Test("any part of the records applied, with torn blocks, is completed and proved")
  func partialApply() throws {
    try forSeeds { seed in
      let disks = StagingRoundTripTests.disks(seed: seed, largest: 300_000)
      let image = try staging(of: [disks])
      var random = SplitMix64(seed: seed)
      // Each logical block of the recovery is old or new: that is what a power cut may leave.
      var mixed = disks.recovery
      let unit = Int(disks.blocks.recovery)
      for start in stride(from: 0, to: disks.reach, by: unit) where Bool.random(using: &random) {
        mixed.replaceSubrange(start..<start + unit, with: disks.primary[start..<start + unit])
      }
      if Bool.random(using: &random) {
        mixed.replaceSubrange(disks.reach..., with: disks.primary[disks.reach...])
      }
      let applied = apply(image, to: mixed, mode: .replay)
      #expect(applied.ending == .success(.complete), "seed \(seed)")
      #expect(differingBytes(applied.recovery, disks.primary) == 0, "seed \(seed)")
      #expect(try prove(image, applied.recovery) == UInt64(disks.primary.count), "seed \(seed)")
      // Idempotent.
      #expect(apply(image, to: applied.recovery, mode: .replay).ending == .success(.complete), "seed \(seed)")
    }
  }

  @Test("a foreign write under any staged block is refused with its place, and nothing is written")
  func foreignWrite() throws {
    try forSeeds { seed in
      var disks = StagingRoundTripTests.disks(seed: seed, largest: 300_000)
      disks.recovery[0] = disks.primary[0] ^ 1
      let image = try staging(of: [disks])
      var random = SplitMix64(seed: seed)
      var ranges = oracle(
        Array(disks.primary[..<disks.reach]), Array(disks.recovery[..<disks.reach]), blocks: disks.grid)
      if disks.primary[disks.reach...] != disks.recovery[disks.reach...] {
        ranges.append(ByteRange(UInt64(disks.reach), upTo: UInt64(disks.primary.count)))
      }
      guard let range = ranges.randomElement(using: &random) else { return }
      let byte = Int(UInt64.random(in: range.offset..<range.end, using: &random))
      var foreign = disks.recovery
      foreign[byte] ^= 0x81
      let applied = apply(image, to: foreign, mode: .replay)
      let error = applied.ending.failure
      #expect(error?.returnValue == .invalidState, "seed \(seed), byte \(byte)")
      #expect(
        error?.range?.overlaps(ByteRange(offset: UInt64(byte), length: 1)) == true,
        "seed \(seed), byte \(byte)")
      #expect(applied.recovery == foreign && applied.totals == ApplyTotals(), "seed \(seed), byte \(byte)")
    }
  }

  @Test("a block that cannot be read is written; what lies beside it in its record is still judged")
  func unreadable() throws {
    let primary = randomBytes(64 << 10, seed: 1)
    let recovery = primary.map { $0 ^ 1 }
    let image = try staging(of: [StagingDisks(primary: primary, recovery: recovery)])
    func replay(_ recovery: [UInt8]) -> (Result<ApplyEnding, ResyncError>, [UInt8]) {
      var queue = FaultyQueue(
        applyQueue(image, over: recovery),
        [.init(kind: .fails(.ioError), request: .read, side: .recovery, byte: 10_000)])
      var totals = ApplyTotals()
      let ending = Result<ApplyEnding, ResyncError> { () throws(ResyncError) in
        let staging = try validate(image, &queue)
        return try applyStaging(
          staging, pair: 0, mode: .replay, through: &queue, control: RunControl(), totals: &totals)
      }
      return (ending, queue.inner.recovery)
    }
    var unknown = recovery
    unknown[10_000] = 77  // Nobody can read it to find out.
    let (ending, result) = replay(unknown)
    #expect(ending == .success(.complete))
    #expect(differingBytes(result, primary) == 0)

    unknown[10_300] ^= 64
    let (refusal, untouched) = replay(unknown)
    #expect(refusal.failure?.returnValue == .invalidState)
    #expect(refusal.failure?.range == ByteRange(offset: 10_240, length: 512))
    #expect(untouched == unknown)
  }

  @Test("two records of one segment that cannot be read are both written")
  func unreadableTwice() throws {
    let primary = randomBytes(64 << 10, seed: 1)
    var recovery = primary
    for place in [4096, 20_480] { recovery[place] ^= 1 }
    let image = try staging(of: [StagingDisks(primary: primary, recovery: recovery)])
    var queue = FaultyQueue(
      applyQueue(image, over: recovery),
      [4096, 20_480].map { .init(kind: .fails(.ioError), request: .read, side: .recovery, byte: $0) })
    var totals = ApplyTotals()
    let staging = try validate(image, &queue)
    let ending = try applyStaging(
      staging, pair: 0, mode: .replay, through: &queue, control: RunControl(), totals: &totals)
    #expect(ending == .complete)
    #expect(differingBytes(queue.inner.recovery, primary) == 0)
  }

  @Test(
    "old bytes that could not be read when they were staged may be anything at the replay, their neighbours not"
  )
  func unknownOldBytes() throws {
    let primary = randomBytes(64 << 10, seed: 3)
    var recovery = primary
    recovery[9000] ^= 1
    let disks = StagingDisks(primary: primary, recovery: recovery)
    let header = stagingHeader([disks], segmentSize: 16 << 10)
    let file = try unnamedFile(size: 0, in: "/var/tmp", direct: true)
    var source = FaultyQueue(
      MemoryQueue(primary: primary, recovery: recovery, geometry: smallChunks),
      [.init(kind: .fails(.ioError), request: .read, side: .recovery, byte: 9000)])
    let writer = try stage(
      disks, pair: 0, into: stagingWriter(header, to: file), from: &source,
      rules: ReadFaultRules(recovery: .differs))
    let seal = try writer.seal()
    #expect(seal.bytes == 4096)
    let image = StagingImage(bytes: try file.contents(), header: header, seal: seal)

    // It can be read now, and holds what nobody has seen.
    var seen = recovery
    for byte in 8704..<9216 { seen[byte] = 0x99 }
    let applied = apply(image, to: seen, mode: .replay)
    #expect(applied.ending == .success(.complete))
    #expect(differingBytes(applied.recovery, primary) == 0)
    #expect(try prove(image, applied.recovery) == UInt64(primary.count))

    seen[9216] ^= 1
    let refused = apply(image, to: seen, mode: .replay)
    #expect(refused.ending.failure?.returnValue == .invalidState)
    #expect(refused.ending.failure?.range == ByteRange(offset: 9216, length: 512))
    #expect(refused.recovery == seen)
  }

  @Test("a tail that could not be read, and one that cannot be read at the replay, are written")
  func tails() throws {
    let primary = randomBytes(16_384 + 100, seed: 4)
    let recovery = primary.map { $0 ^ 1 }
    let disks = StagingDisks(primary: primary, recovery: recovery)
    let header = stagingHeader([disks], segmentSize: 16 << 10)
    let file = try unnamedFile(size: 0, in: "/var/tmp", direct: true)
    var writer = try stagingWriter(header, to: file)
    try primary.withRawSpan { old in
      try writer.addDigest(
        pair: 0, ByteRange(offset: 0, length: 16_384), Checksum.of128(old.extracting(..<16_384)))
    }
    let range = ByteRange(offset: 16_384, length: 100)
    try writer.addTail(pair: 0, range, primary: Array(primary[16_384...]), recovery: nil)
    try writer.addDigest(
      pair: 0, range, Array(primary[16_384...]).withRawSpan { Checksum.of128($0) }, isTail: true)
    let seal = try writer.seal()
    let image = StagingImage(bytes: try file.contents(), header: header, seal: seal)
    let applied = apply(image, to: Array(primary[..<16_384]) + Array(recovery[16_384...]), mode: .replay)
    #expect(applied.ending == .success(.complete))
    #expect(differingBytes(applied.recovery, primary) == 0)

    var written: [UInt8] = []
    let tail = ImageTail(
      read: { (_) throws(ResyncError) in
        throw ResyncError(.kernel(.ioError, .transfer), "read", side: .recovery)
      },
      write: { (bytes, _) throws(ResyncError) in written = bytes })
    let known = try staging(of: [disks])
    var queue = applyQueue(known, over: Array(recovery[..<16_384]))
    var totals = ApplyTotals()
    let staging = try validate(known, &queue)
    let ending = try applyStaging(
      staging, pair: 0, mode: .replay, through: &queue, tail: tail, control: RunControl(), totals: &totals)
    #expect(ending == .complete)
    #expect(written == Array(primary[16_384...]))
  }

  @Test("the proof names exactly what it cannot read, and goes on past a read that fails once")
  func proofOfUnreadable() throws {
    let primary = randomBytes(256 << 10, seed: 2)
    let recovery = primary.map { $0 ^ 1 }
    let image = try staging(of: [StagingDisks(primary: primary, recovery: recovery)])
    func prove(_ faults: [FaultyQueue<MemoryQueue>.Fault]) throws(ResyncError) -> UInt64? {
      var queue = FaultyQueue(applyQueue(image, over: primary), faults, reversing: true)
      let staging = try validate(image, &queue)
      return try proveAgainstDigests(staging, pair: 0, through: &queue, control: RunControl())
    }
    // Several chunks are on their way at once: what one could not read is not another's.
    let once = (0..<16).map {
      FaultyQueue<MemoryQueue>.Fault(
        kind: .fails(.ioError), request: .read, side: .recovery, byte: $0 << 14, times: 1)
    }
    #expect(try prove(once) == 256 << 10)
    let lasting = stride(from: UInt64(70_144), to: 73_216, by: 512).map {
      FaultyQueue<MemoryQueue>.Fault(kind: .fails(.noData), request: .read, side: .recovery, byte: $0)
    }
    let error = #expect(throws: ResyncError.self) { try prove(lasting) }
    #expect(error?.range == ByteRange(offset: 70_144, length: 3072))
    #expect(error?.errno == .noData)
  }

  @Test("a failed, short or refused write is drained, repeated or told, and the next replay completes")
  func faults() throws {
    let primary = randomBytes(256 << 10, seed: 2)
    let recovery = primary.map { $0 ^ 1 }
    let image = try staging(of: [StagingDisks(primary: primary, recovery: recovery)])
    let faults: [FaultyQueue<MemoryQueue>.Fault.Kind] = [
      .fails(.ioError), .fails(.noSpace), .torn(.ioError), .short(512),
      .refused(.resourceTemporarilyUnavailable),
      .fails(.noMemory),
    ]
    for (index, kind) in faults.enumerated() {
      for byte in [UInt64(0), 100_352, 261_632] {
        var queue = FaultyQueue(
          applyQueue(image, over: recovery),
          [.init(kind: kind, request: .write, side: .recovery, byte: byte, times: 1)], reversing: true)
        var totals = ApplyTotals()
        let ending = Result<ApplyEnding, ResyncError> { () throws(ResyncError) in
          let staging = try validate(image, &queue)
          return try applyStaging(
            staging, pair: 0, mode: .first, through: &queue, control: RunControl(), totals: &totals)
        }
        #expect(try queue.nextOutcome(waiting: true) == nil, "nothing in flight")
        #expect(queue.inner.violations.isEmpty)
        #expect((ending == .success(.complete)) == (index >= 3))
        let applied = apply(image, to: queue.inner.recovery, mode: .replay)
        #expect(applied.ending == .success(.complete))
        #expect(differingBytes(applied.recovery, primary) == 0)
      }
    }
  }

  @Test("one request to end is not followed, a second one is: what is left stays to be done")
  func stopping() throws {
    let primary = randomBytes(256 << 10, seed: 2)
    let recovery = primary.map { $0 ^ 1 }
    let image = try staging(of: [StagingDisks(primary: primary, recovery: recovery)])
    for (requests, expected) in [(1, ApplyEnding.complete), (2, .stopped)] {
      var queue = applyQueue(image, over: recovery)
      let staging = try validate(image, &queue)
      let control = RunControl()
      for _ in 0..<requests { control.terminate() }
      var totals = ApplyTotals()
      let ending = try applyStaging(
        staging, pair: 0, mode: .first, through: &queue, control: control, totals: &totals)
      #expect(ending == expected)
      #expect(totals.bytesWritten == (expected == .complete ? 256 << 10 : 0))
    }
  }
}
