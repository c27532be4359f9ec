import Foundation
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("probing finds what lies on a disk")
struct ProbeContentTests {
  @Test("an ext4 with its UUID, label and place, on an image and on a loop device", arguments: [512, 4096])
  func ext4(blockSize: UInt32) throws {
    let image = try ProbeImage(size: 16 << 20)
    let uuid = "2f1c0d3e-8a4b-4c5d-9e6f-001122334455"
    try image.run("/usr/sbin/mkfs.ext4", "-q", "-U", uuid, "-L", "primary-root")
    let loop = try image.loop(blockSize: blockSize)
    var helper = try ProbeHelper.ofProduct()
    let onImage = helper.probeDisk(image.descriptor)
    let onDevice = helper.probe([loop.path])[0]
    #expect(onImage.outcome == .probed)
    #expect(
      onImage.signatures == [
        Signature(
          type: "ext4", usage: "filesystem", uuid: DeviceText(bytes: Array(uuid.utf8)), label: "primary-root",
          version: "1.0", offset: 1080)
      ])
    #expect(onImage.topology == nil)
    #expect(onImage.partitionTable == nil)
    #expect(onImage.container == nil)
    #expect(onDevice.signatures == onImage.signatures)
    #expect(onDevice.topology?.logicalBlockSize == blockSize)
    #expect(onDevice.topology?.alignmentOffset == 0)
  }

  @Test(
    "each kind of content by libblkid's name",
    arguments: [
      ("/usr/sbin/mkfs.xfs", ["-q"], 320 << 20, "xfs", "filesystem"),
      ("/usr/sbin/mkfs.btrfs", ["-q"], 128 << 20, "btrfs", "filesystem"),
      ("/usr/sbin/mkswap", [], 8 << 20, "swap", "other"),
    ])
  func kinds(program: String, options: [String], size: UInt64, type: String, usage: String) throws {
    let image = try ProbeImage(size: size)
    try runProgram(program, options + [image.path])
    var helper = try ProbeHelper.ofProduct()
    let content = helper.probeDisk(image.descriptor)
    #expect(content.outcome == .probed)
    #expect(content.signatures.map(\.type.text) == [type])
    #expect(content.signatures.map(\.usage?.text) == [usage])
    #expect(content.signatures.first?.uuid?.bytes.count == 36)
  }

  @Test("an LVM physical volume by its label and UUID")
  func physicalVolume() throws {
    let image = try ProbeImage(size: 8 << 20)
    try image.write(physicalVolumeLabel(), at: 512)
    var helper = try ProbeHelper.ofProduct()
    let content = helper.probeDisk(image.descriptor)
    #expect(content.signatures.map(\.type) == ["LVM2_member"])
    #expect(content.signatures.first?.usage == "raid")
    #expect(content.signatures.first?.uuid == "abcdef-GHIJ-0123-4567-89kl-mnop-qrstuv")
  }

  @Test("a GPT's partitions and the file systems in them, without partition nodes")
  func partitions() throws {
    let image = try ProbeImage(size: 64 << 20)
    let part = try ProbeImage(size: 16 << 20)
    try part.run("/usr/sbin/mkfs.ext4", "-q", "-L", "inside")
    try image.run(
      "/usr/sbin/sgdisk", "-U", "11111111-2222-3333-4444-555555555555", "-n", "1:2048:+16M", "-t", "1:8300",
      "-c", "1:système", "-u", "1:AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE", "-n", "2:0:+8M", "-t", "2:8200",
      "-A",
      "2:set:2")
    try image.write(try part.descriptor.read(16 << 20, at: 0), at: 1 << 20)
    let loop = try image.loop()
    var helper = try ProbeHelper.ofProduct()
    for content in [helper.probeDisk(image.descriptor), helper.probeDisks([loop.path])[0]] {
      let table = try #require(content.partitionTable)
      #expect(table.type == "gpt")
      #expect(table.id == "11111111-2222-3333-4444-555555555555")
      #expect(table.entriesLeftOut == 0)
      try #require(table.entries.count == 2)
      let first = table.entries[0]
      #expect(first.number == 1)
      #expect(first.start == 1 << 20)
      #expect(first.size == 16 << 20)
      #expect(first.name == "système")
      #expect(first.type == "0fc63daf-8483-4772-8e79-3d69d8477de4")
      #expect(first.uuid == "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")
      #expect(!first.isExtended)
      #expect(first.content?.signatures.map(\.label) == ["inside"])
      #expect(first.content?.signatures.map(\.offset) == [1080])
      #expect(table.entries[1].flags == 4)
      #expect(table.entries[1].content?.outcome == .probed)
      #expect(table.entries[1].content?.signatures == [])
    }
  }

  @Test("a DOS table's primary, extended and logical partitions")
  func dosTable() throws {
    let image = try ProbeImage(size: 64 << 20)
    let disk = bootRecord(
      id: 0xcafe_1234,
      (flag: 0x80, type: 0x83, start: 2048, size: 4096), (flag: 0, type: 0x05, start: 8192, size: 32768))
    try image.write(disk, at: 0)
    // A logical partition's start counts from its own record.
    try image.write(bootRecord(id: 0, (flag: 0, type: 0x82, start: 2048, size: 4096)), at: 8192 * 512)
    var helper = try ProbeHelper.ofProduct()
    let table = try #require(helper.probeDisk(image.descriptor).partitionTable)
    #expect(table.type == "dos")
    #expect(table.id == "cafe1234")
    #expect(table.entries.map(\.number) == [1, 2, 5])
    #expect(table.entries.map(\.type) == ["0x83", "0x05", "0x82"])
    #expect(table.entries.map(\.isExtended) == [false, true, false])
    #expect(table.entries.map(\.flags) == [0x80, 0, 0])
    #expect(table.entries.map(\.start) == [1_048_576, 4_194_304, 5_242_880])
    #expect(table.entries[1].content == nil)
  }

  @Test("a label with ESC, CSI and a newline is kept as it is and escaped where it is printed")
  func hostileLabel() throws {
    let image = try ProbeImage(size: 16 << 20)
    try image.run("/usr/sbin/mkfs.ext4", "-q", "-O", "^metadata_csum")
    // The volume name: 16 bytes at 120 of the superblock (fs/ext4/ext4.h).
    let label = Array("\u{1b}[31mE\"\n\u{9b}L".utf8) + [0xff, 0x5c, 0, 0, 0]
    try image.write(label, at: 1024 + 120)
    var helper = try ProbeHelper.ofProduct()
    let found = try #require(helper.probeDisk(image.descriptor).signatures.first?.label)
    #expect(found.bytes == Array(label.prefix(13)))
    #expect("\(found)" == #"\u{1b}[31mE"\u{a}\u{9b}L\xff\\"#)
  }

  @Test("every signature, not the first alone; a container; nothing on a blank or empty disk")
  func others() throws {
    let image = try ProbeImage(size: 16 << 20)
    let blank = try ProbeImage(size: (1 << 20) + 100)
    let empty = try ProbeImage(size: 0)
    var helper = try ProbeHelper.ofProduct()
    #expect(helper.probeDisk(blank.descriptor) == ProbedContent(outcome: .probed))
    #expect(helper.probeDisk(empty.descriptor) == ProbedContent(outcome: .probed))
    try image.run("/usr/sbin/mkfs.ext4", "-q")
    try image.write(physicalVolumeLabel(), at: 512)
    let types = helper.probeDisk(image.descriptor).signatures.map(\.type.text)
    #expect(types.sorted() == ["LVM2_member", "ext4"])
    try blank.write(Array("QFI".utf8) + [0xfb, 0, 0, 0, 3], at: 0)
    #expect(helper.probeDisk(blank.descriptor).container == .qcow2)
  }

  @Test("what is no device, cannot be had or is a link is unknown, and the others are answered")
  func unfit() throws {
    let image = try ProbeImage(size: 16 << 20)
    try image.run("/usr/sbin/mkfs.ext4", "-q")
    let loop = try image.loop()
    var helper = try ProbeHelper.ofProduct()
    let contents = helper.probe([
      loop.path, "/dev/null", "/dev", "/dev/no such disk", FilePath(image.path), loop.path,
    ])
    let known = contents.map { $0.outcome == .probed }
    #expect(known == [true, false, false, false, false, true])
    #expect(contents[0] == contents[5])
    guard case .unknown(let reason) = contents[3].outcome else { return }
    #expect(reason.contains("ENOENT"))
  }
}

/// A sector with LVM2's label and the start of its PV header (lib/label/label.h, lib/format_text/layout.h).
private func physicalVolumeLabel() -> [UInt8] {
  var sector = Array("LABELONE".utf8) + [1, 0, 0, 0, 0, 0, 0, 0]
  var checked: [UInt8] = [32, 0, 0, 0]  // where the PV header begins
  checked += Array("LVM2 001".utf8)
  checked += Array("abcdefGHIJ0123456789klmnopqrstuv".utf8)
  checked += [UInt8](repeating: 0, count: 512 - 20 - checked.count)
  // LVM2's CRC-32 from behind itself to the sector's end.
  var sum: UInt32 = 0xf597_a6cf
  for byte in checked {
    sum ^= UInt32(byte)
    for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xedb8_8320 : sum >> 1 }
  }
  sector += bytes(sum)
  return sector + checked
}

/// An MBR or an extended one, in sectors: the disk's signature at 440, entries from 446, the magic at 510.
private func bootRecord(
  id: UInt32, _ entries: (flag: UInt8, type: UInt8, start: UInt32, size: UInt32)...
) -> [UInt8] {
  var sector = [UInt8](repeating: 0, count: 440) + bytes(id) + [0, 0]
  for entry in entries {
    sector += [entry.flag, 0, 0, 0, entry.type, 0, 0, 0] + bytes(entry.start) + bytes(entry.size)
  }
  return sector + [UInt8](repeating: 0, count: 510 - sector.count) + [0x55, 0xaa]
}

private func bytes(_ value: UInt32) -> [UInt8] {
  [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value >> $0) }
}
