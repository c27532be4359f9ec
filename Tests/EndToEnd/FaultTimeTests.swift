import Glibc
import Testing

@testable import DeviceResync

/// PITFALLS D11, D17, E1, E4: disks that are slow, stand still or go away.
@Suite("slow and vanishing disks", .ownPlace, .tags(.devices, .slow)) struct FaultTimeTests {
  @Test("answers in another order than asked for change nothing")
  func reordered() throws {
    let pair = try FaultPair()
    for number in [0, 2, 5] {
      try pair.primary.tell("delay read * 60 skip \(number) times 1")
      try pair.recovery.tell("delay read * 90 skip \(number + 1) times 1")
    }
    try pair.recovery.tell("delay write * 50 times 1")
    let report = try pair.run(.resync, ["--chunk-size", "64K"])
    expect(report, 0)
    #expect(report["BytesWritten"].int == Int(FaultPair.difference.length))
    #expect(areEqual(try pair.recovery.bytes(), FaultPair.bytes))
  }

  @Test("a disk that vanishes during the run ends it with an error", arguments: [Side.primary, .recovery])
  func vanishes(_ side: Side) throws {
    let pair = try FaultPair()
    let run = try pair.start()
    try pair.stalling(side, "read \(FaultPair.difference.offset)+4096") { pair.crash(side) }
    let report = try Report(run.wait(within: 20))
    #expect(report.value == 32768 || report.value == 32777, "\(report)")
    #expect(report.pair()["Errors"][0]["Side"].text == side.name)
    #expect(report["Identical"].bool != true)
  }

  @Test("the same in the middle of a write")
  func vanishesWhileWriting() throws {
    let pair = try FaultPair()
    let run = try pair.start()
    try pair.recovery.stalling("write *") { pair.recovery.crash() }
    let report = try Report(run.wait(within: 20))
    #expect(report.value == 32768 || report.value == 32777, "\(report)")
    #expect(report.pair()["Errors"][0]["Attempt"].text == "write")
  }

  @Test("after kill -9 the next run waits until the former one's write has ended, then completes")
  func killed() throws {
    let pair = try FaultPair()
    try pair.recovery.tell("delay write * 2500 times 1")
    let former = try pair.start()
    let isWriting = try eventually(within: 20) { try pair.recovery.statistics().waiting == 1 }
    #expect(isWriting)
    try former.worker().signal(SIGKILL)
    #expect(try pair.recovery.statistics().waiting == 1, "its write is still on its way")
    #expect(try pair.recovery.log().allSatisfy { $0.kind != .write })

    let report = try pair.run()
    expect(report, 0)
    let log = try pair.recovery.log()
    let landed = try #require(log.firstIndex { $0.kind == .write })
    #expect(landed == 1, "the former run's write lands before the next one's first sync: \(log)")
    #expect(report["BytesWritten"].int == 0, "it was there when the next run read")
    let ended = try former.wait()
    #expect(ended.wasKilled, "\(ended)")
    try pair.expectHealing()
  }

  @Test("the same of an image, whose loop and locks outlive the run too")
  func killedOnImage() throws {
    let disk = try FaultDisk([UInt8](repeating: 0, count: 32 << 20))
    // Nothing but the run writes: no journal, and nothing that mkfs leaves to the mount.
    try tool("mkfs.ext4", "-q", "-O", "^has_journal", "-E", "lazy_itable_init=0", disk.node)
    let mount = try Child.mounting(disk.node, at: Place.ours("mounted"))
    let inside = ["nsenter", "--target", "\(mount.id)", "--mount", "--"]
    let primary = try Image("primary", randomBytes(1 << 20, seed: 1))
    let other = try Image("other", randomBytes(1 << 20, seed: 2))
    let recovery = Place.ours("mounted/recovery")
    _ = try Child(inside + ["cp", other.path, recovery]).wait()
    _ = try Child(inside + ["sync", "--file-system", recovery]).wait()
    try disk.tell("settle\ndelay write * 2500 times 1")
    let words = Operation.resync.words(primary.path, recovery, inPlace)
    let former = try Command.start(words, through: inside)
    let isWriting = try eventually(within: 20) { try disk.statistics().waiting == 1 }
    #expect(isWriting)
    try former.worker().signal(SIGKILL)

    let next = try Command.start(words, through: inside)
    #expect(try disk.statistics().waiting == 1, "the former run's write is still on its way")
    expect(try Report(next.wait()), 0)
    let ended = try former.wait()
    #expect(ended.wasKilled, "\(ended)")
    #expect(try disk.statistics().waiting == 0)
    #expect(try Child(inside + ["cmp", primary.path, recovery]).wait().status == 0)
  }

  /// Asks a run to end that has something in flight, which it waits for.
  private func terminate(_ run: borrowing Child) throws {
    run.signal(SIGTERM)
    try run.waitUntilEnding()
    let hasEnded = eventually(within: 0.2) { run.hasEnded }
    #expect(!hasEnded, "what is in flight is waited for")
  }

  @Test(
    "a run that waits for a read answers SIGTERM when the disk does", arguments: [Side.primary, .recovery])
  func terminated(_ side: Side) throws {
    let pair = try FaultPair()
    let run = try pair.start(.resync, Child.tellsEvents)
    try pair.stalling(side, "read \(3 << 20)+4096") {
      try terminate(run)
    }
    let report = try Report(run.wait(within: 20))
    expect(report, 32768, status: 21)
    #expect(report.message.contains("ended by request or signal"))
    try pair.expectHealing()
  }

  @Test("a run that waits for a write drains and flushes on SIGTERM, and says that the recovery is mixed")
  func terminatedWhileWriting() throws {
    let pair = try FaultPair()
    let run = try pair.start(.resync, Child.tellsEvents)
    try pair.recovery.stalling("write *") {
      try terminate(run)
    }
    let report = try Report(run.wait(within: 20))
    expect(report, 32768, status: 21)
    #expect(report.message.contains("mixed"))
    let log = try pair.recovery.log()
    #expect(log.last?.kind == .sync, "\(log)")
    #expect(try pair.recovery.statistics().volatileBytes == 0)
    try pair.expectHealing()
  }
}
