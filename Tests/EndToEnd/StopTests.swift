import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("any stop", .ownPlace, .tags(.devices, .slow)) struct StopTests {
  /// A sparse pair with a differing block in every MiB.
  private func pair(size: UInt64 = 256 << 20) throws -> (primary: Image, recovery: Image) {
    let primary = try Image("primary", size: size)
    for place in stride(from: UInt64(0), to: size, by: 1 << 20) {
      try primary.write(randomBytes(512, seed: place), at: place)
    }
    return (primary, try Image("recovery", size: size))
  }

  private func expectEqual(_ one: Image, _ other: Image) throws {
    try tool("cmp", one.path, other.path)
  }

  @Test("kill -9 at any time leaves no loop, and the next run completes", arguments: [Form.images, .loops])
  func killed(_ form: Form) throws {
    let images = try pair()
    let primaryLoop = try TestPair.loop(images.primary, 512, form == .loops)
    let recoveryLoop = try TestPair.loop(images.recovery, 512, form == .loops)
    let primary = TestPair.path(primaryLoop, images.primary)
    let recovery = TestPair.path(recoveryLoop, images.recovery)
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix64(seed: seed)
    var met = 0
    for round in 0..<10 {
      let child = try Command.start(Operation.resync.words(primary, recovery, LongRun.options))
      // A time, not an event: anywhere between its start and its end.
      _ = eventually(within: 60) { WorkerProcess.running(below: child.id) != nil || child.hasEnded }
      pause(milliseconds: .random(in: 0...500, using: &random))
      WorkerProcess.running(below: child.id)?.signal(SIGKILL)
      let ended = try child.wait()
      #expect(ended.wasKilled || ended.status == 0, "seed \(seed), round \(round): \(ended)")
      if ended.wasKilled { met += 1 }
      if form == .images {
        let isGone = eventually(within: 2) {
          !isAttached(images.primary.path) && !isAttached(images.recovery.path)
        }
        #expect(isGone, "a loop is left, seed \(seed), round \(round)")
      }
      if round % 4 == 3 {
        expect(try Command.json(.resync, primary, recovery), 0)
        try expectEqual(images.primary, images.recovery)
        // New differences for the next rounds.
        for place in stride(from: UInt64(4096), to: 256 << 20, by: 3 << 20) {
          try images.primary.write([UInt8(round)], at: place)
        }
        if form == .loops { try OwnedDescriptor(opening: FilePath(primary), .readOnly).dropCaches() }
      }
    }
    #expect(met > 0, "no run was killed, seed \(seed)")
    let report = try Command.json(.resync, primary, recovery)
    expect(report, 0)
    try expectEqual(images.primary, images.recovery)
    expect(try Command.json(.compare, primary, recovery, ["--full"]), 0)
  }

  private func isAttached(_ path: String) -> Bool {
    ((try? directoryNames("/sys/block")) ?? []).contains { name in
      (try? readText(FilePath("/sys/block/\(name)/loop/backing_file"))) == path + "\n"
    }
  }

  @Test(
    "a signal ends a resync in order: exit 21, what was written is said",
    arguments: [SIGINT, SIGTERM, SIGHUP])
  func signalled(_ number: CInt) throws {
    let images = try pair(size: LongRun.size)
    let run = try LongRun(.resync, images.primary.path, images.recovery.path)
    run.child.signal(number)
    let report = try run.finish()
    expect(report, 32768, status: 21)
    let written = report["BytesWritten"].int ?? 0
    #expect(written > 0 && written < 1024 * 4096)
    #expect(report.message.contains("signal") && report.message.contains("mixed"))
    #expect(report.pair()["ReturnValue"].int == 32768)
    // What it says was written is there: the blocks from the first on.
    #expect(areEqual(try images.recovery.bytes(4096, at: 0), try images.primary.bytes(4096, at: 0)))

    let again = try Command.json(.resync, images.primary.path, images.recovery.path)
    expect(again, 0)
    #expect(again["BytesWritten"].int == 1024 * 4096)
    try expectEqual(images.primary, images.recovery)
  }

  @Test("a signal ends a compare, which left nothing mixed", arguments: [SIGINT, SIGTERM, SIGHUP])
  func compareSignalled(_ number: CInt) throws {
    let images = try pair(size: LongRun.size)
    let run = try LongRun(.compare, images.primary.path, images.recovery.path)
    run.child.signal(number)
    let report = try run.finish()
    expect(report, 32768, status: 21)
    #expect(!report.message.contains("mixed"))
    #expect(report["Identical"].bool != true)
  }

  @Test("two signals, and a signal before the first byte is read")
  func early() throws {
    let images = try pair(size: LongRun.size)
    let run = try LongRun(.resync, images.primary.path, images.recovery.path)
    run.child.signal(SIGTERM)
    run.child.signal(SIGTERM)
    expect(try run.finish(), 32768, status: 21)

    let child = try Command.start(
      Operation.resync.words(images.primary.path, images.recovery.path, LongRun.options))
    let id = child.id
    // Signals are blocked before the plan is made: from then on they end it in order.
    let isReady = eventually(within: 10) {
      (try? readText(FilePath("/proc/\(id)/status")))?.split(separator: "\n")
        .contains { $0.hasPrefix("SigBlk:") && $0.hasSuffix("4003") } ?? false
    }
    try #require(isReady)
    child.signal(SIGTERM)
    let report = try Report(child.wait())
    expect(report, 32768, status: 21)
    #expect(report["BytesWritten"].int == 0)
  }
}
