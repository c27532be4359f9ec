import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// PITFALLS D12, E5: a disk that hangs, wherever it is met, ends in an answer.
@Suite("a stall", .ownPlace, .tags(.devices, .slow)) struct StallTests {
  static let seconds = 2
  static let options = ["--stall-timeout", "\(seconds) s"]

  /// The worker's calls only: what the monitor asks for is no disk's.
  private static func delaying(_ call: String, on path: String, _ time: String) -> [String] {
    [
      "strace", "-f", "-o", "/dev/null", "-P", path, "-e", "trace=\(call)", "-e",
      "inject=\(call):delay_enter=\(time)",
    ]
  }

  /// Expects the answer to a stall in one of `phases`: it came when the time was over, as the monitor counts it, and
  /// not much later by this test's clock, on a machine that others use too.
  private func expectAnswer(
    _ child: inout Child?, while phases: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> Report {
    guard let child = child.take() else { throw Errno.noChildProcess }
    let report = try Report(child.wait(within: Double(Self.seconds) + 15))
    expect(report, 32772, sourceLocation: sourceLocation)
    let message = report.message
    #expect(message.hasPrefix("nothing has moved for 2"), "\(report)", sourceLocation: sourceLocation)
    let phase = message.split(separator: ";").first?.split(separator: " ").last.map(String.init) ?? ""
    #expect(phases.contains(phase), "\(report)", sourceLocation: sourceLocation)
    #expect(message.contains("was killed"), "\(report)", sourceLocation: sourceLocation)
    #expect(report["Identical"].bool != true, sourceLocation: sourceLocation)
    return report
  }

  @Test(
    "while comparing: the ranges in flight are named, and the next run waits for what is left of them",
    arguments: [Side.primary, .recovery])
  func comparing(_ side: Side) throws {
    let pair = try FaultPair()
    let place = FaultPair.difference.offset
    var child: Child? = try pair.start(.resync, Self.options)
    try pair.stalling(side, "read \(place)+4096") {
      let report = try expectAnswer(&child, while: "comparing")
      #expect(report.message.contains("of \(pair.node(side))"), "\(report)")
      let hung = report.pair()["Errors"].array.first {
        guard let offset = $0["Offset"].int, let length = $0["Length"].int else { return false }
        return $0["Device"].text == pair.node(side) && offset <= Int(place) && Int(place) < offset + length
      }
      #expect(hung?["Attempt"].text == "read" && hung?["ReturnValue"].int == 32772, "\(report)")
      #expect(report.message.contains("run again before it is used"), "\(report)")
    }
    try pair.expectHealing()
  }

  @Test("while looking at the disk's bytes: it is named, before anything is claimed")
  func probing() throws {
    let pair = try FaultPair()
    var child: Child?
    try pair.recovery.tell("stall read 0+4096")
    child = try pair.start(.resync, Self.options)
    defer { _ = try? pair.recovery.tell("release") }
    let report = try expectAnswer(&child, while: "planning")
    #expect(
      report.message.contains("read bytes 0–") && report.message.contains(pair.recovery.node), "\(report)")
    #expect(report.message.contains("nothing was written"), "\(report)")
  }

  @Test("devices answer too")
  func devices() throws {
    let pair = try FaultPair()
    try pair.recovery.tell("stall read 0+4096")
    defer { _ = try? pair.recovery.tell("release") }
    let words = ["devices", "--json"] + Self.options + [pair.recovery.node]
    var child: Child? = try Command.start(words)
    let report = try expectAnswer(&child, while: "planning")
    #expect(report.message.contains("probe \(pair.recovery.node)"), "\(report)")
  }

  @Test("in a system call on the recovery", arguments: ["openat2", "statx", "close"])
  func systemCall(_ call: String) throws {
    let pair = try TestPair(differing: .loops)
    let state = try StateDirectory()
    let words = Operation.resync.words(pair.primary, pair.recovery, state.options + Self.options)
    let child = try Command.start(words, through: Self.delaying(call, on: pair.recovery, "60s"))
    // strace itself ends with the delay, and not with whom it delays.
    let hasAnswered = try eventually(within: Double(Self.seconds) + 15) { try child.said().hasSuffix("}\n") }
    try #require(hasAnswered)
    let answer = try JSONValue(parsing: child.said())
    #expect(answer["ReturnValue"].int == 32772)
    let message = try #require(answer["Message"].text)
    #expect(message.hasPrefix("nothing has moved for 2") && message.contains("was killed"), "\(message)")
    let phases = ["planning", "claiming", "settling", "checking", "recording", "closing"]
    #expect(phases.contains { message.contains(" while \($0);") }, "\(message)")
  }

  @Test("while settling, in a flush: who still holds the disk is named")
  func settling() throws {
    let pair = try FaultPair()
    var child: Child? = try pair.start(.resync, Self.options)
    try pair.recovery.stalling("sync *") {
      let report = try expectAnswer(&child, while: "settling")
      #expect(report.message.contains("write back the cache of \(pair.recovery.node)"), "\(report)")
      #expect(
        report.message.contains("still holds") && report.message.contains(pair.recovery.node), "\(report)")
      #expect(report.message.contains("nothing was written"), "\(report)")
    }
    try pair.expectHealing()
  }

  @Test("in the flush after the writes, though they had moved")
  func flushing() throws {
    let pair = try FaultPair()
    var child: Child? = try pair.start(.resync, Self.options)
    defer { _ = try? pair.recovery.tell("release") }
    try pair.recovery.tell("stall write *")
    let isWriting = try eventually(within: 20) { try pair.recovery.statistics().waiting == 1 }
    #expect(isWriting)
    // The write goes on when the next flush is to be held up.
    try pair.recovery.tell("release\nstall sync *")
    let isFlushing = try eventually(within: 20) { try pair.recovery.statistics().waiting == 1 }
    #expect(isFlushing)
    let report = try expectAnswer(&child, while: "flushing")
    #expect(report.message.contains("flush \(pair.recovery.node)"), "\(report)")
    #expect(report.message.contains("mixed"), "\(report)")
  }

  @Test("not in the long flush of a checkpoint, while the disk answers others")
  func longFlush() throws {
    let pair = try TestPair(differing: .loops)
    let reader = try Child([
      "sh", "-c", "while dd if=\"$0\" of=/dev/null iflag=direct bs=4096 count=1; do sleep 0.2; done",
      pair.recovery,
    ])
    let words = Operation.resync.words(
      pair.primary, pair.recovery,
      inPlace + ["--chunk-size", "64K", "--checkpoint-every", "64K"] + Self.options)
    let start = SuspendingClock.now
    // The first is that of settling.
    let wrapper = Self.delaying("fdatasync", on: pair.recovery, "\(Self.seconds + 3)s:when=2")
    let report = try Report(Command.start(words, through: wrapper).wait(within: 60))
    expect(report, 0)
    #expect(SuspendingClock.now - start > .seconds(Self.seconds + 2), "a flush was held up")
    _ = reader.id
  }

  @Test("while applying: the commit stands, and repair finishes it")
  func applying() throws {
    let pair = try FaultPair()
    let state = try StateDirectory()
    let words = Operation.resync.words(pair.primary.node, pair.recovery.node, state.options + Self.options)
    var child: Child? = try Command.start(words)
    try pair.recovery.stalling("write *") {
      let report = try expectAnswer(&child, while: "applying")
      #expect(report.message.contains("write bytes \(FaultPair.difference.offset)"), "\(report)")
      let way = "finish it with: vmresync repair \(pair.recovery.node) --state-dir \(state.path)"
      #expect(report.message.contains("the commit stands; \(way)"), "\(report)")
      #expect(try state.states() == ["Applying"])
    }
    expect(try state.repair(pair.recovery.node), 0)
    #expect(areEqual(try pair.recovery.bytes(), FaultPair.bytes))
    try state.expect("Consistent")
  }

  @Test("of the disk of the staging file: nothing was written")
  func staging() throws {
    let disk = try FaultDisk([UInt8](repeating: 0, count: 64 << 20))
    try tool("mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=0", disk.node)
    let mount = try Child.mounting(disk.node, at: Place.ours("mounted"))
    let inside = ["nsenter", "--target", "\(mount.id)", "--mount", "--"]
    let pair = try TestPair(differing: .images)
    let state = Place.ours("mounted/state")
    let words = Operation.resync.words(
      pair.primary, pair.recovery, ["--write-back", "staged", "--state-dir", state] + Self.options)
    var child: Child? = try Command.start(words, through: inside)
    try disk.stalling("write *") {
      guard let run = child.take() else { throw Errno.noChildProcess }
      let report = try Report(run.wait(within: Double(Self.seconds) + 15))
      expect(report, 32772)
      // The job's record lies there too: it is not waited for, neither at the beginning nor at the end.
      let isBeginning = report.message.contains("the process that keeps job records")
      #expect(isBeginning || report.message.contains("nothing was written"), "\(report)")
    }
    try pair.expectUntouched()
  }

  @Test("of the worker itself, stopped by SIGSTOP, is told as that", arguments: [Operation.compare, .resync])
  func stopped(_ operation: Operation) throws {
    let primary = try Image("primary", size: LongRun.size)
    let recovery = try Image("recovery", size: LongRun.size)
    let run = try LongRun(operation, primary.path, recovery.path, Self.options)
    run.worker.stop()
    let worker = run.worker
    let report = try run.finish()
    expect(report, 32772)
    #expect(report.message.contains("SIGSTOP") && report.message.contains("while comparing"), "\(report)")
    let isGone = eventually(within: 5) { worker.hasEnded }
    #expect(isGone)
  }

  @Test("is none while disks are only slow, nor while the monitor itself was stopped")
  func slow() throws {
    let pair = try FaultPair()
    // Where a plan does not look.
    for side in Side.allCases { try pair.tell(side, "delay read \(2 << 20)+1048576 500") }
    let options = ["--chunk-size", "256K", "--queue-depth", "1", "--full", "--stall-timeout", "4s"]
    let run = try pair.start(.compare, options)
    let worker = try run.worker()
    let isReading = try eventually(within: 20) { try pair.primary.statistics().waiting > 0 }
    #expect(isReading)
    run.signal(SIGSTOP)
    worker.stop()
    pause(milliseconds: 6000)
    run.signal(SIGCONT)
    worker.signal(SIGCONT)
    expect(try Report(run.wait()), 0, status: 1)
  }

  @Test("is none while a person is asked, however long that takes")
  func asking() throws {
    let pair = try TestPair(differing: .images)
    let command =
      ([Command.path, "resync", "--primary", pair.primary, "--recovery", pair.recovery, "--progress", "none"]
      + ["--write-back", "staged", "--state-dir", Place.ours("state"), "--stall-timeout", "1s"])
      .joined(separator: " ")
    let child = try Child(["script", "--quiet", "--flush", "--return", "--command", command, "/dev/null"])
    try child.waitUntilItSays("[y/N]")
    pause(milliseconds: 2500)
    try child.say("y\n")
    let ended = try child.wait()
    #expect(ended.status == 0, "\(ended)")
  }
}

/// `--max-duration`.
@Suite("a run whose time is over", .ownPlace, .tags(.devices, .slow)) struct MaxDurationTests {
  /// Long enough to come to the bytes, on a machine that others use too.
  static let seconds = 10
  static let options = ["--max-duration", "\(seconds)s"]

  /// Waits until the time of a run that was started at `start` is over.
  private func waitUntilOver(_ start: ContinuousClock.Instant) {
    _ = eventually(within: 60) { ContinuousClock.now > start + .seconds(Self.seconds + 2) }
  }

  @Test("ends in order with 32772: staged, the recovery stands")
  func staged() throws {
    let pair = try FaultPair()
    let state = try StateDirectory()
    let start = ContinuousClock.now
    let run = try Command.start(
      Operation.resync.words(pair.primary.node, pair.recovery.node, state.options + Self.options))
    try pair.primary.stalling("read \(3 << 20)+4096") { waitUntilOver(start) }
    let report = try Report(run.wait())
    expect(report, 32772)
    #expect(report.message.contains("--max-duration") && !report.message.contains("mixed"), "\(report)")
    #expect(areEqual(try pair.recovery.bytes(), FaultPair.old))
    try state.expect("Never")
  }

  @Test("in place it is mixed, and says so")
  func inPlace() throws {
    let pair = try FaultPair()
    let start = ContinuousClock.now
    let run = try pair.start(.resync, Self.options)
    try pair.recovery.stalling("write *") { waitUntilOver(start) }
    let report = try Report(run.wait())
    expect(report, 32772)
    #expect(report.message.contains("mixed"), "\(report)")
    #expect(try pair.recovery.log().last?.kind == .sync)
    try pair.expectHealing()
  }

  @Test("beyond the commit it is finished all the same")
  func committed() throws {
    let pair = try FaultPair()
    let state = try StateDirectory()
    let start = ContinuousClock.now
    let run = try Command.start(
      Operation.resync.words(pair.primary.node, pair.recovery.node, state.options + Self.options))
    try pair.recovery.stalling("write *") { waitUntilOver(start) }
    expect(try Report(run.wait()), 0)
    #expect(areEqual(try pair.recovery.bytes(), FaultPair.bytes))
    try state.expect("Consistent")
  }

  @Test("before the run it ends at once, also while a disk hangs")
  func early() throws {
    let pair = try FaultPair()
    try pair.recovery.tell("stall read 0+4096")
    defer { _ = try? pair.recovery.tell("release") }
    let report = try Report(pair.start(.resync, ["--max-duration", "1s"]).wait(within: 20))
    expect(report, 32772)
    #expect(
      report.message.contains("could not start") && report.message.contains("--max-duration"), "\(report)")
  }
}
