import SystemPackage
import Testing

@testable import DeviceResync

@Suite("how a call ends")
struct RunResultTests {
  private func exit(_ result: RunResult, _ change: (inout RunResult) -> Void = { _ in }) -> Int32 {
    var result = result
    change(&result)
    return result.exitStatus
  }

  @Test("exit statuses of what was found")
  func statuses() {
    #expect(exit(RunResult(.compare, .completed, "", [.identical()])) == 0)
    #expect(exit(RunResult(.compare, .completed, "", [.compared()])) == 1)
    #expect(exit(RunResult(.compare, .completed, "", [.identical(), .compared()])) == 1)
    #expect(exit(RunResult(.dryRun, .completed, "", [.compared()])) == 1)
    #expect(exit(RunResult(.dryRun, .completed, "", [.identical()])) == 0)
    #expect(exit(RunResult(.resync, .completed, "", [.compared()])) == 0, "they were written")
    #expect(exit(RunResult(.resync, .failed, "", [.compared()])) == 40)
    #expect(exit(RunResult(.compare, .failed, "", [.compared()])) == 40, "a failure is no difference")
    #expect(exit(RunResult(.compare, .failed, "", [.compared()])) { $0.wasTerminated = true } == 21)
    #expect(exit(RunResult(.resync, .completed, "", [])) { $0.wasDeclined = true } == 23)
  }

  @Test("a running source completes a resync with warnings, and a compare with none")
  func running() {
    var pair = PairResult.identical()
    pair.sourceMode = .running
    #expect(exit(RunResult(.resync, .completed, "", [pair])) == 22)
    #expect(exit(RunResult(.compare, .completed, "", [pair])) == 0)
    #expect(exit(RunResult(.resync, .systemInUse, "", [pair])) == 46)
  }

  @Test("every value that is no success exits with 40 and more", arguments: ReturnValue.allCases.dropFirst(2))
  func values(_ value: ReturnValue) {
    #expect(exit(RunResult(.resync, value, "", [])) == Int32(value.rawValue - 32768 + 40))
    #expect(exit(RunResult(nil, value, "", [])) == Int32(value.rawValue - 32768 + 40))
  }

  @Test("the first failed pair's value and message are the call's; a mixed recovery is said")
  func failures() {
    var bad = PairResult.compared()
    bad.returnValue = .timeout
    bad.errors = [ErrorReport(ResyncError(.kernel(.timedOut, .transfer), "read", on: "/dev/a"))]
    var worse = PairResult.compared()
    worse.returnValue = .failed
    let result = RunResult(.resync, [.identical(), bad, worse], wasTerminated: false)
    #expect(result.returnValue == .timeout)
    #expect(result.message.contains("ETIMEDOUT"))
    #expect(!result.message.contains("mixed"))
    bad.totals.bytesWritten = 4096
    #expect(RunResult(.resync, [bad], wasTerminated: false).message.contains("mixed"))
    let ended = RunResult(.resync, [bad], wasTerminated: true)
    #expect(ended.message.contains("ended by request or signal"))
    #expect(ended.message.contains("mixed"))
    #expect(ended.exitStatus == 21)
    #expect(!RunResult(.resync, [.identical()], wasTerminated: true).wasTerminated, "it had ended before")
  }

  @Test("sums and rates that 64 bits do not count are the most that they do")
  func hugeTotals() {
    var pair = PairResult.identical()
    (pair.totals.bytesSkipped, pair.totals.seconds) = (.max - (1 << 20), 0.001)
    #expect(pair.totals.bytesPerSecond == .max)
    let result = RunResult(.compare, .completed, "", [pair, pair])
    #expect(result.totals.bytesSkipped == .max && result.totals.bytesPerSecond == .max)
    #expect(result.json.contains("\(UInt64.max)"))
    #expect(seconds(1e30).hasSuffix(" min"))
  }

  @Test("what a success says is what was asked")
  func messages() {
    #expect(RunResult(.compare, [.identical()], wasTerminated: false).message == "identical")
    #expect(RunResult(.compare, [.compared()], wasTerminated: false).message == "12 KiB differ")
    #expect(
      RunResult(.resync, [.compared()], wasTerminated: false).message == "the recovery equals the primary")
    var pair = PairResult.compared()
    pair.totals.bytesToWrite = 12288
    #expect(RunResult(.dryRun, [pair], wasTerminated: false).message == "12 KiB would be written")
  }

  @Test("a refused plan is its value, the reason and the remedy; one that nothing refuses is 0")
  func plans() {
    var scene = Scene()
    scene.mount(DeviceNumber(major: 8, minor: 16), on: "/mnt")
    let refused = RunResult(refusing: Plan(scene.request, [scene.facts]))
    #expect(refused.returnValue == .systemInUse)
    #expect(refused.message == "the recovery /dev/b is mounted; unmount it with: umount /mnt")
    #expect(refused.pairs[0].returnValue == .systemInUse)
    #expect(refused.exitStatus == 46)
    let described = RunResult(describing: Plan(scene.request, [Scene().facts]))
    #expect(described.returnValue == .completed && described.message == "nothing is in the way")
  }

  @Test("text for people")
  func text() {
    var pair = PairResult.compared()
    pair.recovery.path = "/dev/b\u{1b}[2J"
    pair.notes = ["look"]
    let text = RunResult(.compare, .completed, "12 KiB differ", [pair]).text
    #expect(
      text == """
        /dev/a -> /dev/b\\u{1b}[2J: 1 MiB compared, 12 KiB different in 2 ranges
          2 MiB/s in 0.5 s, io_uring, source offline, a point in time
          note: look
        0 Completed with No Error: 12 KiB differ

        """)
    var failed = PairResult.identical()
    (failed.returnValue, failed.totals.bytesSkipped) = (.failed, 4096)
    #expect(
      RunResult(.resync, .failed, "x", [failed, .identical()]).text == """
        Disk pair 1 of 2
        /dev/a -> /dev/b: 1 MiB compared, 4 KiB skipped as holes, no difference up to there, 0 B written
          2.0 MiB/s in 0.5 s, io_uring, source offline, a point in time
        Disk pair 2 of 2
        /dev/a -> /dev/b: 1 MiB compared, identical, 0 B written
          2 MiB/s in 0.5 s, io_uring, source offline, a point in time
        All pairs: 2 MiB compared, 4 KiB skipped as holes, no difference up to there, 0 B written
        32768 Failed: x

        """)
  }

  @Test(
    "durations as people say them",
    arguments: [
      (0, "0 s"), (0.04, "0.0 s"), (0.84, "0.8 s"), (3, "3 s"), (9.94, "9.9 s"), (9.96, "10 s"),
      (42.4, "42 s"),
      (59.6, "1 min 0 s"), (185, "3 min 5 s"), (3599.4, "59 min 59 s"), (3600, "1 h 0 min"),
      (7650, "2 h 7 min"),
      (360_000, "100 h 0 min"),
    ] as [(Double, String)])
  func durations(_ value: Double, _ text: String) {
    #expect(seconds(value) == text)
  }
}
