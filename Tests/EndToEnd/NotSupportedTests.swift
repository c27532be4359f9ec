import SystemPackage
import Testing

@testable import DeviceResync

@Suite("what is not supported ends in 32770", .ownPlace, .tags(.devices, .slow)) struct NotSupportedTests {
  @Test(
    "a container instead of a raw image, with the command that converts it; declared raw it is a warning",
    arguments: ["qcow2", "qcow", "vmdk", "vhdx", "vdi", "vpc", "qed", "parallels"])
  func container(_ format: String) throws {
    let container = Place.ours("disk.\(format)")
    try tool("qemu-img", "create", "-q", "-f", format, container, "4M")
    let size = try FileStatus(at: FilePath(container), followingLink: false).size
    let other = try Image("other", size: size)
    for (primary, recovery, side) in [
      (container, other.path, "primary"), (other.path, container, "recovery"),
    ] {
      let refused = try Command.json(.compare, primary, recovery)
      expect(refused, 32770)
      #expect(
        refused.message.contains("qemu-img convert -f \(format) -O raw \(container) "), "\(refused.message)")
      let declared = try Command.json(.compare, primary, recovery, ["--\(side)-format", "raw"])
      expect(declared, 0, status: 1)
      #expect(declared.verdict("format")["Verdict"].text == "warning")
    }
  }

  @Test("a container on a device; a declared raw primary with the same bytes lets the recovery pass")
  func onDevice() throws {
    let image = try Image("disk", size: 4 << 20)
    try tool("qemu-img", "create", "-q", "-f", "qcow2", Place.ours("qcow2"), "64M")
    let head = try OwnedDescriptor(opening: FilePath(Place.ours("qcow2")), .readOnly).read(1 << 16, at: 0)
    try image.write(head, at: 0)
    let copy = try Image("copy", image.bytes())
    let disk = try NamedLoop(image.path)
    let twin = try NamedLoop(copy.path)
    expect(try Command.json(.resync, disk.node, twin.node), 32770)
    let declared = try Command.json(.resync, disk.node, twin.node, ["--primary-format", "raw"])
    expect(declared, 0)
    let blank = try Image("blank", size: 4 << 20)
    expect(try Command.json(.resync, blank.path, twin.node, ["--primary-format", "raw"]), 32770)
  }

  @Test("a fixed VHD, known by its footer only")
  func fixedVHD() throws {
    let path = Place.ours("fixed.vhd")
    try tool("qemu-img", "create", "-q", "-f", "vpc", "-o", "subformat=fixed,force_size", path, "4M")
    let size = try FileStatus(at: FilePath(path), followingLink: false).size
    let other = try Image("other", size: size)
    let report = try Command.json(.resync, path, other.path)
    expect(report, 32770)
    #expect(report.message.contains("qemu-img convert -f vpc"))
  }

  @Test("modes that this version has not")
  func modes() throws {
    let pair = try TestPair(differing: .images)
    let before = try pair.recoveryImage.bytes()
    expect(try Command.json(.resync, pair.primary, pair.recovery, ["--source", "snapshot"]), 32770)
    expect(try Command.json(.compare, pair.primary, pair.recovery, ["--source", "snapshot"]), 32770)
    #expect(areEqual(try pair.recoveryImage.bytes(), before))
  }
}
