import SystemPackage
import Testing

@testable import DeviceResync

@Suite("mounts and swap areas")
struct MountTests {
  private func parsed(_ line: String) -> Mount? { Mount(parsing: line[...], seenBy: 7) }

  @Test("a line of mountinfo is read field by field")
  func fields() throws {
    let mount = try #require(
      parsed("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue"))
    #expect(mount.device == DeviceNumber(major: 98, minor: 0))
    #expect(mount.root == "/mnt1")
    #expect(mount.mountPoint == "/mnt2")
    #expect(mount.fileSystemType == "ext3")
    #expect(mount.source == "/dev/root")
    #expect(mount.seenBy == 7)
  }

  @Test("there may be no optional fields; a hyphen among the others is no separator")
  func optional() throws {
    let mount = try #require(
      parsed("40 25 0:38 / /- - - btrfs - rw"))
    #expect(mount.mountPoint == "/-")
    #expect(mount.fileSystemType == "btrfs")
    #expect(mount.source == "-")
    #expect(mount.device == DeviceNumber(major: 0, minor: 38))
  }

  @Test("space, tab, newline, backslash and # are unescaped; half an escape stands for itself")
  func escapes() throws {
    let mount = try #require(parsed(#"1 2 8:1 /a\040b /t\011n\012b\134h\043 rw - ext4 /dev/x\9\04 rw"#))
    #expect(mount.root == "/a b")
    #expect(mount.mountPoint == "/t\tn\nb\\h#")
    #expect(mount.source == #"/dev/x\9\04"#)
  }

  @Test("bytes that are no UTF-8 do not end it")
  func bytes() throws {
    #expect(
      try #require(parsed(#"1 2 8:1 / /\377\200 rw - ext4 /dev/x rw"#)).mountPoint == "/\u{fffd}\u{fffd}")
    #expect(try #require(parsed(#"1 2 8:1 / /\777 rw - ext4 /dev/x rw"#)).mountPoint == #"/\777"#)
  }

  @Test(
    "a line of another form is none",
    arguments: [
      "", "1 2 3", "36 35 x:0 / /m rw - ext4 /dev/x rw", "36 35 8:0 / /m rw shared:1 ext4 /dev/x rw extra",
      "36 35 8:0 / /m rw a b c -",
    ])
  func refused(_ line: String) { #expect(parsed(line) == nil) }

  @Test("every mount namespace is looked at once, and a process that ended meanwhile is passed over")
  func namespaces() throws {
    let proc = try TemporaryDirectory()
    let lines = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\nnonsense\n"
    try proc.write("self/mountinfo", lines)
    try proc.write("self/ns/mnt", "")
    try proc.link("10/ns", to: "../self/ns")
    try proc.write("10/mountinfo", "2 0 8:2 / /never rw - ext4 /dev/sda2 rw\n")
    try proc.write("20/ns/mnt", "")
    try proc.write("20/mountinfo", "3 0 8:3 / /private rw - ext4 /dev/sda3 rw\n")
    try proc.directory("30")
    let mounts = try discoverMounts(proc: proc.path)
    #expect(mounts.map(\.mountPoint) == ["/", "/private"])
    #expect(mounts.map(\.seenBy) == [nil, 20])
  }

  @Test("the host's own root is among the real ones")
  func real() throws {
    #expect(try discoverMounts().contains { $0.mountPoint == "/" })
  }

  @Test("swap areas are devices, files and what cannot be looked up; names with spaces are unescaped")
  func swaps() throws {
    let proc = try TemporaryDirectory()
    let file = try proc.write("swap file\t1", "x")
    let escaped = file.string.replacing(" ", with: #"\040"#).replacing("\t", with: #"\011"#)
    try proc.write(
      "swaps", "Filename Type Size Used Priority\n\(escaped) file 1 0 -2\n/dev/gone partition 1 0 -3\n")
    let areas = try discoverSwaps(proc: proc.path)
    #expect(areas.map(\.path) == [file.string, "/dev/gone"])
    #expect(areas[0].file == (try FileStatus(at: file, followingLink: false).identity))
    #expect(areas[0].device == nil && areas[1].device == nil && areas[1].file == nil)
    _ = try discoverSwaps()
  }
}
