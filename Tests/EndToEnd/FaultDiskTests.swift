import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// What the other suites rely on: the fault disk does what its manual says.
@Suite("the fault disk", .ownPlace, .tags(.devices, .slow)) struct FaultDiskTests {
  private static let megabyte = randomBytes(1 << 20, seed: 1)

  @Test(
    "its loop passes these errnos on unchanged, from the exact block",
    arguments: [
      "EIO", "ENODATA", "EREMOTEIO", "EILSEQ", "ENOSPC", "ETIMEDOUT", "ETIME", "EBADE", "ENOLINK", "ENODEV",
      "EOPNOTSUPP", "EINVAL", "ENOMEM", "EBUSY",
    ])
  func passesErrno(_ name: String) throws {
    let disk = try FaultDisk(Self.megabyte)
    try disk.tell("fail read 8192+4096 \(name)")
    let device = try OwnedDescriptor(opening: FilePath(disk.node), [.readOnly, .direct])
    let failure = #expect(throws: Errno.self) { try device.readDirect(4096, at: 8192) }
    #expect(failure?.name == name)
    #expect(areEqual(try device.readDirect(4096, at: 4096), Array(Self.megabyte[4096..<8192])))
    #expect(areEqual(try device.readDirect(4096, at: 12288), Array(Self.megabyte[12288..<16384])))
  }

  @Test("its loop makes EIO of others", arguments: ["ENXIO", "EROFS", "ENOMEDIUM"])
  func changesErrno(_ name: String) throws {
    let disk = try FaultDisk(Self.megabyte)
    try disk.tell("fail read * \(name)")
    let device = try OwnedDescriptor(opening: FilePath(disk.node), [.readOnly, .direct])
    #expect(throws: Errno.ioError) { try device.readDirect(4096, at: 8192) }
  }

  @Test("skip and times choose which requests are hit")
  func counts() throws {
    let disk = try FaultDisk(Self.megabyte)
    try disk.tell("fail write 4096+512 ENOSPC skip 1 times 2")
    let outcomes = (0..<5).map { _ in (try? disk.write([1], at: 4100)) != nil }
    #expect(outcomes == [true, false, false, true, true])
    try disk.write([1], at: 4608)
    #expect(try disk.statistics().write == FaultDisk.Statistics.Count(requests: 6, bytes: 4, failed: 2))
  }

  @Test("a torn write lands as far as said, and fails")
  func tears() throws {
    let disk = try FaultDisk([UInt8](repeating: 0, count: 16384))
    try disk.tell("tear 5000 EIO times 1")
    #expect(throws: Errno.ioError) { try disk.write([UInt8](repeating: 7, count: 8192), at: 4096) }
    let bytes = try disk.bytes()
    #expect(bytes[4095] == 0 && bytes[4096] == 7 && bytes[4999] == 7 && bytes[5000] == 0)
    #expect(try disk.tell("log") == ["0 write 4096 8192 904 EIO"])
  }

  @Test("a short transfer moves as many bytes as said, and succeeds")
  func shortens() throws {
    let disk = try FaultDisk([UInt8](repeating: 0, count: 16384))
    try disk.tell("short write * 512 times 1")
    try disk.write([UInt8](repeating: 7, count: 1024), at: 0)  // Writes the rest by a second call.
    #expect(try disk.tell("log") == ["0 write 0 1024 512 ok", "1 write 512 512 512 ok"])
  }

  @Test("its loop reads a short read to its end")
  func repeatsShortReads() throws {
    let disk = try FaultDisk(Self.megabyte)
    try disk.tell("short read 8192+1 512 times 3")
    let device = try OwnedDescriptor(opening: FilePath(disk.node), [.readOnly, .direct])
    #expect(areEqual(try device.readDirect(8192, at: 8192), Array(Self.megabyte[8192..<16384])))
    #expect(try disk.statistics().read.requests >= 2)
  }

  @Test("a cut takes back what came after the last sync, and that only")
  func cuts() throws {
    let disk = try FaultDisk([UInt8](repeating: 0, count: 16384))
    try disk.write([1, 1, 1], at: 100)
    try disk.sync()
    try disk.write([2, 2], at: 101)
    try disk.write([3, 3], at: 102)
    #expect(try disk.statistics().volatileBytes == 4)
    #expect(try disk.bytes()[100..<105] == [1, 2, 3, 3, 0])
    try disk.tell("cut")
    #expect(try disk.bytes()[100..<105] == [1, 1, 1, 0, 0])
    #expect(try disk.log().map(\.kind) == [.write, .sync, .write, .write, .cut])
    #expect(try disk.statistics().volatileBytes == 0)
  }

  @Test("a failed sync and a lie make nothing durable", arguments: ["fail sync * EIO times 1", "lie on"])
  func liesAboutSync(_ command: String) throws {
    let disk = try FaultDisk([UInt8](repeating: 0, count: 4096))
    try disk.tell(command)
    try disk.write([1], at: 0)
    _ = try? disk.sync()
    #expect(try disk.log().last?.outcome == (command == "lie on" ? "lie" : "EIO"))
    try disk.tell("cut")
    #expect(try disk.bytes()[0] == 0)
  }

  @Test("a cut with a seed keeps whole blocks, the same ones each time", arguments: [512, 4096])
  func cutsBySeed(_ block: Int) throws {
    func survivors(_ seed: Int) throws -> [Bool] {
      let disk = try FaultDisk([UInt8](repeating: 0, count: 65536))
      try disk.write([UInt8](repeating: 7, count: 65536), at: 0)
      try disk.tell(block == 512 ? "cut \(seed)" : "cut \(seed) \(block)")
      let bytes = try disk.bytes()
      return (0..<65536 / block).map { number in
        let part = bytes[number * block..<(number + 1) * block]
        #expect(part.allSatisfy { $0 == part.first }, "block \(number) is torn")
        return part.first == 7
      }
    }
    let one = try survivors(1)
    #expect(one.contains(true) && one.contains(false))
    #expect(try survivors(1) == one)
    #expect(try survivors(2) != one)
  }

  @Test("what its log keeps rebuilds every state that the disk went through")
  func keepsData() throws {
    var expected = [UInt8](repeating: 0, count: 65536)
    let disk = try FaultDisk(expected)
    try disk.tell("keep on")
    var random = SplitMix64(seed: 5)
    for byte in UInt8(1)...40 {
      let start = Int.random(in: 0..<60000, using: &random)
      try disk.write([UInt8](repeating: byte, count: 5000), at: UInt64(start))
    }
    try tool("blkdiscard", "--offset", "4096", "--length", "8192", disk.node)
    for (number, entry) in try disk.log().enumerated() where entry.moved > 0 {
      let bytes = try disk.ask("data \(number)")
      #expect(bytes.count == Int(entry.moved))
      let start = Int(entry.range.offset)
      expected.replaceSubrange(start..<start + bytes.count, with: bytes)
    }
    #expect(
      try disk.log().contains { $0.kind == .discard && $0.range == ByteRange(offset: 4096, length: 8192) })
    #expect(areEqual(try disk.bytes(), expected))
  }

  @Test("what is no command is refused")
  func refuses() throws {
    let disk = try FaultDisk([UInt8](repeating: 0, count: 4096))
    for command in [
      "nonsense", "fail", "fail read", "fail read *", "fail read * ENONSENSE", "fail read 1-2 EIO",
      "fail read * EIO times",
      "fail read * EIO often 2", "tear 5", "delay read *", "lie", "keep maybe", "data 0", "cut x", "cut 1 0",
      "log x",
      "fail read 18446744073709551615+1 EIO",
    ] {
      let refusal = #expect(throws: FaultDisk.Refusal.self, "\(command)") { try disk.tell(command) }
      #expect(refusal?.errno == .invalidArgument)
    }
  }

  @Test("it dies with its parent, and its loop with both")
  func diesWithParent() throws {
    let server = FilePath(Command.path).removingLastComponent().appending("fault-disk").string
    let parent = try Child(["bash", "-c", #""$1" 1048576 & echo "$!"; wait"#, "bash", server])
    try parent.waitUntilItSays("/proc/")
    let lines = try parent.said().split(separator: "\n").sorted()
    let (root, id) = (String(lines[0]), String(lines[1]))
    let loop = try NamedLoop("\(root)/disk")
    parent.signal(SIGKILL)
    #expect(eventually(within: 5) { access("/proc/\(id)", F_OK) != 0 })
    let device = try OwnedDescriptor(opening: FilePath(loop.node), [.readOnly, .direct])
    #expect(throws: Errno.ioError) { try device.readDirect(4096, at: 0) }
  }
}
