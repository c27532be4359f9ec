import SystemPackage
import Testing

@testable import DeviceResync

@Suite("a resync", .ownPlace, .tags(.devices, .slow)) struct ResyncTests {
  @Test("identical disks: 0, nothing different, nothing written", arguments: Form.allCases)
  func identical(_ form: Form) throws {
    let bytes = randomBytes(1 << 20, seed: 1)
    let pair = try TestPair(bytes, bytes, form)
    let compared = try Command.json(.compare, pair.primary, pair.recovery)
    expect(compared, 0)
    #expect(compared["Identical"].bool == true)
    #expect(compared["BytesCompared"].int == 1 << 20)
    let report = try Command.json(.resync, pair.primary, pair.recovery)
    expect(report, 0)
    #expect(report["Identical"].bool == true)
    #expect(report["BytesWritten"].int == 0)
    #expect(report["DifferentRanges"].int == 0)
    #expect(report.pair()["PointInTime"].bool == true)
    #expect(report.pair()["SourceMode"].text == "offline")
  }

  @Test("disks that differ in every block: all of it is written", arguments: Form.allCases)
  func allDifferent(_ form: Form) throws {
    let bytes = randomBytes(1 << 20, seed: 2)
    let pair = try TestPair(bytes, bytes.map { ~$0 }, form)
    let compared = try Command.json(.compare, pair.primary, pair.recovery)
    expect(compared, 0, status: 1)
    #expect(compared["Identical"].bool == false)
    #expect(compared.ranges == [ByteRange(offset: 0, length: 1 << 20)])
    let report = try Command.json(.resync, pair.primary, pair.recovery)
    expect(report, 0)
    #expect(report["BytesWritten"].int == 1 << 20)
    #expect(report["Identical"].bool == true, "now they are")
    #expect(areEqual(try pair.recoveryImage.bytes(), bytes))
  }

  @Test("random patterns: exactly the differing blocks are written, and a second run writes none")
  func randomPatterns() throws {
    try forSeeds { seed in
      var random = SplitMix64(seed: seed)
      let name = "\(seed)"
      let primary = randomBytes(512 * Int.random(in: 1...3000, using: &random), seed: seed)
      var recovery = primary
      for _ in 0..<Int.random(in: 1...40, using: &random) {
        let start = Int.random(in: 0..<primary.count, using: &random)
        let length = [1, 1, 512, 4096, 70_000][Int.random(in: 0..<5, using: &random)]
        for index in start..<min(primary.count, start + length) { recovery[index] = ~primary[index] }
      }
      let oracle = Oracle(primary, recovery)
      let primaryImage = try Image("p\(name)", primary)
      let recoveryImage = try Image("r\(name)", recovery)
      let before = try primaryImage.status()
      let primaryLoop = try NamedLoop(primaryImage.path)
      let recoveryLoop = try NamedLoop(recoveryImage.path)
      let primaryStat = try DeviceStat(primaryLoop.name)
      let stat = try DeviceStat(recoveryLoop.name)

      let compared = try Command.json(.compare, primaryLoop.node, recoveryLoop.node)
      #expect(compared.ranges == oracle.ranges, "seed \(seed)")
      let report = try Command.json(.resync, primaryLoop.node, recoveryLoop.node, ["--verify"])
      expect(report, 0)
      #expect(report["BytesDifferent"].int == Int(oracle.bytesDifferent), "seed \(seed)")
      #expect(report["BytesWritten"].int == Int(oracle.bytesDifferent), "seed \(seed)")
      #expect(report["DifferentRanges"].int == oracle.ranges.count, "seed \(seed)")
      #expect(report.pair()["Witness"]["PrimaryForeignBytes"].int == 0, "seed \(seed)")
      #expect(report.pair()["Witness"]["RecoveryForeignBytes"].int == 0, "seed \(seed)")
      let now = try DeviceStat(recoveryLoop.name)
      #expect(now.bytesChanged - stat.bytesChanged == oracle.bytesDifferent, "seed \(seed)")
      #expect(try DeviceStat(primaryLoop.name).bytesChanged == primaryStat.bytesChanged, "seed \(seed)")
      #expect(areEqual(try recoveryImage.bytes(), oracle.result), "seed \(seed)")
      #expect(areEqual(try primaryImage.bytes(), primary), "seed \(seed)")
      #expect(try primaryImage.status() == before, "seed \(seed)")

      let again = try Command.json(.resync, primaryLoop.node, recoveryLoop.node)
      expect(again, 0)
      #expect(again["BytesWritten"].int == 0, "seed \(seed)")
      #expect(try DeviceStat(recoveryLoop.name).bytesChanged == now.bytesChanged, "seed \(seed)")
    }
  }

  @Test("one bit anywhere is found, and only its block is written")
  func oneBit() throws {
    let size = 3 << 20
    let primary = randomBytes(size, seed: 3)
    let pair = try TestPair(primary, primary, .loops)
    // First and last byte of the disk, of blocks, of sectors, of chunks.
    for byte in [
      0, 511, 512, 4095, 4096, 8191, (1 << 20) - 1, 1 << 20, (2 << 20) - 4096, size - 4097, size - 1,
    ] {
      try pair.recoveryImage.write([primary[byte] ^ 1 << UInt8(byte % 8)], at: UInt64(byte))
      try dropCache(of: pair.recovery)
      let report = try Command.json(.resync, pair.primary, pair.recovery)
      expect(report, 0)
      #expect(report["BytesWritten"].int == 4096, "byte \(byte)")
      #expect(report["DifferentRanges"].int == 1, "byte \(byte)")
    }
    #expect(areEqual(try pair.recoveryImage.bytes(), primary))
  }

  /// What was written into the file behind a loop is not in its cache.
  private func dropCache(of node: String) throws {
    try OwnedDescriptor(opening: FilePath(node), .readOnly).dropCaches()
  }

  @Test("a loop that is attached over an image already, and that nobody has open, is used as it is")
  func attachedAlready() throws {
    let pair = try TestPair(differing: .images)
    let node = try tool("losetup", "--find", "--show", pair.recovery).split(separator: "\n").first.map(
      String.init)
    let loop = try #require(node)
    defer { _ = try? tool("losetup", "--detach", loop) }
    let report = try Command.json(.resync, pair.primary, pair.recovery)
    expect(report, 0)
    #expect("/dev/" + (report.pair()["Recovery"]["KernelName"].text ?? "") == loop)
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
  }
}
