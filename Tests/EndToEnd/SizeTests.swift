import SystemPackage
import Testing

@testable import DeviceResync

@Suite("sizes", .ownPlace, .tags(.devices, .slow)) struct SizeTests {
  @Test(
    "every byte counts, from one sector on, a sector more or less",
    arguments: [
      512, 1024, 4096 - 512, 4096, 4096 + 512, (1 << 20) - 512, 1 << 20, (1 << 20) + 512, (2 << 20) + 1536,
    ])
  func sectors(_ size: Int) throws {
    let primary = randomBytes(size, seed: UInt64(size))
    var recovery = primary
    recovery[0] ^= 0x80
    recovery[size - 1] ^= 1
    let oracle = Oracle(primary, recovery)
    for form in [Form.images, .loops] {
      let pair = try TestPair(primary, recovery, form, name: form.rawValue)
      let compared = try Command.json(.compare, pair.primary, pair.recovery)
      #expect(compared.ranges == oracle.ranges, "\(form)")
      #expect(compared["BytesCompared"].int == size)
      let report = try Command.json(.resync, pair.primary, pair.recovery)
      expect(report, 0)
      #expect(report["BytesWritten"].int == Int(oracle.bytesDifferent))
      #expect(areEqual(try pair.recoveryImage.bytes(), primary))
    }
  }

  @Test(
    "blocks of 512 and 4096 bytes on either side",
    arguments: [(512, 4096), (4096, 512), (4096, 4096)] as [(UInt32, UInt32)],
    [Form.loops, .loopToImage, .imageToLoop])
  func logicalBlocks(_ sizes: (UInt32, UInt32), _ form: Form) throws {
    let size = (1 << 20) + 4096
    let primary = randomBytes(size, seed: 11)
    var recovery = primary
    for byte in [0, 4095, 4096 * 7 + 512, size - 1] { recovery[byte] ^= 2 }
    let oracle = Oracle(primary, recovery, logical: Int(max(sizes.0, sizes.1)))
    let pair = try TestPair(primary, recovery, form, blockSizes: sizes)
    let report = try Command.json(.resync, pair.primary, pair.recovery)
    expect(report, 0)
    #expect(report["BytesWritten"].int == Int(oracle.bytesDifferent))
    #expect(areEqual(try pair.recoveryImage.bytes(), primary))
  }

  @Test(
    "several GiB, sparse, a sector more or less: the last sector is compared and written",
    arguments: [-512, 0, 512])
  func large(_ offset: Int) throws {
    let size = UInt64((3 << 30) + offset)
    let primary = try Image("primary", size: size)
    let recovery = try Image("recovery", size: size)
    try primary.write(randomBytes(512, seed: 1), at: size - 512)
    try primary.write(randomBytes(8192, seed: 2), at: 1 << 31)
    let report = try Command.json(.resync, primary.path, recovery.path)
    expect(report, 0)
    #expect(report["BytesCompared"].int.map { $0 + (report["BytesSkipped"].int ?? 0) } == Int(size))
    #expect(areEqual(try recovery.bytes(512, at: size - 512), randomBytes(512, seed: 1)))
    #expect(areEqual(try recovery.bytes(8192, at: 1 << 31), randomBytes(8192, seed: 2)))
    #expect(try Command.json(.compare, primary.path, recovery.path, ["--full"])["Identical"].bool == true)
  }

  @Test(
    "an image's tail is compared and written, whatever its length", arguments: [1, 100, 511, 512, 1024, 4095])
  func tail(_ extra: Int) throws {
    let size = (1 << 20) + extra
    let primary = randomBytes(size, seed: UInt64(extra))
    var recovery = primary
    recovery[size - 1] ^= 0x10
    let pair = try TestPair(primary, recovery)
    let compared = try Command.json(.compare, pair.primary, pair.recovery)
    expect(compared, 0, status: 1)
    #expect(compared["BytesCompared"].int == size)
    #expect(compared.ranges.last?.end == UInt64(size))
    let dry = try Command.json(.resync, pair.primary, pair.recovery, ["--dry-run"])
    expect(dry, 0, status: 1)
    #expect(areEqual(try pair.recoveryImage.bytes(), recovery))
    let report = try Command.json(.resync, pair.primary, pair.recovery, ["--verify"] + inPlace)
    expect(report, 0)
    // What no whole block reaches is read back too; a whole one comes with its chunk.
    let verified = report["BytesVerified"].int ?? 0
    #expect(extra % 512 == 0 ? verified >= extra : verified == extra % 512)
    #expect(areEqual(try pair.recoveryImage.bytes(), primary))
    let again = try Command.json(.resync, pair.primary, pair.recovery)
    expect(again, 0)
    #expect(again["BytesWritten"].int == 0)
  }

  @Test(
    "a tail that a device of whole sectors cannot hold is 32775 or 32770, never 0", arguments: [1, 511, 512])
  func tailAgainstLoop(_ extra: Int) throws {
    let primary = try Image("primary", randomBytes((1 << 20) + extra, seed: 5))
    let recovery = try Image("recovery", randomBytes((1 << 20) + extra, seed: 5))
    let loop = try NamedLoop(recovery.path, blockSize: 4096)
    let report = try Command.json(.resync, primary.path, loop.node)
    #expect([32775, 32770].contains(report.value), "\(report)")
  }

  @Test(
    "a larger recovery is refused; with --allow-larger-recovery its tail stays as it is",
    arguments: Form.allCases)
  func larger(_ form: Form) throws {
    let primary = randomBytes((1 << 20) - 512, seed: 21)
    var recovery = randomBytes((1 << 20) + 8192, seed: 22)
    recovery.replaceSubrange(0..<4096, with: primary.prefix(4096))
    let pair = try TestPair(primary, recovery, form)
    let refused = try Command.json(.resync, pair.primary, pair.recovery)
    expect(refused, 32775)
    #expect(areEqual(try pair.recoveryImage.bytes(), recovery))
    #expect(refused.message.contains("--allow-larger-recovery"))

    let report = try Command.json(
      .resync, pair.primary, pair.recovery, ["--allow-larger-recovery", "--verify"])
    expect(report, 0)
    #expect(report.verdict("sizes")["Verdict"].text == "warning")
    let oracle = Oracle(primary, recovery)
    #expect(report["BytesWritten"].int == Int(oracle.bytesDifferent))
    #expect(areEqual(try pair.recoveryImage.bytes(), oracle.result))
  }
}
