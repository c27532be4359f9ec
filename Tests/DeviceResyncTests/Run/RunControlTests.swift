import Synchronization
import Testing

@testable import DeviceResync

@Suite("steering a run")
struct RunControlTests {
  @Test("the first request to end lets the run end in order, the second at once, and no third changes that")
  func terminate() {
    let control = RunControl()
    #expect(!control.isStopping)
    #expect(control.request.load(ordering: .acquiring) == .run)
    control.terminate()
    #expect(control.isStopping)
    #expect(control.request.load(ordering: .acquiring) == .terminate)
    control.terminate()
    #expect(control.request.load(ordering: .acquiring) == .terminateAtOnce)
    control.terminate()
    #expect(control.request.load(ordering: .acquiring) == .terminateAtOnce)
  }

  @Test("of two requests at one moment one is the second")
  func race() throws {
    for _ in 0..<50 {
      let control = RunControl()
      do {
        let threads = try (0..<2).map { _ in Box(try IOThread { control.terminate() }) }
        _ = consume threads
      }
      #expect(control.request.load(ordering: .acquiring) == .terminateAtOnce)
    }
  }

  @Test("asked to end in order twice, it ends in order; only a second request proper ends it at once")
  func inOrder() {
    let control = RunControl()
    control.terminateInOrder()
    control.terminateInOrder()
    control.runOut()
    #expect(control.request.load(ordering: .acquiring) == .terminate)
    control.terminate()
    #expect(control.request.load(ordering: .acquiring) == .terminateAtOnce)
  }

  @Test("beyond a commit only the second request is followed")
  func forward() {
    let control = RunControl()
    control.goForward(true)
    control.terminate()
    #expect(!control.isStopping)
    control.terminate()
    #expect(control.isStopping)
    control.goForward(false)
    #expect(control.isStopping)
  }

  @Test("the first reason to end counts: a request is 32768, its time 32772")
  func reasons() {
    let (asked, late) = (RunControl(), RunControl())
    asked.terminateInOrder()
    asked.runOut()
    late.runOut()
    late.terminate()
    #expect(asked.ending().returnValue == .failed && asked.wasTerminated)
    #expect(asked.ending().description.contains("ended by request or signal"))
    #expect(late.ending().returnValue == .timeout && !late.wasTerminated)
    #expect(late.ending().description.contains("--max-duration"))
  }

  @Test("durations are seconds, with their fractions")
  func durations() {
    #expect(Duration.milliseconds(1500).seconds == 1.5)
    #expect(Duration.seconds(3600).seconds == 3600)
    #expect(Duration.zero.seconds == 0)
  }
}
