import SystemPackage
import Testing

@testable import DeviceResync

@Suite("what only reads", .ownPlace, .tags(.devices, .slow)) struct ReadOnlyTests {
  /// All that a write would change.
  private struct Trace: Equatable {
    let bytes: [UInt64]
    let files: [FileStatus]

    init(_ loops: [String], _ images: [Image]) throws {
      bytes = try loops.map { try DeviceStat(String($0.dropFirst(5))).bytesChanged }
      files = try images.map { try $0.status() }
    }
  }

  @Test("compare, plan, devices and a dry run write nothing, by the kernel's count and the files' times")
  func writesNothing() throws {
    let pair = try TestPair(differing: .loops)
    let (loops, images) = ([pair.primary, pair.recovery], [pair.primaryImage, pair.recoveryImage])
    let before = try Trace(loops, images)
    expect(try Command.json(.compare, pair.primary, pair.recovery), 0, status: 1)
    expect(try Command.json(.plan, pair.primary, pair.recovery), 0)
    let devices = try Command.run("devices", pair.primary, pair.recovery)
    #expect(devices.status == 0)
    let dry = try Command.json(.resync, pair.primary, pair.recovery, ["--dry-run"])
    expect(dry, 0, status: 1)
    #expect(dry["BytesToWrite"].int == 4096)
    #expect(dry["BytesWritten"].int == 0)
    #expect(dry["Identical"].bool == false)
    #expect(try Trace(loops, images) == before)
    try pair.expectUntouched()
  }

  @Test("a dry run needs no --yes, is refused as the run would be, and ends in 0 where nothing differs")
  func dryRun() throws {
    let pair = try TestPair(differing: .images)
    let words = ["resync", "--dry-run", "--json", "--primary", pair.primary, "--recovery"]
    expect(try Report(Command.start(words + [pair.recovery]).wait()), 0, status: 1)
    expect(try Report(Command.start(words + [pair.primary]).wait()), 32773)
    let writer = try Child.holding(pair.recovery)
    expect(try Report(Command.start(words + [pair.recovery]).wait()), 32774)
    _ = writer.id
    let twin = try Image("twin", pair.primaryImage.bytes())
    let same = try Report(Command.start(words + [twin.path]).wait())
    expect(same, 0)
    #expect(same["BytesToWrite"].int == 0)
  }

  @Test("descriptors of a compare are all for reading, but for what it says")
  func descriptors() throws {
    let primary = try Image("primary", size: LongRun.size)
    let recovery = try Image("recovery", size: LongRun.size)
    let run = try LongRun(.compare, primary.path, recovery.path)
    let id = run.worker.id
    _ = try run.stopped {
      for number in try directoryNames(FilePath("/proc/\(id)/fd")) {
        let target = try linkTarget(FilePath("/proc/\(id)/fd/\(number)"))?.string ?? ""
        guard target.hasPrefix("/dev/loop") || target.hasPrefix(Place.ours.path) else { continue }
        let flags = try readText(FilePath("/proc/\(id)/fdinfo/\(number)")).split(separator: "\n")
          .first { $0.hasPrefix("flags:") }
        #expect(flags?.hasSuffix("0") == true, "\(target): \(flags ?? "")")
      }
    }
  }

  @Test("blkid and parted beside a resync change nothing, and it ends in 0")
  func beside() throws {
    let primary = try Image("primary", size: LongRun.size)
    let recovery = try Image("recovery", size: LongRun.size)
    try tool("sgdisk", "--new=1:2048:0", primary.path)
    try primary.write(randomBytes(8192, seed: 3), at: LongRun.size / 2)
    let source = try NamedLoop(primary.path)
    let target = try NamedLoop(recovery.path)
    let run = try LongRun(.resync, source.node, target.node)
    var rounds = 0
    while !run.child.hasEnded, rounds < 20 {
      for node in [source.node, target.node] {
        // Each of them may have nothing to say of a disk that is half written.
        _ = try Child(["parted", "--script", node, "print"]).wait()
        _ = try Child(["blkid", "--probe", node]).wait()
      }
      rounds += 1
    }
    let report = try run.finish()
    expect(report, 0)
    #expect(rounds > 0)
    #expect(report["BytesWritten"].int.map { $0 > 8192 } == true)
    try tool("cmp", primary.path, recovery.path)
  }
}
