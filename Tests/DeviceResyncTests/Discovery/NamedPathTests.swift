import Foundation
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("names as they are typed")
struct NamedPathTests {
  @Test(
    "of the order of discovery depend on it",
    arguments: [
      "/dev/sda", "/dev/sdaa", "/dev/sda1", "/dev/vdb", "/dev/xvdc3", "/dev/nvme0n1", "/dev/nvme1n2p3",
      "/dev/nvme0c1n1", "/dev/dm-0", "/dev/dm-17", "/dev//sda", "/dev/./sda", "/dev/../dev/sda",
      "/dev/mapper/../sda",
    ])
  func order(_ name: String) { #expect(NamedPath.dependsOnOrder(name)) }

  @Test(
    "that outlive a reboot, and loops, do not",
    arguments: [
      "/dev/loop0", "/dev/loop12p1", "/dev/mapper/vg-lv", "/dev/vg/sda", "/dev/disk/by-id/ata-X",
      "/dev/md/raid",
      "/dev/md0", "/images/sda", "/dev/sda/x", "/dev/sd", "/dev/sda1x", "/dev/dm-", "/dev/SDA",
      "/images/dev/sda",
    ])
  func stable(_ name: String) { #expect(!NamedPath.dependsOnOrder(name)) }

  @Test("that are typed relative to /dev are as if typed in full")
  func relativeOrder() {
    let steps = String(repeating: "../", count: 30)
    #expect(NamedPath.dependsOnOrder("\(steps)dev/sda"))
    #expect(!NamedPath.dependsOnOrder("sda"), "the tests do not run in /dev")
  }

  @Test(
    "are content where udev takes them from the disk",
    arguments: [
      ("by-uuid/0f3e", true), ("by-partuuid/0f3e-01", true), ("by-label/root", true),
      ("by-partlabel/EFI", true),
      ("by-id/lvm-pv-uuid-abc", true), ("by-id/ata-X", false), ("by-path/pci-0", false),
      ("by-diskseq/7", false),
    ])
  func content(_ name: String, _ isContent: Bool) throws {
    let directory = try TemporaryDirectory()
    try directory.write("sdx", "x")
    let link = try directory.link("disk/\(name)", to: "../../sdx")
    let named = NamedPath(resolving: link.string)
    #expect(named.problem == (isContent ? .namedByContent(link.string) : nil))
    // By another link that leads there, too.
    let outer = try directory.link("alias", to: link.string)
    #expect(NamedPath(resolving: outer.string).problem == named.problem)
    let absent = directory("disk/by-uuid/absent").string
    #expect(NamedPath(resolving: absent).problem == .namedByContent(absent), "always")
  }

  @Test("lead through root's links to one canonical path")
  func resolves() throws {
    let directory = try TemporaryDirectory()
    let image = try directory.write("real/image", "xyz")
    try directory.link("one", to: "real")
    try directory.link("two", to: "one/../one/./image")
    try directory.link("three", to: directory("two").string)
    for name in [
      "three", "two", "one/image", "real/image", "real/../one//image", "one/./image", "real/image/",
    ] {
      let named = NamedPath(resolving: directory(name).string)
      #expect(named.problem == nil, "\(name)")
      #expect(named.canonical == image)
      #expect(named.status?.size == 3)
      #expect(
        named.typed
          == directory(name).string.replacing("//image", with: "/image").replacing("image/", with: "image"))
    }
  }

  @Test("with .. after a link go up from where the link leads, as the kernel does")
  func parent() throws {
    let directory = try TemporaryDirectory()
    try directory.write("deep/er/image", "x")
    try directory.write("image", "wrong")
    try directory.write("deep/image", "right")
    try directory.link("link", to: "deep/er")
    #expect(
      NamedPath(resolving: directory.path.string + "/link/../image").canonical == directory("deep/image"))
    #expect(NamedPath(resolving: "/../../..\(directory("image"))").canonical == directory("image"))
  }

  @Test("that are relative start in the working directory")
  func relative() {
    #expect(NamedPath(resolving: ".").problem == .wrongKind)
    #expect(
      NamedPath(resolving: "no/such/file").problem == .absent(workingDirectory().appending("no").string))
  }

  @Test("of what is absent name the missing component")
  func absent() throws {
    let directory = try TemporaryDirectory()
    try directory.write("file", "x")
    try directory.link("dangling", to: "nowhere/at/all")
    #expect(NamedPath(resolving: directory("gone/image").string).problem == .absent(directory("gone").string))
    #expect(
      NamedPath(resolving: directory("dangling").string).problem == .absent(directory("nowhere").string))
    #expect(NamedPath(resolving: directory("file/x").string).problem == .absent(directory("file/x").string))
    let long = directory(String(repeating: "n", count: 300)).string
    #expect(NamedPath(resolving: long).problem == .unreadable(long, .fileNameTooLong))
  }

  @Test("in a circle of links end after 40 of them")
  func circle() throws {
    let directory = try TemporaryDirectory()
    try directory.link("a", to: "b")
    try directory.link("b", to: "a")
    let problem = NamedPath(resolving: directory("a").string).problem
    guard case .unreadable(_, .tooManySymbolicLinkLevels) = problem else {
      Issue.record("\(String(describing: problem))")
      return
    }
  }

  @Test("of directories, FIFOs and character devices are of the wrong kind")
  func kinds() throws {
    let directory = try TemporaryDirectory()
    try run("mkfifo", directory("fifo").string)
    for path in [directory.path.string, directory("fifo").string, "/dev/null", "/"] {
      #expect(NamedPath(resolving: path).problem == .wrongKind, "\(path)")
    }
  }

  @Test("through a link that another user owns are refused, naming it")
  func foreignLink() throws {
    let directory = try TemporaryDirectory()
    try directory.write("image", "x")
    try directory.link("link", to: "image")
    #expect(lchown(directory("link").string, 64055, 64055) == 0)
    #expect(
      NamedPath(resolving: directory("link").string).problem
        == .untrustedLink(directory("link").string, "it belongs to user 64055"))
    #expect(NamedPath(resolving: directory("image").string).problem == nil, "the file itself is trusted")
  }

  @Test("through a link in another user's directory are refused")
  func foreignDirectory() throws {
    let directory = try TemporaryDirectory()
    try directory.write("image", "x")
    try directory.link("theirs/link", to: "../image")
    #expect(chown(directory("theirs").string, 64055, 64055) == 0)
    #expect(
      NamedPath(resolving: directory("theirs/link").string).problem
        == .untrustedLink(directory("theirs/link").string, "its directory belongs to user 64055"))
  }

  @Test(
    "through a link in a directory that others may write are refused, sticky or not",
    arguments: [0o777, 0o1777, 0o775])
  func writableDirectory(_ mode: mode_t) throws {
    let directory = try TemporaryDirectory()
    try directory.write("image", "x")
    try directory.link("open/link", to: "../image")
    #expect(chmod(directory("open").string, mode) == 0)
    #expect(
      NamedPath(resolving: directory("open/link").string).problem
        == .untrustedLink(directory("open/link").string, "others than root may write to its directory"))
    try directory.link("way", to: "open/link")
    #expect(NamedPath(resolving: directory("way").string).problem != nil, "however one comes there")
  }
}
