import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("several runs at once", .ownPlace, .tags(.devices, .slow)) struct SideBySideTests {
  @Test("eight runs on different pairs all complete")
  func different() throws {
    var runs: [Running] = []
    var images: [(primary: Image, recovery: Image)] = []
    for number in 0..<8 {
      let bytes = randomBytes(1 << 20, seed: UInt64(number))
      let pair = (primary: try Image("p\(number)", bytes), recovery: try Image("r\(number)", size: 1 << 20))
      images.append(pair)
      runs.append(Running(try Command.start(Operation.resync.words(pair.primary.path, pair.recovery.path))))
    }
    for run in runs { expect(try Report(run.wait()), 0) }
    for pair in images { #expect(areEqual(try pair.recovery.bytes(), try pair.primary.bytes())) }
  }

  @Test(
    "of two runs on one recovery one completes; the other does too, or ends in 32774",
    arguments: Form.allCases)
  func race(_ form: Form) throws {
    for round in 0..<3 {
      let bytes = randomBytes(1 << 20, seed: 9)
      let pair = try TestPair(bytes, [UInt8](repeating: 0, count: 1 << 20), form, name: "\(round)")
      let words = Operation.resync.words(pair.primary, pair.recovery)
      let runs = [Running(try Command.start(words)), Running(try Command.start(words))]
      let reports = try runs.map { try Report($0.wait()) }
      for report in reports { #expect([0, 32774].contains(report.value), "\(report)") }
      #expect(reports.contains { $0.value == 0 }, "\(reports)")
      #expect(areEqual(try pair.recoveryImage.bytes(), bytes))
    }
  }

  @Test("a run that has the recovery is named to the next one")
  func second() throws {
    let primary = try Image("primary", size: LongRun.size)
    let other = try Image("other", size: LongRun.size)
    let recovery = try Image("recovery", size: LongRun.size)
    let first = try LongRun(.resync, primary.path, recovery.path)
    let id = first.worker.id
    let report = try first.stopped {
      let second = try Command.json(.resync, other.path, recovery.path)
      expect(second, 32774)
      #expect(second.evidence("processes").contains("pid \(id) (vmresync-worker)"), "\(second)")
      // Reading is everybody's.
      let compared = try Command.json(.compare, primary.path, recovery.path)
      #expect(compared.value == 0)
    }
    expect(report, 0)
  }

  @Test("two compares of one pair do not disturb each other")
  func compares() throws {
    let pair = try TestPair(differing: .images)
    let words = Operation.compare.words(pair.primary, pair.recovery)
    let runs = [
      Running(try Command.start(words)), Running(try Command.start(words)), Running(try Command.start(words)),
    ]
    for run in runs { expect(try Report(run.wait()), 0, status: 1) }
    try pair.expectUntouched()
  }
}

/// A child in an array, which holds no noncopyable value.
private final class Running {
  private var child: Child?
  init(_ child: consuming Child) { self.child = consume child }

  func wait() throws -> Ended {
    guard let child = child.take() else { throw Errno.noChildProcess }
    return try child.wait()
  }
}
