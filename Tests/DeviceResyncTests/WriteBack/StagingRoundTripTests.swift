import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("staging and applying", .enabled(if: geteuid() == 0, "needs root, as the command does"))
struct StagingRoundTripTests {
  /// A pair that a seed decides: any pattern, zeros, a tail, several sizes of blocks.
  static func disks(seed: UInt64, largest: Int = 600_000) -> StagingDisks {
    var random = SplitMix64(seed: seed)
    let logical: [(UInt32, UInt32)] = [(512, 512), (4096, 512), (512, 4096), (4096, 4096)]
    let blocks = logical[Int.random(in: 0..<4, using: &random)]
    let size = Int.random(in: 512...largest, using: &random)
    var primary = randomBytes(size, seed: seed)
    for _ in 0..<Int.random(in: 0...4, using: &random) {
      let start = Int.random(in: 0..<size, using: &random)
      let length = Int.random(in: 1...min(200_000, size - start), using: &random)
      for byte in start..<start + length { primary[byte] = 0 }
    }
    var recovery = primary
    for _ in 0..<Int.random(in: 0...60, using: &random) {
      let start = Int.random(in: 0..<size, using: &random)
      let length =
        Bool.random(using: &random) ? 1 : Int.random(in: 1...min(50_000, size - start), using: &random)
      for byte in start..<start + length { recovery[byte] ^= 0x40 }
    }
    return StagingDisks(primary: primary, recovery: recovery, blocks: blocks)
  }

  @Test("any pattern arrives, exactly its blocks, and the proof holds")
  func randomPatterns() throws {
    try forSeeds { seed in
      let disks = Self.disks(seed: seed)
      let image = try staging(of: [disks])
      let expected = oracle(
        Array(disks.primary[..<disks.reach]), Array(disks.recovery[..<disks.reach]), blocks: disks.grid)
      let tail =
        disks.primary[disks.reach...] == disks.recovery[disks.reach...]
        ? 0 : disks.primary.count - disks.reach
      let blocks = expected.reduce(0) { $0 + $1.length }
      #expect(image.seal.bytes == blocks + UInt64(tail), "seed \(seed)")
      for mode in [ApplyMode.first, .replay] {
        let applied = apply(image, to: disks.recovery, mode: mode)
        #expect(applied.ending == .success(.complete), "seed \(seed)")
        // The tail goes beside the device.
        let totals = ApplyTotals(bytesWritten: blocks + UInt64(tail), bytesSubmitted: blocks)
        #expect(applied.totals == totals, "seed \(seed)")
        #expect(differingBytes(applied.recovery, disks.primary) == 0, "seed \(seed)")
        #expect(applied.violations.isEmpty && applied.mostWrites <= 64, "seed \(seed)")
      }
      #expect(try prove(image, disks.primary) == UInt64(disks.primary.count), "seed \(seed)")
    }
  }

  @Test("every second block is staged, and applied with no two writes that overlap")
  func everySecondBlock() throws {
    let primary = randomBytes(4 << 20, seed: 1)
    var recovery = primary
    for byte in stride(from: 4095, to: primary.count, by: 8192) { recovery[byte] ^= 1 }
    let image = try staging(of: [StagingDisks(primary: primary, recovery: recovery)], segmentSize: 512 << 10)
    #expect(image.seal.records == 512 && image.seal.bytes == 2 << 20)
    let applied = apply(image, to: recovery)
    #expect(applied.violations.isEmpty && applied.mostWrites == 64)
    #expect(differingBytes(applied.recovery, primary) == 0)
  }

  @Test("pairs share a file, and each gets its own")
  func severalPairs() throws {
    try forSeeds { seed in
      let disks = (0..<3).map { Self.disks(seed: seed &+ $0, largest: 200_000) }
      let image = try staging(of: disks)
      for (index, pair) in disks.enumerated() {
        let applied = apply(image, pair: index, to: pair.recovery)
        #expect(applied.ending == .success(.complete), "seed \(seed)")
        #expect(differingBytes(applied.recovery, pair.primary) == 0, "seed \(seed), pair \(index)")
        #expect(try prove(image, pair: index, pair.primary) == UInt64(pair.primary.count), "seed \(seed)")
      }
    }
  }

  @Test("zeros take no room, whole or in runs of 64 KiB, and are written all the same")
  func zeros() throws {
    let primary = [UInt8](repeating: 0, count: 4 << 20)
    let recovery = randomBytes(4 << 20, seed: 3)
    let image = try staging(of: [StagingDisks(primary: primary, recovery: recovery)])
    // A digest of 8 bytes for each 512: 64 KiB, and what indexes and digests of chunks take.
    #expect(image.bytes.count < 200 << 10)
    #expect(differingBytes(apply(image, to: recovery, mode: .replay).recovery, primary) == 0)

    var mixed = randomBytes(512 << 10, seed: 4)
    for byte in 100 << 10..<300 << 10 { mixed[byte] = 0 }
    let other = mixed.map { $0 ^ 0xff }
    let second = try staging(of: [StagingDisks(primary: mixed, recovery: other)], segmentSize: 64 << 10)
    #expect(second.bytes.count < 480 << 10)
    #expect(differingBytes(apply(second, to: other).recovery, mixed) == 0)
  }

  @Test("what lies between ranges that are read is a hole, which the proof reads as zeros")
  func holes() throws {
    var primary = [UInt8](repeating: 0, count: 1 << 20)
    primary.replaceSubrange(200_704..<204_800, with: randomBytes(4096, seed: 5))
    let data = [ByteRange(offset: 196_608, length: 65536), ByteRange(offset: 524_288, length: 4096)]
    let recovery = [UInt8](repeating: 0, count: 1 << 20)
    let image = try staging(of: [StagingDisks(primary: primary, recovery: recovery, data: data)])
    #expect(differingBytes(apply(image, to: recovery).recovery, primary) == 0)
    #expect(try prove(image, primary) == 1 << 20)
    var foreign = primary
    foreign[700_000] = 1
    let error = #expect(throws: ResyncError.self) { try prove(image, foreign) }
    #expect(error?.cause == .mismatch)
    #expect(error?.range?.overlaps(ByteRange(offset: 700_000, length: 1)) == true)
  }

  @Test("of a running primary the second reading is staged, and the proof is of the result")
  func confirming() throws {
    let primary = randomBytes(256 << 10, seed: 6)
    var recovery = primary
    for byte in [0, 70_000, 140_000] { recovery[byte] ^= 1 }
    let disks = StagingDisks(primary: primary, recovery: recovery)
    let file = try unnamedFile(size: 0, in: "/var/tmp", direct: true)
    let header = stagingHeader([disks], segmentSize: 16 << 10)
    // Block 0 changes once more before the second reading, and byte 70,000 becomes what the recovery has.
    let edits = [
      MemoryQueue.Edit(outcome: 8, side: .primary, byte: 9, value: primary[9] ^ 7),
      MemoryQueue.Edit(outcome: 8, side: .primary, byte: 70_000, value: recovery[70_000]),
    ]
    let writer = try stage(
      disks, pair: 0, into: stagingWriter(header, to: file), confirming: true, edits: edits)
    let seal = try writer.seal()
    let image = StagingImage(bytes: try file.contents(), header: header, seal: seal)
    let applied = apply(image, to: recovery)
    #expect(seal.records == 2)
    var expected = primary
    expected[9] ^= 7
    expected[70_000] = recovery[70_000]
    #expect(differingBytes(applied.recovery, expected) == 0)
    #expect(try prove(image, applied.recovery) == 256 << 10)
  }

  @Test("the proof finds a foreign write outside the differences", arguments: [0, 33_000, 150_001])
  func foreignWrite(at byte: Int) throws {
    let primary = randomBytes(150_002, seed: 7)
    var recovery = primary
    recovery[100_000] ^= 1
    let image = try staging(of: [StagingDisks(primary: primary, recovery: recovery)])
    var applied = apply(image, to: recovery).recovery
    applied[byte] ^= 1
    let error = #expect(throws: ResyncError.self) { try prove(image, applied) }
    #expect(error?.returnValue == .failed && error?.cause == .mismatch)
    #expect(error?.range?.overlaps(ByteRange(offset: UInt64(byte), length: 1)) == true)
  }
}
