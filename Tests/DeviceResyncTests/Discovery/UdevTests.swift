import Foundation
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("udev's enumeration and its database", .tags(.devices, .slow))
struct UdevTests {
  /// The command, beside the tests' bundle.
  static var command: String {
    var place = Bundle.main.bundleURL
    while place.path != "/",
      !FileManager.default.fileExists(atPath: place.appendingPathComponent("vmresync").path)
    {
      place.deleteLastPathComponent()
    }
    return place.appendingPathComponent("vmresync").path
  }

  @Test(
    "an attached loop is listed, with the driver's word on its file; one that is attached to nothing is not")
  func loops() throws {
    let directory = try TemporaryDirectory()
    let file = try OwnedDescriptor(opening: try directory.image("image", size: 1 << 20), .readWrite)
    let loop = try AttachedLoop(over: file, .readWrite, blockSize: 4096)
    let devices = try discoverDevices()
    let found = try #require(devices.first { $0.name == "loop\(loop.number)" })
    #expect(found.kind == .loop)
    #expect(found.node == loop.path.string)
    #expect(found.number == DeviceNumber(major: 7, minor: UInt32(loop.number)))
    #expect(found.size == 1 << 20)
    #expect(found.queue.logicalBlockSize == 4096)
    #expect(found.diskSequence == (try loop.descriptor.diskSequence()))
    let binding = try #require(found.loop)
    #expect(binding.path == directory("image").string)
    #expect(binding.backing == (try FileStatus(of: file).identity))
    #expect(binding.fileSize == 1 << 20)
    #expect(binding.detachesItself && binding.usesDirectIO && !binding.isReadOnly)
    #expect(devices.allSatisfy { $0.kind != .loop || $0.loop != nil })
  }

  @Test("a loop over a loop knows the device below it")
  func stacked() throws {
    let below = try LoopDisk(size: 1 << 20)
    let node = try OwnedDescriptor(opening: below.loop.path, .readWrite)
    let above = try AttachedLoop(over: node, .readOnly)
    let found = try #require(try discoverDevices().first { $0.name == "loop\(above.number)" })
    #expect(found.loop?.backingDevice == DeviceNumber(major: 7, minor: UInt32(below.loop.number)))
    #expect(found.isReadOnly)
  }

  /// The object of the loop in what `devices --json` says, with `database` as udev's word on it.
  private func listed(_ loop: Int, database: String?) throws -> [String: Any] {
    let directory = try TemporaryDirectory()
    try directory.write("database", database ?? "")
    // A file system of its own in a mount namespace of its own: the host's /run keeps as it is.
    let script = """
      mount -t tmpfs tmpfs /run && mkdir -p /run/udev/data &&
      \(database == nil ? "rmdir /run/udev/data" : "cp -- \(directory("database")) /run/udev/data/b7:\(loop)") &&
      exec \(ShellWord(Self.command)) devices --json /dev/loop\(loop)
      """
    let output = try run("unshare", "--mount", "sh", "-c", script).output
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any], "\(output)")
    let devices = try #require(object["Devices"] as? [[String: Any]], "\(output)")
    return try #require(devices.first { $0["KernelName"] as? String == "loop\(loop)" }, "\(output)")
  }

  @Test("the database's links and serial number arrive; hostile ones arrive as they are, in JSON")
  func database() throws {
    let disk = try LoopDisk(size: 1 << 20)
    let device = try listed(
      disk.loop.number,
      database: """
        S:disk/by-id/test-x
        S:disk/by-label/\u{1b}[31m
        I:1
        E:ID_SERIAL=SER"IAL\\
        E:ID_BUS=test
        G:systemd
        Q:systemd
        V:1

        """)
    #expect(device["Links"] as? [String] == ["/dev/disk/by-id/test-x", "/dev/disk/by-label/\u{1b}[31m"])
    #expect(device["StableName"] as? String == #"serial-SER"IAL\"#)
    #expect(device["Transport"] as? String == "test")
    #expect(device["Size"] as? Int == 1 << 20)
  }

  @Test("without a database sysfs alone tells")
  func noDatabase() throws {
    let disk = try LoopDisk(size: 1 << 20)
    let device = try listed(disk.loop.number, database: nil)
    #expect(device["Links"] as? [String] == [])
    #expect(device["StableName"] is NSNull)
    #expect(device["Size"] as? Int == 1 << 20)
    #expect((device["Loop"] as? [String: Any])?["DirectIO"] as? Bool == true)
  }

  @Test("a database of another form is no reason to stop")
  func garbage() throws {
    let disk = try LoopDisk(size: 1 << 20)
    let device = try listed(
      disk.loop.number, database: "\u{0}\u{1}E:\nS:\nE:=x\nV:99\n" + String(repeating: "x", count: 100_000))
    #expect(device["Size"] as? Int == 1 << 20)
  }
}
