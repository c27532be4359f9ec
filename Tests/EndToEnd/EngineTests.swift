import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// PITFALLS E8: hosts and containers that forbid io_uring.
@Suite("threads instead of a ring", .ownPlace, .tags(.devices, .slow)) struct EngineTests {
  static let threads = ["--engine", "threads"]
  /// Kills whoever enters a ring.
  static let withoutRing = injecting("io_uring_enter:signal=SIGKILL")

  /// Every kind of difference, zeros and a last sector among them.
  private func pair(_ form: Form = .loops) throws -> TestPair {
    var bytes = randomBytes(9 << 20, seed: 21)
    for place in 2 << 20..<3 << 20 { bytes[place] = 0 }
    var other = bytes
    for place in stride(from: 0, to: bytes.count, by: 8192) { other[place] ^= 1 }
    for place in 5 << 20..<6 << 20 { other[place] = ~bytes[place] }
    other[other.count - 1] ^= 1
    return try TestPair(bytes, other, form)
  }

  private func expectEqual(_ pair: borrowing TestPair, _ before: [UInt8]) throws {
    #expect(areEqual(try pair.primaryImage.bytes(), before), "the primary changed")
    #expect(areEqual(try pair.recoveryImage.bytes(), before))
  }

  @Test(
    "where the kernel gives no ring, threads move the bytes, and the result says so",
    arguments: ["EPERM", "ENOSYS"], RunRequest.WriteBack.allCases)
  func forbidden(_ errno: String, _ writeBack: RunRequest.WriteBack) throws {
    let state = try StateDirectory()
    let pair = try pair()
    let bytes = try pair.primaryImage.bytes()
    let wrapper = injecting("io_uring_setup:error=\(errno)")
    let options = ["--write-back", writeBack.rawValue, "--state-dir", state.path, "--verify"]
    let found = try Command.json(.compare, pair.primary, pair.recovery, through: wrapper)
    expect(found, 0, status: 1)
    #expect(found.pair()["Engine"].text == "threads")
    let different = Oracle(bytes, try pair.recoveryImage.bytes()).bytesDifferent
    #expect(found["BytesDifferent"].int == Int(different))

    let report = try Command.json(.resync, pair.primary, pair.recovery, options, through: wrapper)
    expect(report, 0)
    #expect(report.pair()["Engine"].text == "threads")
    #expect(report["BytesWritten"].int == Int(different))
    #expect(try #require(report["BytesVerified"].int) >= Int(different))
    try expectEqual(pair, bytes)
  }

  @Test("where a ring is asked for and forbidden, nothing is done", arguments: ["EPERM", "ENOSYS"])
  func refused(_ errno: String) throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: .images)
    let wrapper = injecting("io_uring_setup:error=\(errno)")
    let ring = ["--engine", "io_uring"]
    let report = try state.resync(pair.primary, pair.recovery, ring, through: wrapper)
    expect(report, 32770)
    for part in [errno, "--engine auto"] { #expect(report.message.contains(part), "\(report)") }
    try pair.expectUntouched()
    expect(try state.repair(pair.recovery, options: ring, through: wrapper), 32770)
    let allowed = try state.resync(pair.primary, pair.recovery, ring)
    expect(allowed, 0)
    #expect(allowed.pair()["Engine"].text == "io_uring")
  }

  @Test("threads that are asked for enter no ring", arguments: Form.allCases, RunRequest.WriteBack.allCases)
  func asked(_ form: Form, _ writeBack: RunRequest.WriteBack) throws {
    let state = try StateDirectory()
    let pair = try pair(form)
    let bytes = try pair.primaryImage.bytes()
    let options = ["--write-back", writeBack.rawValue, "--state-dir", state.path, "--verify"] + Self.threads
    let plan = try Command.start(
      ["plan", "--primary", pair.primary, "--recovery", pair.recovery] + options, through: Self.withoutRing
    ).wait()
    #expect(plan.output.contains("through threads"), "\(plan)")
    let report = try Command.json(.resync, pair.primary, pair.recovery, options, through: Self.withoutRing)
    expect(report, 0)
    #expect(report.pair()["Engine"].text == "threads")
    try expectEqual(pair, bytes)
  }

  @Test("what a killed run committed is finished and proved by threads")
  func repair() throws {
    let state = try StateDirectory()
    let pair = try pair()
    let bytes = try pair.primaryImage.bytes()
    _ = try state.leaveApplying(pair.primary, pair.recovery)
    let report = try state.repair(pair.recovery, options: Self.threads, through: Self.withoutRing)
    expect(report, 0)
    #expect(report["Engine"].text == "threads")
    try expectEqual(pair, bytes)
    try state.expect("Consistent")
    let idle = try state.repair(pair.recovery)
    #expect(idle["Engine"].text == nil, "\(idle)")
  }

  @Test("calls that a signal interrupts are made again", arguments: ["preadv2", "pwritev2"])
  func interrupted(_ call: String) throws {
    let state = try StateDirectory()
    let pair = try pair()
    let bytes = try pair.primaryImage.bytes()
    let report = try state.resync(
      pair.primary, pair.recovery, Self.threads, through: injecting("\(call):error=EINTR:when=2+3"))
    expect(report, 0)
    try expectEqual(pair, bytes)
  }

  @Test("a shortage that passes is no error", arguments: ["ENOMEM", "EBUSY", "ENOLINK", "EAGAIN"])
  func shortage(_ errno: String) throws {
    let state = try StateDirectory()
    let pair = try pair()
    let bytes = try pair.primaryImage.bytes()
    for call in ["preadv2", "pwritev2"] {
      let report = try state.resync(
        pair.primary, pair.recovery, Self.threads + ["--write-back", "in-place"],
        through: injecting("\(call):error=\(errno):when=3..5"))
      expect(report, 0)
    }
    try expectEqual(pair, bytes)
  }

  @Test("a failed read or write ends the run with its value, side and range", arguments: ["read", "write"])
  func fails(_ kind: String) throws {
    let pair = try FaultPair()
    try pair.recovery.tell("fail \(kind) \(FaultPair.difference.offset + 4096)+4096 ENODATA")
    let report = try pair.run(.resync, Self.threads + ["--chunk-size", "64K"])
    expect(report, 32768)
    let error = report.pair()["Errors"][0]
    #expect(error["Errno"].text == "ENODATA" && error["Attempt"].text == kind, "\(report)")
    #expect(error["Side"].text == "recovery" && error["Device"].text == pair.recovery.node)
    let range = ByteRange(
      offset: UInt64(try #require(error["Offset"].int)), length: UInt64(try #require(error["Length"].int)))
    #expect(range.overlaps(FaultPair.difference))
    try pair.expectHealing()
  }

  @Test("a run that is asked to end waits for the writes that are on their way")
  func stopped() throws {
    let pair = try FaultPair()
    // What would come after the write comes after the signal.
    try pair.primary.tell("stall read \(FaultPair.difference.end)+1048576")
    let run = try pair.start(
      .resync, Self.threads + ["--chunk-size", "64K", "--queue-depth", "1"] + Child.tellsEvents)
    defer { _ = try? pair.primary.tell("release") }
    try pair.recovery.stalling("write *") {
      run.signal(SIGTERM)
      try run.waitUntilEnding()
    }
    try pair.primary.tell("release")
    let report = try Report(run.wait(within: 60))
    #expect(report.status == 21, "\(report)")
    // The difference lies in two chunks: the first one's write has landed, and counts.
    #expect(report["BytesWritten"].int == 57344, "\(report)")
    let end = Int(FaultPair.difference.offset) + 57344
    #expect(areEqual(try pair.recovery.bytes(), Array(FaultPair.bytes[..<end]) + FaultPair.old[end...]))
  }

  @Test("whatever write fails, the run fails, and the next one makes the recovery whole", arguments: 0..<6)
  func anyWrite(_ number: Int) throws {
    let pair = try FaultPair()
    for block in 0..<5 { try pair.recovery.write([0, 1, 2, 3], at: UInt64(block * 8192 + (1 << 20))) }
    try pair.recovery.tell("settle\nfail write * EIO skip \(number) times 1")
    expect(try pair.run(.resync, Self.threads), 32768)
    try pair.expectHealing()
  }
}
