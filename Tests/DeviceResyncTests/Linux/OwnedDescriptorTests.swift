import CLinux
import Foundation
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("descriptors")
struct OwnedDescriptorTests {
  /// A descriptor of a directory of its own, found in /proc: no other test can take its number's place.
  private func isOpen(_ path: FilePath) throws -> Bool {
    try directoryNames("/proc/self/fd").contains {
      (try? linkTarget(FilePath("/proc/self/fd").appending($0))) == path
    }
  }

  @Test("are closed when they are dropped, and when they are told to")
  func closes() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write("a", "x")
    do {
      let descriptor = try OwnedDescriptor(opening: file, .readOnly)
      #expect(try isOpen(file))
      #expect(try descriptor.read(1, at: 0) == [0x78])
    }
    #expect(try !isOpen(file))
    try OwnedDescriptor(opening: file, .readOnly).close()
    #expect(try !isOpen(file))
  }

  @Test("report what close(2) said")
  func reportsClose() throws {
    // A number far above what any test opens.
    #expect(throws: Errno.badFileDescriptor) { try OwnedDescriptor(adopting: 900_000).close() }
  }

  @Test("a second number leads to the same open file and outlives the first")
  func duplicates() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write("a", "x")
    let copy: OwnedDescriptor
    do {
      let first = try OwnedDescriptor(opening: file, .readWrite)
      try first.lock(ByteRange(offset: 0, length: 1), forWriting: true)
      copy = try first.duplicate()
    }
    let other = try OwnedDescriptor(opening: file, .readWrite)
    #expect(try other.isLockedByOthers(ByteRange(offset: 0, length: 1)), "the lock is the open file's")
    #expect(try copy.read(1, at: 0) == [0x78])
  }

  @Test(
    "never create what they cannot find",
    arguments: [OpenFlags.readOnly, .readWrite, [.readWrite, .claim], [.readWrite, .direct], .pathOnly])
  func neverCreates(_ flags: OpenFlags) throws {
    let directory = try TemporaryDirectory()
    for following in [false, true] {
      #expect(throws: Errno.noSuchFileOrDirectory) {
        _ = try OwnedDescriptor(opening: directory("gone"), flags, followingLinks: following)
      }
    }
    try directory.link("dangling", to: "gone")
    #expect(throws: Errno.noSuchFileOrDirectory) {
      _ = try OwnedDescriptor(opening: directory("dangling"), flags, followingLinks: true)
    }
    #expect(try directoryNames(directory.path) == ["dangling"], "nothing was made")
  }

  @Test("follow no link, at the end or on the way, unless asked to")
  func followsNoLink() throws {
    let directory = try TemporaryDirectory()
    try directory.write("real/a", "x")
    try directory.link("end", to: "real/a")
    try directory.link("way", to: "real")
    for name in ["end", "way/a"] {
      #expect(throws: Errno.tooManySymbolicLinkLevels) {
        _ = try OwnedDescriptor(opening: directory(name), .readOnly)
      }
      #expect(
        try OwnedDescriptor(opening: directory(name), .readOnly, followingLinks: true).read(1, at: 0) == [
          0x78
        ])
    }
    #expect(throws: Errno.tooManySymbolicLinkLevels) {
      _ = try OwnedDescriptor(opening: directory("end"), .noFollow, followingLinks: true)
    }
  }

  @Test("are closed in a program that this one starts")
  func closeOnExec() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write("canary", "x")
    let descriptor = try OwnedDescriptor(opening: file, .readOnly)
    let copy = try descriptor.duplicate()
    #expect(try !run("ls", "-l", "/proc/self/fd").output.contains("canary"))
    #expect(try copy.read(1, at: 0) == [0x78])
  }

  @Test("do not wait for a FIFO's writer")
  func fifo() throws {
    let directory = try TemporaryDirectory()
    try run("mkfifo", directory("fifo").string)
    let fifo = try OwnedDescriptor(opening: directory("fifo"), [.nonBlocking])
    #expect(try FileStatus(of: fifo).kind == .other)
  }

  @Test("read and write at a place, all of it, and only what is there")
  func moves() throws {
    let directory = try TemporaryDirectory()
    let file = try OwnedDescriptor(opening: try directory.write("a", "0123456789"), .readWrite)
    #expect(try file.read(4, at: 8) == Array("89".utf8))
    #expect(try file.read(4, at: 100) == [])
    try file.write(Array("ab".utf8), at: 1)
    #expect(try file.readAll(limit: 5) == Array("0ab34".utf8))
    #expect(try readText(directory("a")) == "0ab3456789")
    #expect(try readFile(directory("a"), limit: 3).count == 3)
    let reader = try OwnedDescriptor(opening: directory("a"), .readOnly)
    #expect(throws: Errno.badFileDescriptor) { try reader.write([0], at: 0) }
  }

  @Test("find data and holes, and no data after the last")
  func holes() throws {
    let file = try unnamedFile(size: 1 << 20, in: "/var/tmp")
    try file.write([1], at: 512 << 10)
    let data = try #require(try file.nextData(from: 0))
    #expect(data <= 512 << 10 && data > 0)
    #expect(try file.nextHole(from: data) <= 1 << 20)
    #expect(try file.nextData(from: (1 << 20) - 1) == nil)
    #expect(try file.nextData(from: 2 << 20) == nil)
    #expect(try file.nextHole(from: 0) == 0)
  }
}
