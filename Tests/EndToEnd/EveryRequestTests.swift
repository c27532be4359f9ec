import Testing

@testable import DeviceResync

/// Issue 4, "Every I/O, every time".
@Suite("every request of a run", .ownPlace, .tags(.devices, .slow)) struct EveryRequestTests {
  @Test(
    "fails, or is where the run is killed; then the power fails, and the next run completes",
    arguments: ["staged", "in-place"])
  func every(_ mode: String) throws {
    var pair = try PowerPair()
    var random = SplitMix64(seed: 3)
    try pair.writePrimary(&random)
    try pair.expectCompletes(mode, repairing: false, "the first run")
    // The second run is one of those that find records.
    try pair.writePrimary(&random)
    try pair.expectCompletes(mode, repairing: false, "the second run")
    var blows: [Blow] = []
    for (request, count) in pair.requests {
      for number in 0..<count {
        blows.append(.failed(request.disk, kind: request.kind, skipping: number))
        blows.append(.killedIn(request.disk, kind: request.kind, skipping: number))
      }
    }
    let clock = ContinuousClock()
    let end = clock.now + .seconds(max(testSeconds, 2))
    pair.figures = PowerFigures()
    for blow in blows.shuffled() where pair.figures.cycles == 0 || clock.now < end {
      try pair.writePrimary(&random)
      try pair.strike(pair.resync(mode), blow, losing: random.next(), mode)
      try pair.expectCompletes(mode, repairing: false, "\(mode), after \(blow)")
      pair.figures.cycles += 1
    }
    print("every request, \(mode): of \(blows.count) blows \(pair.figures)")
  }
}
