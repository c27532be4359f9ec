import Foundation
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("containers are recognised by our own table")
struct ContainerFormatTests {
  /// What qemu-img makes, how, and which format that is.
  static let examples: [(format: String, options: String?, expected: ContainerFormat)] = [
    ("qcow", nil, .qcow),
    ("qcow2", "compat=0.10", .qcow2),
    ("qcow2", "compat=1.1", .qcow2),
    ("qed", nil, .qed),
    ("vmdk", "subformat=monolithicSparse", .vmdk),
    ("vmdk", "subformat=streamOptimized", .vmdk),
    ("vmdk", "subformat=monolithicFlat", .vmdk),
    ("vmdk", "subformat=twoGbMaxExtentSparse", .vmdk),
    ("vpc", "subformat=dynamic", .vhd),
    ("vpc", "subformat=fixed", .vhd),
    ("vhdx", nil, .vhdx),
    ("vdi", nil, .vdi),
    ("vdi", "static=on", .vdi),
    ("parallels", nil, .parallels),
  ]

  @Test("each format as qemu-img makes it, and its conversion gives the same bytes", arguments: examples)
  func made(format: String, options: String?, expected: ContainerFormat) throws {
    let folder = try TemporaryFolder()
    // A quote and a space: what the command must survive.
    let path = folder.path + "/guest's disk.img"
    let raw = folder.path + "/raw"
    try Data((0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 >> 9) }).write(to: URL(fileURLWithPath: raw))
    let choice = options.map { ["-o", $0] } ?? []
    try runProgram("/usr/bin/qemu-img", ["convert", "-f", "raw", "-O", format] + choice + [raw, path])
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let found = try #require(ContainerFormat(start: bytes.prefix(4096), end: bytes.suffix(512)))
    #expect(found == expected)
    try runProgram("/bin/sh", ["-c", found.conversion(of: path)])
    let converted = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path + ".raw")))
    // A fixed VHD is rounded up to a whole cylinder.
    #expect(converted.prefix(1 << 20).elementsEqual(try Data(contentsOf: URL(fileURLWithPath: raw))))
  }

  /// Formats of which qemu-img makes no example, by the bytes of their specifications.
  static let magics: [(offset: Int, magic: [UInt8], expected: ContainerFormat)] = [
    (0, Array("COWD".utf8) + [1, 0, 0, 0], .vmdk),
    (0, Array("WithoutFreeSpace".utf8) + [2, 0, 0, 0], .parallels),
    (0, [0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 2], .qcow2),
    (0, [0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 9], .qcow2),
    (64, [0x7f, 0x10, 0xda, 0xbe], .vdi),
    (4096 - 512, Array("conectix".utf8), .vhd),
    (4096 - 511, Array("conectix".utf8), .vhd),
  ]

  @Test("formats by their specification's bytes, the 511-byte footer of old VHDs too", arguments: magics)
  func written(offset: Int, magic: [UInt8], expected: ContainerFormat) {
    var bytes = [UInt8](repeating: 0, count: 4096)
    bytes.replaceSubrange(offset..<offset + magic.count, with: magic)
    #expect(ContainerFormat(start: bytes, end: bytes.suffix(512)) == expected)
  }

  @Test("what is raw is raw: zeros, LUKS, a boot sector, a magic elsewhere, nothing, too few bytes")
  func raw() {
    var blank = [UInt8](repeating: 0, count: 4096)
    #expect(ContainerFormat(start: blank, end: blank.suffix(512)) == nil)
    for magic in ["LUKS\u{ba}\u{be}", "\u{eb}", " QED", "conectiy"] {
      let bytes = Array(magic.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }) + blank
      #expect(ContainerFormat(start: bytes.prefix(4096), end: bytes.suffix(512)) == nil)
    }
    blank.replaceSubrange(4096 - 510..<4096 - 502, with: "conectix".utf8)
    #expect(ContainerFormat(start: blank, end: blank.suffix(512)) == nil)
    #expect(ContainerFormat(start: [], end: []) == nil)
    #expect(ContainerFormat(start: Array("QFI".utf8), end: Array("QFI".utf8)) == nil)
    #expect(ContainerFormat(start: Array(" conectix".utf8), end: Array(" conectix".utf8)) == nil)
  }

  @Test("one word for a shell, whatever the path holds")
  func words() throws {
    #expect("\(ShellWord("/srv/vm-1.qcow2"))" == "/srv/vm-1.qcow2")
    #expect("\(ShellWord(""))" == "''")
    #expect("\(ShellWord("a b"))" == "'a b'")
    #expect("\(ShellWord("it's $HOME `id`"))" == #"'it'\''s $HOME `id`'"#)
    #expect("\(ShellWord("a\nb\u{1b}[m'\\"))" == #"$'a\012b\033[m\'\\'"#)
    #expect("\(ShellWord("bidi\u{202e}"))" == #"$'bidi\342\200\256'"#)
    for word in ["a\nb\u{1b}[m'\\", "it's $HOME `id`", "\u{202e}9", "-n", "*", "~", "a;b", "\\"] {
      let check = "[ \"$1\" = \(ShellWord(word)) ]"
      try runProgram("/bin/bash", ["-c", check, "bash", word])
    }
  }

  @Test("the command takes a name for a file, never for a protocol or an option")
  func conversion() {
    #expect(
      ContainerFormat.vhd.conversion(of: "nbd:host")
        == "qemu-img convert -f vpc -O raw ./nbd:host ./nbd:host.raw")
    #expect(ContainerFormat.qcow2.conversion(of: "-x").hasSuffix(" ./-x ./-x.raw"))
    #expect(
      ContainerFormat.qed.conversion(of: "/a b")
        == "qemu-img convert -f qed -O raw '/a b' '/a b.raw'")
  }
}

/// A folder that goes with its owner.
private struct TemporaryFolder: ~Copyable {
  let path: String

  init() throws {
    let path = "/var/tmp/vmresync-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    self.path = path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
