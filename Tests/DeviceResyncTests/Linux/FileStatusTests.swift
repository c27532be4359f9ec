import CLinux
import Foundation
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("what files are")
struct FileStatusTests {
  @Test("kind, owner, permissions, size and room are statx's")
  func status() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.image("image", size: 1 << 20)
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: file.string)
    let status = try FileStatus(at: file, followingLink: false)
    #expect(status.kind == .regular)
    #expect(status.owner == geteuid())
    #expect(status.permissions == 0o640)
    #expect(status.size == 1 << 20)
    #expect(status.allocated == 0)
    #expect(!status.isImmutable)
    let opened = try OwnedDescriptor(opening: file, .readOnly)
    #expect(try FileStatus(of: opened) == status)
    #expect(try FileStatus(at: directory.path, followingLink: false).kind == .directory)
    #expect(try FileStatus(at: "/dev/null", followingLink: false).kind == .other)
  }

  @Test("a link is itself or what it leads to, as asked")
  func links() throws {
    let directory = try TemporaryDirectory()
    try directory.write("a", "xyz")
    try directory.link("b", to: "a")
    #expect(try FileStatus(at: directory("b"), followingLink: false).kind == .link)
    #expect(try FileStatus(at: directory("b"), followingLink: true).size == 3)
    #expect(try linkTarget(directory("b")) == "a")
    #expect(try linkTarget(directory("a")) == nil)
    #expect(throws: Errno.noSuchFileOrDirectory) { try linkTarget(directory("c")) }
  }

  @Test("a hard link is the same file; a copy is another")
  func identity() throws {
    let directory = try TemporaryDirectory()
    try directory.write("a", "x")
    try FileManager.default.linkItem(atPath: directory("a").string, toPath: directory("b").string)
    try FileManager.default.copyItem(atPath: directory("a").string, toPath: directory("c").string)
    let identities = try ["a", "b", "c"].map {
      try FileStatus(at: directory($0), followingLink: false).identity
    }
    #expect(identities[0] == identities[1])
    #expect(identities[0] != identities[2])
  }

  @Test("a change moves the change time, and setting mtime back does not hide it")
  func times() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write("a", "x")
    let before = try FileStatus(at: file, followingLink: false)
    // The kernel's clock for files ticks every few milliseconds.
    var after = before
    for _ in 0..<1000 where after.changed == before.changed {
      try OwnedDescriptor(opening: file, .readWrite).write([0x79], at: 0)
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 0)], ofItemAtPath: file.string)
      after = try FileStatus(at: file, followingLink: false)
    }
    #expect(after.modified == 0)
    #expect(after.changed > before.changed)
  }

  @Test(
    "only file systems whose word on holes was tried are trusted, and those of other hosts are shared",
    arguments: [
      (0xef53, "ext4", true, false), (0x5846_5342, "xfs", true, false), (0x9123_683e, "btrfs", true, false),
      (0x0102_1994, "tmpfs", true, false), (0x2fc1_2fc1, "zfs", false, false), (0x6969, "nfs", false, true),
      (0xff53_4d42, "cifs", false, true), (0x6573_5546, "fuse", false, true),
      (0x00c3_6400, "ceph", false, true),
      (0x794c_7630, "overlay", false, true), (0x1234, nil, false, false),
    ] as [(UInt64, String?, Bool, Bool)])
  func fileSystems(_ magic: UInt64, _ name: String?, _ tellsHoles: Bool, _ isShared: Bool) {
    let system = FileSystem(magic: magic, available: 0, total: 0, isReadOnly: false)
    #expect(system.name == name)
    #expect(system.tellsHolesTruly == tellsHoles)
    #expect(system.mayBeShared == isShared)
  }

  @Test("a server's wild numbers end nothing")
  func wild() {
    var raw = cl_file_status()
    (raw.mode, raw.blocks, raw.size) = (0o100600, .max, .max)
    #expect(FileStatus(raw).allocated == .max)
  }

  @Test("an image's name outlives a reboot where its file system has a UUID, else it says that it does not")
  func stableName() throws {
    let directory = try TemporaryDirectory()
    let image = try directory.image("image", size: 4096)
    let status = try FileStatus(at: image, followingLink: false)
    var system = try FileSystem(of: try OwnedDescriptor(opening: image, .readOnly))
    system.uuid = "01234567-89ab-cdef-0123-456789abcdef"
    let born = try #require(status.born)
    #expect(
      status.stableName(on: system)
        == "inode-\(status.identity.inode)-\(born)@01234567-89ab-cdef-0123-456789abcdef")
    system.uuid = nil
    #expect(
      status.stableName(on: system) == "inode-\(status.identity.inode)@\(status.identity.device)-this-boot")
  }

  @Test("a directory's names come without itself and its parent")
  func names() throws {
    let directory = try TemporaryDirectory()
    for name in ["b", "a", ".hidden", "..x"] { try directory.write(name, "") }
    #expect(try directoryNames(directory.path).sorted() == ["..x", ".hidden", "a", "b"])
    #expect(throws: Errno.notDirectory) { try directoryNames(directory("a")) }
  }
}
