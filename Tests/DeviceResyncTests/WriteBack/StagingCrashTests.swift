import Testing

@testable import DeviceResync

/// DESIGN 6 under kills and power cuts, with a guest that may start between a crash and the next run.
///
/// A crash comes before any step: a write that ends, a flush, a name, a record. A kill leaves what is seen; of a power
/// cut every sector that was not flushed is there or not. After it a guest may run, where the start hook lets it; then
/// comes a start, in which a crash may come again, and a start that goes through.
@Suite(.tags(.slow)) struct StagingCrashTests {
  /// Both runs of the model: what leaves something unfinished, and what settles it.
  fileprivate enum Program {
    case run, start

    /// Carries it out until the power fails before `step`; nil: to its end.
    ///
    /// - Returns: what is left, how many steps were made, and what a program said that had power to the end.
    func result(
      _ world: StagedWorld, _ step: Int?, omitting barrier: StagedBarrier?
    ) -> (world: StagedWorld, steps: Int, error: (any Error)?) {
      let power = PowerSupply(failingAt: step)
      let host = StagedHost(world, power, omitting: barrier)
      do {
        switch self {
        case .run: try host.run()
        case .start: try host.start()
        }
        return (host.world, power.steps, nil)
      } catch {
        return (host.world, power.steps, power.isOff ? nil : error)
      }
    }
  }

  /// What must never be left.
  fileprivate struct Violation: Error { let text: String }

  /// One exploration.
  fileprivate struct Search {
    let omitted: StagedBarrier?
    /// Whether the start hook keeps guests from recoveries that may be mixed.
    let hook: Bool
    var random: SplitMix64
    private var seen: Set<String> = []
    private(set) var settled = 0

    init(omitting barrier: StagedBarrier?, hook: Bool, seed: UInt64) {
      omitted = barrier
      self.hook = hook
      random = SplitMix64(seed: seed)
    }
  }
}

extension StagingCrashTests.Search {
  /// What crashes leave of `world`, without what was there already.
  private mutating func left(of world: StagedWorld) -> [StagedWorld] {
    var worlds = [world.afterKill()]
    for outcome in [CutOutcome.nothing, .everything, .some(SplitMix64(seed: random.next()))] {
      worlds += world.afterCut(outcome)
    }
    worlds = worlds.filter { seen.insert($0.fingerprint).inserted }
    return worlds + worlds.compactMap { $0.afterGuest(hook: hook, flushing: omitted != .hookFlush, &random) }
  }

  /// Settles it without a crash, and looks; then again, should the power fail right after that.
  private mutating func check(_ world: StagedWorld, _ title: String) throws {
    settled += 1
    var world = world
    for _ in 0..<2 {
      let (after, _, error) = StagingCrashTests.Program.start.result(world, nil, omitting: omitted)
      if let error {
        if world.guest != .none, !hook, omitted != .startHook { return }
        throw StagingCrashTests.Violation(text: "\(title): nothing was lost, and it says \(error)")
      }
      if let text = after.violation { throw StagingCrashTests.Violation(text: "\(title): \(text)") }
      if !after.staging.files.isEmpty {
        throw StagingCrashTests.Violation(text: "\(title): a staging file is left")
      }
      guard let cut = after.afterCut(.nothing).first, cut.fingerprint != after.fingerprint else { return }
      world = cut
    }
  }

  /// Crashes a run everywhere, and the starts after it as long as `mayGoOn` says.
  mutating func crash(isFirstRun: Bool, while mayGoOn: () -> Bool) throws {
    let initial = try StagedWorld(omitting: omitted, isFirstRun: isFirstRun)
    let (_, steps, error) = StagingCrashTests.Program.run.result(initial, nil, omitting: omitted)
    if let error { throw error }
    var once: [StagedWorld] = []
    for step in ([nil] + (0..<steps).map { $0 }).shuffled(using: &random) {
      let crashed = StagingCrashTests.Program.run.result(initial, step, omitting: omitted).world
      for world in left(of: crashed) {
        try check(world, "a crash")
        once.append(world)
      }
    }
    once.shuffle(using: &random)
    // Each world's steps as they come up: how many there are is known only then.
    var step = 0
    while !once.isEmpty {
      var longer: [StagedWorld] = []
      for world in once where world.guest != .onMixed {
        let (crashed, steps, _) = StagingCrashTests.Program.start.result(world, step, omitting: omitted)
        for world in left(of: crashed) {
          guard mayGoOn() else { return }
          try check(world, "two crashes")
        }
        if steps == step { longer.append(world) }
      }
      step += 1
      once = longer
    }
  }
}

extension StagingCrashTests {
  @Test(
    "after any crash, and one in the start after it, the replicas are all old or all new, and called so",
    arguments: [true, false], [true, false])
  func anyCrash(isFirstRun: Bool, hook: Bool) throws {
    let seed = UInt64.random(in: .min ... .max)
    let clock = ContinuousClock()
    var end: ContinuousClock.Instant?
    var search = Search(omitting: nil, hook: hook, seed: seed)
    do {
      try search.crash(isFirstRun: isFirstRun) {
        // From here on: what one crash leaves is looked at whole.
        if end == nil { end = clock.now + .seconds(testSeconds) }
        return end.map { clock.now < $0 } ?? true
      }
      #expect(search.settled > 50, "seed \(seed)")
      print("staged crashes: \(search.settled) worlds settled, seed \(seed)")
    } catch let violation as Violation {
      Issue.record("seed \(seed): \(violation.text)")
    }
  }

  @Test("without any one barrier they are not", arguments: StagedBarrier.allCases)
  func omittedBarrier(barrier: StagedBarrier) throws {
    // What finds a guest's writes is missed only where one can have written.
    let hook = ![.startHook, .targets, .proof].contains(barrier)
    var search = Search(omitting: barrier, hook: hook, seed: 1)
    #expect(throws: Violation.self) { try search.crash(isFirstRun: false) { true } }
  }
}
