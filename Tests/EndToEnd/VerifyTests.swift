import SystemPackage
import Testing

@testable import DeviceResync

@Suite("--verify", .ownPlace, .tags(.devices, .slow)) struct VerifyTests {
  @Test("reads back what was written, and says how much", arguments: Form.allCases)
  func readsBack(_ form: Form) throws {
    let bytes = randomBytes(4 << 20, seed: 1)
    var other = bytes
    other[0] ^= 1
    other[3 << 20] ^= 1
    let pair = try TestPair(bytes, other, form)
    let report = try Command.json(
      .resync, pair.primary, pair.recovery, ["--verify", "--chunk-size", "64K"] + inPlace)
    expect(report, 0)
    #expect(report["BytesWritten"].int == 8192)
    let verified = report["BytesVerified"].int ?? 0
    #expect(verified >= 8192 && verified < 4 << 20)
    #expect(areEqual(try pair.recoveryImage.bytes(), bytes))
    let without = try Command.json(.resync, pair.primary, pair.recovery, inPlace)
    #expect(without["BytesVerified"].int == 0)
  }

  @Test("finds a tail that was not kept: 32768, and where it lies")
  func lostTail() throws {
    let bytes = randomBytes((1 << 20) + 100, seed: 6)
    var other = bytes
    other[1 << 20] ^= 1
    let pair = try TestPair(bytes, other)
    // The tail is the only write that does not go through the ring.
    let report = try Command.json(
      .resync, pair.primary, pair.recovery, ["--verify"] + inPlace,
      through: injecting("pwrite64:retval=100", on: pair.recovery))
    expect(report, 32768)
    let error = report.pair()["Errors"][0]
    #expect(error["Offset"].int == 1 << 20 && error["Length"].int == 100, "\(report)")
    #expect(report["BytesVerified"].int == 0)
  }

  @Test("finds a device that keeps no writes: 32768, and what differs")
  func lostWrite() throws {
    let images = (
      primary: try Image("primary", size: LongRun.size), recovery: try Image("recovery", size: LongRun.size)
    )
    try images.primary.write(randomBytes(4096, seed: 5), at: 0)
    // The block is written first; it is spoilt behind the loop before the run comes to its end.
    let recovery = try NamedLoop(images.recovery.path)
    let report = try LongRun(.resync, images.primary.path, recovery.node, ["--verify"] + inPlace).stopped {
      try images.recovery.write([UInt8](repeating: 0, count: 4096), at: 0)
      try OwnedDescriptor(opening: FilePath(images.recovery.path), .readWrite).synchronizeData()
    }
    expect(report, 32768)
    #expect(report.message.contains("read back"))
    #expect(report.pair()["Errors"][0]["Offset"].int == 0)
  }
}
