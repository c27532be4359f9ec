import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("a stopped staged run that is gone on with", .ownPlace, .tags(.devices, .slow))
struct ContinuedRunTests {
  @Test(
    "after kill -9 it is gone on with at its checkpoint, and ends as if never stopped",
    arguments: Form.allCases)
  func killed(_ form: Form) throws {
    let stopped = try StoppedPair(form)
    let whole = Oracle(stopped.new, stopped.old)
    try stopped.kill()
    #expect(try stopped.offset() == 8 << 20)
    // A loop's count tells what was read of it.
    let name = stopped.pair.primary.hasPrefix("/dev/") ? String(stopped.pair.primary.dropFirst(5)) : nil
    let before = try name.map { try DeviceStat($0).read }
    let report = try stopped.resync()
    try stopped.expectEqual(report, saying: "continued at 8 MiB of ")
    #expect(report["BytesDifferent"].int == Int(whole.bytesDifferent), "\(report)")
    #expect(report["DifferentRanges"].int == whole.ranges.count, "\(report)")
    if let name, let before {
      let read = (try DeviceStat(name).read - before) * 512
      #expect(read < UInt64(StoppedPair.size - (8 << 20) + (4 << 20)), "\(read)")
    }
  }

  @Test("stopped again and again it comes to its end, each time from where it was")
  func again() throws {
    let stopped = try StoppedPair()
    try stopped.kill()
    // The record of the second beginning, then two more checkpoints.
    let ended = try Command.start(
      stopped.words, through: killing("fsync", 3, on: "\(stopped.state.path)/states")
    ).wait()
    #expect(ended.wasKilled, "\(ended)")
    #expect(try stopped.offset() == 12 << 20)
    try stopped.expectEqual(stopped.resync(), saying: "continued at 12 MiB of ")
  }

  @Test("a signal leaves a last checkpoint, and says how to go on", arguments: [SIGTERM, SIGINT])
  func signalled(_ number: CInt) throws {
    let state = try StateDirectory()
    let primary = try Image("primary", size: LongRun.size)
    for place in stride(from: UInt64(0), to: LongRun.size, by: 16 << 20) {
      try primary.write(randomBytes(512, seed: place), at: place)
    }
    let recovery = try Image("recovery", size: LongRun.size)
    let run = try LongRun(.resync, primary.path, recovery.path, state.options)
    run.child.signal(number)
    let report = try run.finish()
    expect(report, 32768, status: 21)
    #expect(report.notes.contains("the same command goes on at"), "\(report)")
    #expect(try state.states() == ["Resynchronizing"])
    // Other runs and their sweeps leave it alone.
    let other = try TestPair(differing: .images, name: "2")
    expect(try state.resync(other.primary, other.recovery), 0)
    #expect(try state.staged().count == 1)
    let plan = try Command.json(.plan, primary.path, recovery.path, state.options)
    #expect(
      plan.pair()["Guards"].array.contains { $0["Reason"].text?.contains("gone on with") == true }, "\(plan)")

    let again = try state.resync(primary.path, recovery.path, ["--full"])
    expect(again, 0)
    #expect(again.notes.contains("continued at "), "\(again)")
    #expect(again["BytesCompared"].int == Int(LongRun.size))
    #expect(again["BytesWritten"].int == 64 * 4096)
    try tool("cmp", primary.path, recovery.path)
  }

  @Test("--max-duration does the same; repair drops what was staged")
  func outOfTime() throws {
    let state = try StateDirectory()
    // Long enough for any machine.
    let primary = try Image("primary", size: 64 << 30)
    let recovery = try Image("recovery", size: 64 << 30)
    // However long it takes until the first byte is compared.
    for seconds in [1, 4, 16] where try state.staged().isEmpty {
      let report = try state.resync(
        primary.path, recovery.path, LongRun.options + ["--max-duration", "\(seconds)s"])
      expect(report, 32772)
      #expect(
        report.notes.contains("the same command goes on at") == !(try state.staged().isEmpty), "\(report)")
    }
    #expect(try state.staged().count == 1)
    let repaired = try state.repair(recovery.path)
    expect(repaired, 0)
    #expect(repaired.message.contains("committed nothing"), "\(repaired)")
    try state.expect("Never")
  }

  @Test("a continued run is killed behind its commit, and repair finishes it")
  func committed() throws {
    let stopped = try StoppedPair()
    try stopped.kill()
    let ended = try Command.start(
      Operation.resync.words(stopped.pair.primary, stopped.pair.recovery, stopped.state.options),
      through: killing("fsync", 2, on: "\(stopped.state.path)/states")
    ).wait()
    #expect(ended.wasKilled, "\(ended)")
    #expect(try stopped.state.states() == ["Applying"])
    expect(try stopped.state.repair(stopped.pair.recovery), 0)
    #expect(areEqual(try stopped.pair.recoveryImage.bytes(), stopped.new))
    try stopped.state.expect("Consistent")
  }

  @Test("of several pairs, one after the other, those before are not read again")
  func several() throws {
    let stopped = try StoppedPair(.loops)
    let first = try TestPair(differing: .loops, name: "1")
    let words =
      stopped.state.words([(first.primary, first.recovery), (stopped.pair.primary, stopped.pair.recovery)])
      + StoppedPair.options + ["--parallel", "1"]
    try stopped.kill(words)
    let before = try DeviceStat(String(first.primary.dropFirst(5))).read
    let report = try Report(Command.start(words).wait())
    expect(report, 0)
    #expect(report.pair(0)["Notes"].array.contains { $0.text == "continued at 1 MiB of 1 MiB" }, "\(report)")
    #expect(report.pair(1)["Notes"].array.contains { $0.text?.hasPrefix("continued at 7 MiB") == true })
    #expect(report.pair(0)["BytesCompared"].int == 1 << 20)
    #expect(report.pair(0)["BytesWritten"].int == 4096)
    #expect(report.pair(0)["DifferentRanges"].int == 1)
    // Its ends and signatures are looked at by the plan.
    let read = (try DeviceStat(String(first.primary.dropFirst(5))).read - before) * 512
    #expect(read < 1 << 20, "\(read)")
    #expect(areEqual(try first.recoveryImage.bytes(), try first.primaryImage.bytes()))
    #expect(areEqual(try stopped.pair.recoveryImage.bytes(), stopped.new))
    try stopped.state.expect("Consistent")
  }
}
