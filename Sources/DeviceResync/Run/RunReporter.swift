import Synchronization

/// Turns a run's counters and steps into events, in one order, whoever reports.
final class RunReporter: Sendable {
  private struct State {
    var sizes: [UInt64]
    var pair = 0
    var phase = RunPhase.claiming
    /// The control's count when the pair began.
    var base: UInt64 = 0
    /// What was told last: progress never runs backwards.
    var pairDone: UInt64 = 0
    /// Bytes of the pairs before.
    var before: UInt64 = 0
    var lastCompletions: UInt64 = 0
    var lastMovement: SuspendingClock.Instant
  }

  private let control: RunControl
  /// Does not count while the host sleeps (PITFALLS E5).
  private let started = SuspendingClock.now
  private let state: Guarded<State>
  private let report: @Sendable (RunEvent) -> Void

  /// - Parameter sizes: bytes of each pair.
  init(sizes: [UInt64], control: RunControl, report: @escaping @Sendable (RunEvent) -> Void) {
    self.control = control
    self.report = report
    state = Guarded(State(sizes: sizes, lastMovement: started))
  }

  /// A commit stands: until ``endForward()`` only a second request to end is followed.
  func beginForward(bytes: UInt64) {
    control.goForward(true)
    tell(.committed(bytes: bytes))
  }

  /// What was committed is applied, durable and marked as such.
  func endForward() {
    control.goForward(false)
    tell(.applied)
  }

  /// A pair begins.
  func begin(pair: Int) {
    state.withLock { state in
      state.pair = pair
      state.base = control.bytesDone.load(ordering: .relaxed)
      state.pairDone = 0
      state.before = sum(state.sizes.prefix(pair))
    }
  }

  /// A phase begins.
  func begin(_ phase: RunPhase) {
    state.withLock { state in
      state.phase = phase
      state.lastMovement = .now
      report(.phase(phase, pair: state.pair))
    }
  }

  /// Bytes of each pair, where they are known later only.
  func take(sizes: [UInt64]) { state.withLock { $0.sizes = sizes } }

  /// The phase waits for these devices now.
  func wait(for devices: [DeviceNumber]) { tell(.waiting(for: devices)) }

  /// Passes an event on.
  func tell(_ event: RunEvent) {
    state.withLock { _ in report(event) }
  }

  /// Asks a person, and waits; whoever ends the run says no.
  ///
  /// Only where ``RunRequest/isInteractive`` says that there is one.
  func ask(_ question: RunQuestion) -> Bool {
    begin(.asking)
    tell(.question(question))
    while !control.isStopping {
      if let answer = control.takeAnswer() { return answer }
      pause(milliseconds: 20)
    }
    return false
  }

  /// Reports how far the run is.
  func tick() {
    state.withLock { state in
      let completions = control.completions.load(ordering: .relaxed)
      let now = SuspendingClock.now
      if completions != state.lastCompletions || state.phase == .claiming {
        state.lastCompletions = completions
        state.lastMovement = now
      }
      let done = control.bytesDone.load(ordering: .relaxed) &- state.base
      guard state.pair < state.sizes.count else { return }
      let total = state.sizes[state.pair]
      state.pairDone = min(total, max(state.pairDone, done))
      report(
        .progress(
          RunProgress(
            pair: state.pair, pairs: state.sizes.count, phase: state.phase, pairDone: state.pairDone,
            pairTotal: total,
            callDone: state.before.saturatingAdd(state.pairDone), callTotal: sum(state.sizes[...]),
            bytesDifferent: control.bytesDifferent.load(ordering: .relaxed),
            bytesWritten: control.bytesWritten.load(ordering: .relaxed),
            seconds: (now - started).seconds, secondsWaiting: (now - state.lastMovement).seconds)))
    }
  }
}

extension Duration {
  /// In seconds.
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }
}

/// Sparse images may claim any size.
private func sum(_ sizes: ArraySlice<UInt64>) -> UInt64 {
  sizes.reduce(0) { $0.saturatingAdd($1) }
}
