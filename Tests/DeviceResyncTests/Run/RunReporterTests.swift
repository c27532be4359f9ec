import Synchronization
import SystemPackage
import Testing

@testable import DeviceResync

/// Keeps the events of a run.
final class Heard: Sendable {
  private let events = Guarded<[RunEvent]>([])

  func hear(_ event: RunEvent) { events.withLock { $0.append(event) } }

  var progress: [RunProgress] {
    events.withLock { events in
      events.compactMap { if case .progress(let progress) = $0 { progress } else { nil } }
    }
  }

  var phases: [RunPhase] {
    events.withLock { events in
      events.compactMap { if case .phase(let phase, _) = $0 { phase } else { nil } }
    }
  }
}

@Suite("progress of a run")
struct RunReporterTests {
  @Test("never runs backwards, nor beyond the whole, however the counters move")
  func monotonic() {
    let (heard, control) = (Heard(), RunControl())
    let reporter = RunReporter(sizes: [1000, 500], control: control) { heard.hear($0) }
    reporter.begin(.claiming)
    reporter.tick()
    reporter.begin(pair: 0)
    reporter.begin(.comparing)
    for bytes in [10, 400, 300, 900, 1500] as [UInt64] {
      control.bytesDone.store(bytes, ordering: .relaxed)
      reporter.tick()
    }
    reporter.begin(pair: 1)
    reporter.begin(.comparing)
    reporter.tick()
    control.bytesDone.add(250, ordering: .relaxed)
    reporter.tick()
    control.bytesDone.add(1 << 40, ordering: .relaxed)
    reporter.tick()

    let told = heard.progress
    #expect(told.map(\.pairDone) == [0, 10, 400, 400, 900, 1000, 0, 250, 500])
    #expect(told.map(\.callDone) == [0, 10, 400, 400, 900, 1000, 1000, 1250, 1500])
    #expect(told.allSatisfy { $0.callTotal == 1500 && $0.pairs == 2 })
    #expect(told.map(\.pairTotal) == [1000, 1000, 1000, 1000, 1000, 1000, 500, 500, 500])
    #expect(zip(told, told.dropFirst()).allSatisfy { $0.seconds <= $1.seconds && $0.callDone <= $1.callDone })
    #expect(heard.phases == [.claiming, .comparing, .comparing])
  }

  @Test("sizes that come to more than 64 bits count are as many as these can")
  func hugeSizes() {
    let (heard, control) = (Heard(), RunControl())
    let reporter = RunReporter(sizes: [.max - 10, 100], control: control) { heard.hear($0) }
    reporter.begin(pair: 0)
    control.bytesDone.store(.max - 10, ordering: .relaxed)
    reporter.tick()
    reporter.begin(pair: 1)
    control.bytesDone.store(89, ordering: .relaxed)  // it has gone on past 64 bits
    reporter.tick()
    #expect(heard.progress.map(\.pairDone) == [.max - 10, 100])
    #expect(heard.progress.map(\.callDone) == [.max - 10, .max])
    #expect(heard.progress.allSatisfy { $0.callTotal == .max })
  }

  @Test("a pair that stopped half-way is counted as dealt with when the next begins")
  func failedPair() {
    let (heard, control) = (Heard(), RunControl())
    let reporter = RunReporter(sizes: [1000, 500], control: control) { heard.hear($0) }
    reporter.begin(pair: 0)
    control.bytesDone.store(100, ordering: .relaxed)
    reporter.begin(pair: 1)
    reporter.tick()
    #expect(heard.progress.map(\.callDone) == [1000])
    #expect(heard.progress.map(\.pairDone) == [0])
  }

  @Test("waiting grows while nothing completes, and is over with the first completion")
  func waiting() {
    let (heard, control) = (Heard(), RunControl())
    let reporter = RunReporter(sizes: [1000], control: control) { heard.hear($0) }
    reporter.begin(pair: 0)
    reporter.begin(.comparing)
    pause(milliseconds: 30)
    reporter.tick()
    pause(milliseconds: 30)
    reporter.tick()
    control.completions.add(1, ordering: .relaxed)
    reporter.tick()
    let waited = heard.progress.map(\.secondsWaiting)
    #expect(waited[0] >= 0.03 && waited[1] >= waited[0] + 0.03)
    #expect(waited[2] == 0)
  }

  @Test("claiming is no waiting for a device")
  func claiming() {
    let heard = Heard()
    let reporter = RunReporter(sizes: [1000], control: RunControl()) { heard.hear($0) }
    reporter.begin(.claiming)
    pause(milliseconds: 20)
    reporter.tick()
    #expect(heard.progress.map(\.secondsWaiting) == [0])
  }

  @Test("of pairs that are worked on side by side each counts for itself, and one that has ended is whole")
  func sideBySidePairs() throws {
    let (heard, control) = (Heard(), RunControl())
    let reporter = RunReporter(sizes: [1000, 500, 100], control: control) { heard.hear($0) }
    let (isAhead, isDone) = (SharedLatch(try Latch()), SharedLatch(try Latch()))
    reporter.beginPairs()
    var elements = [0, 1]
    try sideBySide(&elements, lanes: [[0], [1]], most: 2) { index, _ in
      if index == 0 {
        reporter.begin(pair: 0)
        control.count(done: 300)
        reporter.begin(.comparing)
        isAhead.open()
        while !isDone.wait(milliseconds: 100) {}
        reporter.tick()
        reporter.end(pair: 0)
      } else {
        while !isAhead.wait(milliseconds: 100) {}
        reporter.begin(pair: 1)
        reporter.begin(.verifying)
        control.count(done: 200)
        reporter.tick()
        control.count(done: 1 << 40)
        reporter.tick()
        reporter.end(pair: 1)
        isDone.open()
      }
    }
    reporter.tick()
    let told = heard.progress
    #expect(told.map(\.working) == [[0, 1], [0, 1], [0], []])
    #expect(told.map(\.pair) == [0, 0, 0, 0])
    #expect(told.map(\.phase) == [.comparing, .comparing, .comparing, .claiming])
    #expect(told.map(\.pairDone) == [300, 300, 300, 1000])
    #expect(told.map(\.callDone) == [500, 800, 800, 1500])
    #expect(control.bytesDone.load(ordering: .relaxed) == 500 + 1 << 40)
  }

  @Test("pairs that nobody was told the size of are not told of")
  func unknownPairs() throws {
    let (heard, control) = (Heard(), RunControl())
    let reporter = RunReporter(sizes: [1000], control: control) { heard.hear($0) }
    let areThere = [SharedLatch(try Latch()), SharedLatch(try Latch())]
    var elements = [0, 1]
    try sideBySide(&elements, lanes: [[0], [1]], most: 2) { index, _ in
      reporter.begin(pair: index)
      reporter.begin(.applying)
      areThere[index].open()
      while !areThere[1 - index].wait(milliseconds: 100) {}
      reporter.tick()
      reporter.end(pair: index)
    }
    reporter.tick()
    #expect(!heard.progress.isEmpty)
    // What is told of no such pair comes back from the wire.
    for progress in heard.progress {
      let line = Wire.line(WorkerMessage.event(.progress(progress)))
      let message: WorkerMessage? = try? Wire.value(of: Array(line.dropLast()))
      #expect(message != nil, "\(progress)")
    }
  }

  @Test("two threads that report are told of one after the other")
  func threads() throws {
    let (heard, control) = (Heard(), RunControl())
    let reporter = RunReporter(sizes: [1 << 20], control: control) { heard.hear($0) }
    reporter.begin(pair: 0)
    do {
      let threads = try (0..<2).map { _ in
        Box(
          try IOThread {
            for _ in 0..<200 {
              control.bytesDone.add(1, ordering: .relaxed)
              reporter.tick()
            }
          })
      }
      _ = consume threads
    }
    let told = heard.progress
    #expect(told.count == 400)
    #expect(zip(told, told.dropFirst()).allSatisfy { $0.pairDone <= $1.pairDone })
    #expect(told.last?.pairDone == 400)
  }
}
