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

  @Test("durations are seconds, with their fractions")
  func durations() {
    #expect(Duration.milliseconds(1500).seconds == 1.5)
    #expect(Duration.seconds(3600).seconds == 3600)
    #expect(Duration.zero.seconds == 0)
  }
}
