import Synchronization

/// Turns a run's counters and steps into events, in one order, whoever reports.
final class RunReporter: Sendable {
  private struct State {
    var sizes: [UInt64]
    var pair = 0
    var phase = RunPhase.claiming
    /// The control's count when the pair began.
    var base: UInt64 = 0
    /// What was told last of each pair: progress never runs backwards.
    var done: [Int: UInt64] = [:]
    /// The pairs that are worked on side by side.
    var working: [Int: Working] = [:]
    var lastCompletions: UInt64 = 0
    var lastMovement: SuspendingClock.Instant
  }

  /// A pair that is worked on beside others.
  private struct Working {
    let strand: Strand
    var phase = RunPhase.settling
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

  /// All pairs are worked on from here, perhaps side by side; nothing of any is dealt with.
  func beginPairs() { state.withLock { ($0.done, $0.working) = ([:], [:]) } }

  /// A pair begins: beside others, where the calling thread works on it alone.
  func begin(pair: Int) {
    let strand = Strand.current
    state.withLock { state in
      if let strand {
        state.working[pair] = Working(strand: strand)
        state.pair = state.working.keys.min() ?? pair
        return
      }
      state.pair = pair
      state.base = control.bytesDone.load(ordering: .relaxed)
      for other in state.sizes.indices { state.done[other] = other < pair ? state.sizes[other] : 0 }
    }
  }

  /// A pair that was worked on beside others ends.
  func end(pair: Int) {
    guard Strand.current != nil else { return }
    state.withLock { state in
      state.working[pair] = nil
      if state.sizes.indices.contains(pair) { state.done[pair] = state.sizes[pair] }
      state.pair = state.working.keys.min() ?? state.pair
    }
  }

  /// A phase begins: of the pair that the calling thread works on, where several are.
  func begin(_ phase: RunPhase) {
    let strand = Strand.current
    state.withLock { state in
      if let strand { state.working[strand.pair]?.phase = phase } else { state.phase = phase }
      state.lastMovement = .now
      report(.phase(phase, pair: strand?.pair ?? state.pair))
    }
  }

  /// Bytes of each pair, where they are known later only.
  func take(sizes: [UInt64]) { state.withLock { $0.sizes = sizes } }

  /// The phase waits for these devices now.
  func wait(for devices: [DeviceNumber]) { tell(.waiting(for: devices, pair: Strand.current?.pair)) }

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
      guard state.pair < state.sizes.count else { return }
      func tell(_ pair: Int, _ done: UInt64) {
        state.done[pair] = min(state.sizes[pair], max(state.done[pair] ?? 0, done))
      }
      // A repair is told of the disks that were named, and may have to finish more.
      let working = state.working.keys.filter { $0 < state.sizes.count }.sorted()
      for pair in working { tell(pair, state.working[pair]?.strand.bytesDone ?? 0) }
      if state.working.isEmpty {
        tell(state.pair, control.bytesDone.load(ordering: .relaxed) &- state.base)
      }
      report(
        .progress(
          RunProgress(
            pair: state.pair, working: working, pairs: state.sizes.count,
            phase: state.working[state.pair]?.phase ?? state.phase, pairDone: state.done[state.pair] ?? 0,
            pairTotal: state.sizes[state.pair], callDone: sum(state.done.values), callTotal: sum(state.sizes),
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
private func sum(_ sizes: some Sequence<UInt64>) -> UInt64 {
  sizes.reduce(0) { $0.saturatingAdd($1) }
}
