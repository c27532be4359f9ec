import SystemPackage

/// What somebody who watches a run wants done next.
public enum MonitorStep: Sendable {
  case goOn
  /// Carry out the plan.
  case begin
  /// Read a line from standard input, and hand it to ``Spectator/answered(_:)``.
  case ask
  /// Answer the run's question.
  case answer(Bool)
  /// Do not carry out the plan.
  case end(RunResult)
}

/// Who shows a run, and answers for a person.
public protocol Spectator: AnyObject {
  /// The plan is made: ``MonitorStep/begin``, ``MonitorStep/ask`` or ``MonitorStep/end(_:)``.
  func planned(_ plan: PlanReport) -> MonitorStep
  /// Something happened.
  func heard(_ event: RunEvent) -> MonitorStep
  /// What was typed.
  func answered(_ line: String) -> MonitorStep
  /// A request to end came after the commit: the run goes on.
  ///
  /// - Parameter bytesLeft: what is still to be written.
  func willFinish(bytesLeft: UInt64)
}

/// Makes this process one that a ``Monitor`` can be in; call it before any thread is started.
public func prepareForMonitor() throws(ResyncError) {
  try attempt("prepare", on: "this process", .setUp) { () throws(Errno) in
    try StopSignals.block()
    try forbidCoreDumps()
  }
  // Whoever reads what is printed may go away (`| head`): that must not end a run half-way.
  ignoreTerminal()
}

/// Starts the worker, and answers in time, whatever becomes of it.
///
/// It touches its pipes, sysfs and `/proc` of the worker, and no device: whatever hangs on one hangs in the worker.
/// The calling thread has stop signals blocked (``StopSignals/block()``).
public struct Monitor: ~Copyable {
  /// What a run ends with.
  public enum Ending: Sendable {
    case result(RunResult)
    /// The devices, as text or JSON.
    case devices(String)
  }

  private let child: ChildProcess
  private let events: OwnedDescriptor
  private var control: OwnedDescriptor?
  private let signals: StopSignalQueue
  private var lines = LineBuffer()
  private let limits: RunLimits
  private let started = SuspendingClock.now
  private var view: RunView
  private var stall: StallClock
  private var pairStalls: PairStalls
  private var counts: AnswerCounts?
  private var hasBegun: Bool
  private var isAsking = false
  private var typed: [UInt8] = []
  private var requests = 0
  private var hasRunOut = false

  /// Starts a worker.
  public init(_ request: WorkerRequest, limits: RunLimits = RunLimits()) throws(ResyncError) {
    let signals = try attempt("take signals", on: "this process", .setUp) { () throws(Errno) in
      try StopSignalQueue()
    }
    let orders = try attempt("make a pipe", on: "to the worker", .setUp) { () throws(Errno) in try PipeEnds()
    }
    let reports = try attempt("make a pipe", on: "from the worker", .setUp) { () throws(Errno) in
      try PipeEnds()
    }
    let child = try attempt("start", on: "the process that touches the disks", .setUp) { () throws(Errno) in
      try ChildProcess(ourselvesAs: Worker.name, control: orders.reading, events: reports.writing)
    }
    // All that can throw comes first: a half-made noncopyable value cannot be destroyed.
    self.signals = signals
    self.child = child
    events = reports.reading
    control = .some(orders.writing)
    self.limits = limits
    view = RunView(request)
    stall = StallClock(limit: limits.stall.seconds)
    pairStalls = PairStalls(limit: limits.stall.seconds)
    hasBegun = !request.waitsForBeginning
    send(request)
  }

  /// Waits until the run has ended, one way or another.
  public mutating func watch(_ spectator: any Spectator) -> Ending {
    var last = SuspendingClock.now
    while true {
      let wait = nextWait
      // A signal or a full table of descriptors: what is ready is seen the next time, what hangs by the clock.
      let ready =
        (try? waitForReadable(
          [child.end.rawValue, signals.descriptor.rawValue, events.rawValue, isAsking ? 0 : -1],
          milliseconds: Int32((wait * 1000).rounded(.up)))) ?? [false, false, false, false]
      let now = SuspendingClock.now
      stall.elapse((now - last).seconds, asked: wait)
      pairStalls.elapse((now - last).seconds, asked: wait)
      last = now
      if ready[2], let ending = takeEvents(spectator) { return ending }
      if ready[1], let ending = takeSignals(spectator) { return ending }
      if ready[3], isAsking, let ending = takeInput(spectator) { return ending }
      if ready[0], !ready[2] { return .result(death()) }
      if counts?.haveGrown() ?? false { stall.move() }
      if pairStalls.look() { stall.move() }
      // A person is asked: nothing stalls.
      if isAsking || view.phase == .asking { stall.move() }
      if let ending = checkDuration() { return ending }
      if stall.left == 0 || pairStalls.left == 0 { return .result(giveUp()) }
    }
  }

  /// Lets the worker end, and waits for that as long as it takes to close what it has; not for a device that hangs.
  public consuming func close() {
    control = nil
    // Its end matters to nobody any more: the result is there.
    _ = try? child.ending(within: 2000)
  }

  /// Seconds; at most one, in which counts of devices may change.
  private var nextWait: Double {
    var wait = min(1, stall.left, pairStalls.left)
    if let duration = limits.duration, !hasRunOut {
      wait = min(wait, max(0, duration.seconds - (SuspendingClock.now - started).seconds))
    }
    return wait
  }
}

extension Monitor {
  private mutating func send(_ message: some Encodable) {
    switch control {
    // A worker that does not read has ended, which is seen elsewhere.
    case .some(let pipe): try? pipe.put(Wire.line(message))
    case .none: break
    }
  }

  private func send(order: WorkerOrder) {
    switch control {
    case .some(let pipe): try? pipe.put(Wire.line(order))
    case .none: break
    }
  }

  private mutating func takeEvents(_ spectator: any Spectator) -> Ending? {
    guard let bytes = try? events.take(1 << 16), !bytes.isEmpty else { return .result(death()) }
    lines.append(bytes)
    do throws(WireFault) {
      while let line = try lines.next() {
        if let ending = try take(Wire.value(of: line), spectator) { return ending }
      }
      return nil
    } catch {
      child.kill()
      let process = child.id
      return .result(view.died("told its monitor what is no message (\(error))", process: process))
    }
  }

  private mutating func take(
    _ message: WorkerMessage, _ spectator: any Spectator
  ) throws(WireFault) -> Ending? {
    switch message {
    case .event(let event):
      if view.take(event) { stall.move() }
      pairStalls.take(event)
      switch event {
      case .phase: counts = nil
      case .waiting(let devices, nil): counts = AnswerCounts(of: devices)
      default: break
      }
      return carryOut(spectator.heard(event))
    case .plan(let plan):
      stall.move()
      view.take(plan)
      return carryOut(spectator.planned(plan))
    case .devices(let text): return .devices(text)
    case .result(let wire): return .result(try wire.result())
    }
  }

  private mutating func carryOut(_ step: MonitorStep) -> Ending? {
    switch step {
    case .goOn: break
    case .begin:
      hasBegun = true
      send(order: .begin)
    case .ask:
      isAsking = true
      typed = []
    case .answer(let isYes): send(order: .answer(isYes))
    case .end(let result):
      if !hasBegun { child.kill() }
      return .result(result)
    }
    return nil
  }

  /// One byte; what follows the line is left to whoever reads after us.
  private mutating func takeInput(_ spectator: any Spectator) -> Ending? {
    let byte = (try? readStandardInput()) ?? nil
    if let byte, byte != UInt8(ascii: "\n"), typed.count < 4096 {
      typed.append(byte)
      return nil
    }
    isAsking = false
    return carryOut(spectator.answered(String(decoding: typed, as: UTF8.self)))
  }

  /// SIGINT, SIGTERM, SIGHUP: the first ends the run in order, the second right after the drain.
  ///
  /// Before the run nothing is claimed or written: the plan, or the question, ends at once.
  private mutating func takeSignals(_ spectator: any Spectator) -> Ending? {
    while let request = (try? signals.take()) ?? nil {
      guard isUnderWay else {
        child.kill()
        return .result(view.ended(.terminated, "it was ended by request or signal"))
      }
      requests += 1
      isAsking = false
      send(order: .terminate(atOnce: requests > 1, dropping: request == .terminate))
      if requests == 1, let left = view.bytesLeft { spectator.willFinish(bytesLeft: left) }
    }
    return nil
  }

  /// Whether there is something that must end in order.
  private var isUnderWay: Bool {
    if case .devices = view.request { return false }
    return hasBegun
  }

  private mutating func checkDuration() -> Ending? {
    guard let duration = limits.duration, !hasRunOut,
      (SuspendingClock.now - started).seconds >= duration.seconds
    else { return nil }
    hasRunOut = true
    guard isUnderWay else {
      child.kill()
      return .result(view.ended(.timedOut, "its time is over (--max-duration)"))
    }
    send(order: .runOut)
    return nil
  }

  /// The worker has ended, and nothing it has told is unread.
  private mutating func death() -> RunResult {
    let process = child.id
    let ending: ChildProcess.Ending?
    do throws(Errno) {
      ending = try child.ending(within: 1000)
    } catch {
      ending = nil
    }
    switch ending {
    case .killed(let signal):
      let hint = signal == 9 ? " (somebody's, or the kernel's for want of memory: see dmesg)" : ""
      return view.died("was ended by \(signalName(signal))\(hint)", process: process)
    case .exited(let status): return view.died("ended with status \(status) and no result", process: process)
    case nil:
      child.kill()
      return view.died("stopped talking", process: process)
    }
  }

  /// Nothing moves: the answer is given now, though the kernel cannot cancel what was asked of it (PITFALLS D12).
  private mutating func giveUp() -> RunResult {
    var end = WorkerEnd(process: child.id, state: processState(of: child.id), isGone: false)
    child.kill()
    end.isGone = ((try? child.ending(within: 250)) ?? nil) != nil
    if !end.isGone { end.held = view.disks(among: pathsHeld(by: child.id)) }
    // Where all of them hang, one is named.
    if let pair = pairStalls.quietest { return view.stalled(pair: pair.pair, for: pair.seconds, end) }
    return view.stalled(for: stall.quiet, end)
  }
}
