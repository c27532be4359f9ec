import SystemPackage
import Testing

@testable import DeviceResync

@Suite("states that do not allow it end in 32775", .ownPlace, .tags(.devices, .slow)) struct InvalidStateTests
{
  @Test("sizes that differ by a sector, either way", arguments: [-512, 512], Form.allCases)
  func sizes(_ offset: Int, _ form: Form) throws {
    let bytes = randomBytes(1 << 20, seed: 1)
    let recovery = offset < 0 ? Array(bytes.dropLast(512)) : bytes + randomBytes(512, seed: 2)
    let pair = try TestPair(bytes, recovery, form)
    for operation in Operation.allCases {
      expect(try Command.json(operation, pair.primary, pair.recovery), 32775)
    }
    #expect(areEqual(try pair.recoveryImage.bytes(), recovery))
  }

  @Test("a primary that somebody has open for writing; --source running goes on and exits with 22")
  func running() throws {
    let pair = try TestPair(differing: .loopToImage)
    let writer = try Child.holding(pair.primary)
    let refused = try Command.json(.resync, pair.primary, pair.recovery)
    expect(refused, 32775)
    #expect(refused.evidence("source").contains("pid \(writer.id) (bash)"))
    expect(try Command.json(.resync, pair.primary, pair.recovery, ["--source", "offline"]), 32775)
    expect(try Command.json(.compare, pair.primary, pair.recovery, ["--source", "offline"]), 32775)
    try pair.expectUntouched()

    let compared = try Command.json(.compare, pair.primary, pair.recovery)
    expect(compared, 0, status: 1)
    #expect(compared.pair()["SourceMode"].text == "running")
    #expect(compared.pair()["PointInTime"].bool == false)

    let report = try Command.json(.resync, pair.primary, pair.recovery, ["--source", "running"])
    expect(report, 0, status: 22)
    #expect(report.pair()["PointInTime"].bool == false)
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
    let hasEnded = writer.hasEnded
    #expect(!hasEnded)
  }

  @Test("a mounted primary, whole or a partition of it")
  func mounted() throws {
    let image = try Image("disk", size: 64 << 20)
    let recovery = try Image("recovery", size: 64 << 20)
    var loop = try NamedLoop(image.path)
    let partition = try loop.addPartition(1, start: 1 << 20, length: 32 << 20)
    try tool("mkfs.ext4", "-q", partition)
    let mount = try Child.mounting(partition, at: Place.ours("mnt"))
    let report = try Command.json(.resync, loop.node, recovery.path)
    expect(report, 32775)
    #expect(report.evidence("source").contains("mounted on \(Place.ours("mnt"))"))
    _ = mount.id
  }
}
