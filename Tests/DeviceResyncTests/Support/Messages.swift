import SystemPackage

@testable import DeviceResync

/// One of each thing that goes between a worker and its monitor.
enum Messages {
  /// With everything that texts and maps are made from.
  static var result: RunResult {
    var pair = PairResult.compared()
    var map = DifferenceMap(size: 1 << 20)
    for range in pair.ranges { map.add(range) }
    pair.map = map
    pair.landmarks = [Landmark(range: ByteRange(offset: 4096, length: 8192), title: "1 ext4 \"root\"")]
    pair.notes = ["a \u{1b} note\nof two lines"]
    pair.backingDirectIO = true
    pair.pointInTime = .unproven
    pair.writeBack = .staged
    pair.errors = [
      ErrorReport(
        ResyncError(
          .kernel(.ioError, .transfer), "read", on: "/dev/a", side: .primary,
          range: ByteRange(offset: 512, length: 512)))
    ]
    var result = RunResult(.resync, .failed, "a message", [pair, .identical()])
    result.wasTerminated = true
    return result
  }

  static let progress = RunProgress(
    pair: 1, working: [], pairs: 2, phase: .applying, pairDone: 10, pairTotal: 20, callDone: 30,
    callTotal: 40,
    bytesDifferent: 5,
    bytesWritten: 6, seconds: 7.25, secondsWaiting: 0.5)

  static let events: [RunEvent] = [
    .phase(.planning, pair: 0), .phase(.closing, pair: 3), .progress(progress),
    .differences(bytes: .max, pair: 1),
    .ranges([ByteRange(offset: 0, length: 4096), ByteRange(offset: .max - 1, length: 1)], pair: 0),
    .question(RunQuestion("Go on?", typing: "/dev/sdb\u{202e}")), .question(RunQuestion("Go on?")),
    .error(
      ResyncError(.kernel(.noMemory, .setUp), "start", on: "a ring", reason: "no \"room\"", remedy: "wait"),
      pair: 0),
    .error(ResyncError(.timedOut, "open", range: ByteRange(offset: 1, length: 2)), pair: 0),
    .waiting(for: [DeviceNumber(major: 7, minor: 1)], pair: nil), .committed(bytes: 1 << 40), .applied,
    .ending,
    .activity(
      movements: 17,
      waiting: [
        Activity("write", on: "/dev/loop0", range: ByteRange(offset: 8, length: 8)), Activity("list"),
      ]),
    .waiting(for: [DeviceNumber(major: 7, minor: 2)], pair: 1),
    .pairs([
      PairActivity(pair: 0, movements: .max, waiting: []),
      PairActivity(pair: 1, movements: 3, waiting: [Activity("flush", on: "/dev/loop2")]),
    ]),
  ]

  static var all: [WorkerMessage] {
    let plan = Plan(.resync, [Scene().facts])
    return events.map(WorkerMessage.event)
      + [.plan(PlanReport(plan)), .devices("a\nb\u{0}"), .result(RunResult.Wire(result))]
  }
}
