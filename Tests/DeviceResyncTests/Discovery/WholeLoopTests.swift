import Foundation
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("the one loop over an image that may be used as it is") struct WholeLoopTests {
  /// An image of 1 MiB and the host with `loops` over it; what is chosen for the recovery.
  private func chosen(
    _ loops: [(minor: UInt32, detachesItself: Bool)], own: Set<UInt32> = []
  ) throws -> UInt32? {
    let path = "/var/tmp/vmresync-whole.\(UUID().uuidString)"
    try Data(count: 1 << 20).write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let name = NamedPath(resolving: path)
    let backing = try #require(name.status).identity
    var host = Host()
    host.devices = loops.map { loop in
      var device = BlockDevice(
        name: "loop\(loop.minor)", node: "/dev/loop\(loop.minor)",
        number: DeviceNumber(major: 7, minor: loop.minor),
        kind: .loop, size: 1 << 20, isReadOnly: false,
        queue: BlockDevice.Queue(
          logicalBlockSize: 512, physicalBlockSize: 512, maxRequestSize: 1 << 20, maxSegments: 128,
          countsSectors: true, zonedModel: "none", isRotational: false))
      device.loop = BlockDevice.LoopBinding(
        path: path, backing: backing, fileSize: 1 << 20, offset: 0, isReadOnly: false, usesDirectIO: true,
        detachesItself: loop.detachesItself)
      return device
    }
    host.ownLoops = Set(own.map { DeviceNumber(major: 7, minor: $0) })
    return NamedDisk(.recovery, name, on: host).image?.wholeLoop?.number.minor
  }

  @Test("the only one, unless it detaches itself") func only() throws {
    #expect(try chosen([(3, false)]) == 3)
    #expect(try chosen([(3, true)]) == nil)
    #expect(try chosen([(3, false), (4, false)]) == nil)
  }

  @Test("none that came after our own") func besideOwn() throws {
    #expect(try chosen([(3, true)], own: [3]) == nil)
    #expect(try chosen([(3, true), (4, false)], own: [3]) == nil)
  }
}
