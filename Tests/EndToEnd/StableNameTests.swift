import SystemPackage
import Testing

@testable import DeviceResync

@Suite("names that outlive a reboot", .ownPlace, .tags(.devices, .slow)) struct StableNameTests {
  /// The recovery's name, of an image that the shell script `make` puts at `$1/recovery`.
  private func name(_ primary: Image, _ make: String) throws -> String {
    let directory = Place.ours("mnt")
    try tool("mkdir", "--parents", directory)
    let script = make + #" && truncate --size=1M "$1/recovery" && shift && "$@""#
    let wrapper = ["unshare", "--mount", "--propagation", "private", "bash", "-c", script, "bash", directory]
    let report = try Command.json(.plan, primary.path, "\(directory)/recovery", through: wrapper)
    expect(report, 0)
    return report.pair()["Recovery"]["StableName"].text ?? ""
  }

  @Test("of an image on ext4 and btrfs carry the file system's UUID, which a remount does not change")
  func persistent() throws {
    let primary = try Image("primary", size: 1 << 20)
    for (type, option, end) in [("ext4", "-U", ""), ("btrfs", "-U", "/5")] {
      let disk = try Image("disk-\(type)", size: 256 << 20)
      let uuid = "a1b2c3d4-0000-4000-8000-00000000000\(type.count)"
      try tool("mkfs.\(type)", "-q", option, uuid, disk.path)
      let mount = #"mount -o loop "\#(disk.path)" "$1""#
      let name = try name(primary, mount)
      #expect(name.hasPrefix("inode-") && name.hasSuffix("@\(uuid)\(end)"), "\(name)")
      #expect(try self.name(primary, mount) == name)
      #expect(try self.name(primary, mount + #" && rm "$1/recovery""#) != name, "another file")
    }
  }

  @Test("of an image on tmpfs carry that mount's UUID, or say that they count for this boot")
  func temporary() throws {
    let primary = try Image("primary", size: 1 << 20)
    let name = try name(primary, #"mount -t tmpfs none "$1""#)
    #expect(name.contains(/^inode-\d+(-\d+@[0-9a-f-]{36}|@\d+:\d+-this-boot)$/), "\(name)")
  }

  @Test("of a loop are its file's, of a partition a place in that file")
  func loop() throws {
    let primary = try Image("primary", size: 1 << 20)
    let image = try Image("recovery", size: 1 << 20)
    func name(_ path: String, _ options: [String] = []) throws -> String? {
      try Command.json(.compare, primary.path, path, options).pair()["Recovery"]["StableName"].text
    }
    let file = try name(image.path)
    var loop = try NamedLoop(image.path)
    #expect(try name(loop.node) == file)
    let partition = try loop.addPartition(1, start: 4096, length: 8192)
    #expect(try name(partition) == (file ?? "") + "+4096+8192")
  }
}
