import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("what makes no sense ends in 32773", .ownPlace, .tags(.devices, .slow)) struct InvalidParameterTests {
  @Test("one storage on both sides, by whatever names")
  func sameStorage() throws {
    let image = try Image("disk", size: 8 << 20)
    try tool("ln", image.path, Place.ours("hard-link"))
    try tool("ln", "-s", image.path, Place.ours("link"))
    let loop = try NamedLoop(image.path)
    let upper = try NamedLoop(loop.node)
    let offset = try NamedLoop(image.path, offset: 1 << 20)
    let pairs = [
      (image.path, image.path), (image.path, Place.ours("hard-link")), (Place.ours("link"), image.path),
      (image.path, "\(Place.ours.path)/./disk"), (image.path, loop.node), (loop.node, image.path),
      (loop.node, upper.node), (upper.node, image.path), (offset.node, image.path), (loop.node, offset.node),
    ]
    for (primary, recovery) in pairs {
      for operation in [Operation.compare, .resync] {
        let report = try Command.json(operation, primary, recovery, ["--allow-larger-recovery"])
        #expect(report.value == 32773 && report.status == 45, "\(primary) \(recovery) \(report)")
      }
    }
  }

  @Test("a partition and its disk; two partitions are two disks")
  func partition() throws {
    let image = try Image("disk", size: 8 << 20)
    var loop = try NamedLoop(image.path)
    let one = try loop.addPartition(1, start: 1 << 20, length: 2 << 20)
    let two = try loop.addPartition(2, start: 4 << 20, length: 2 << 20)
    expect(try Command.json(.resync, loop.node, one, ["--allow-larger-recovery"]), 32773)
    expect(try Command.json(.resync, one, loop.node, ["--allow-larger-recovery"]), 32773)
    try image.write(randomBytes(4096, seed: 1), at: 1 << 20)
    let report = try Command.json(.resync, one, two)
    expect(report, 0)
    #expect(report["BytesWritten"].int == 4096)
    #expect(areEqual(try image.bytes(4096, at: 4 << 20), randomBytes(4096, seed: 1)))
  }

  @Test(
    "names that are the disk's content", arguments: ["by-uuid", "by-partuuid", "by-label", "by-partlabel"])
  func namedByContent(_ directory: String) throws {
    let pair = try TestPair(differing: .images)
    try tool("mkdir", "-p", Place.ours("disk/\(directory)"))
    let name = Place.ours("disk/\(directory)/one")
    try tool("ln", "-s", pair.recovery, name)
    let report = try Command.json(.resync, pair.primary, name)
    expect(report, 32773)
    #expect(report.message.contains("/dev/disk/by-id"))
    try pair.expectUntouched()
  }

  @Test("links that others than root can turn; one of root's in a directory of root's is followed")
  func links() throws {
    let pair = try TestPair(differing: .images)
    try tool("mkdir", "-p", Place.ours("open"), Place.ours("closed"), Place.ours("theirs"))
    for directory in ["open", "closed", "theirs"] {
      try tool("ln", "-s", pair.recovery, Place.ours("\(directory)/link"))
    }
    try tool("chmod", "1777", Place.ours("open"))
    try tool("ln", "-s", pair.recovery, Place.ours("closed/foreign"))
    try tool("chown", "--no-dereference", "65534", Place.ours("closed/foreign"))
    try tool("chown", "65534", Place.ours("theirs"))
    for link in ["open/link", "closed/foreign", "theirs/link"] {
      let report = try Command.json(.resync, pair.primary, Place.ours(link))
      expect(report, 32773)
      #expect(report.message.contains(link))
    }
    try pair.expectUntouched()
    expect(try Command.json(.compare, pair.primary, Place.ours("closed/link")), 0, status: 1)
  }

  @Test("--verify of a primary that runs")
  func verifyRunning() throws {
    let pair = try TestPair(differing: .images)
    expect(
      try Command.json(.resync, pair.primary, pair.recovery, ["--verify", "--source", "running"] + inPlace),
      32773)
    try pair.expectUntouched()
  }
}
