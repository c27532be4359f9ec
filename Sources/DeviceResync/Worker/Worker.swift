import Synchronization
import SystemPackage

/// The process that touches disks: this executable again, started by its monitor (PITFALLS D12).
///
/// Its main thread takes orders and tells what is under way; discovery, probing, guards, claims and I/O are on another,
/// which may hang on a device.
public enum Worker {
  /// Its argv[0], and its only argument: no command line gives it by mistake, and ps(1) shows it.
  static let name = "vmresync: worker"
  /// What the kernel calls it, at most 15 bytes: who looks for users of a disk reads this.
  static let shortName = "vmresync-worker"

  /// Returns at once in an ordinary process; in one that a monitor started it never returns.
  ///
  /// Call it before anything is opened and before any thread is started.
  ///
  /// - Parameters:
  ///   - arguments: the process's, its name first.
  ///   - systems: tells of the computer systems of this host, by the word of those hypervisors; nil where nobody can.
  public static func enterIfAsked(
    _ arguments: [String], systems: (@Sendable (_ hypervisors: [String]) -> SystemUses)? = nil
  ) {
    guard arguments == [name] else { return }
    if let systems { KnownSystems.ask(systems) }
    do throws(Errno) {
      let ends = try WorkerEnds()
      ignoreTerminal()
      try StopSignals.block()
      try forbidCoreDumps()
      nameProcess(shortName)
      try WorkerProcess(ends).serve()
    } catch {
      // There is no monitor to tell, or it reads this as our end.
      leave(1)
    }
  }

  /// Ends the process without looking back: whatever was opened is closed, and threads may hang.
  fileprivate static func leave(_ status: Int32) -> Never { endProcess(status) }
}

/// The worker from inside.
private final class WorkerProcess: Sendable {
  private let events: EventPipe
  private let control = RunControl()
  private let orders: Guarded<OrderPipe>
  private let done: SharedLatch
  private let start: SharedLatch
  /// Whether there is something that must end in order: then the end of the control pipe is a request to end.
  private let hasBegun = Atomic<Bool>(false)
  private let hasMonitor = Atomic<Bool>(true)

  init(_ ends: consuming WorkerEnds) throws(Errno) {
    done = SharedLatch(try Latch())
    start = SharedLatch(try Latch())
    events = EventPipe(ends.events)
    orders = Guarded(OrderPipe(ends.control))
  }

  /// How often the main thread looks what is under way, in milliseconds.
  private static let beat: Int32 = 250

  func serve() throws(Errno) -> Never {
    guard let request: WorkerRequest = orders.withLock({ $0.waitForFirst() }) else { Worker.leave(1) }
    CallContext.current = request.context
    // Whoever signals every process of a group or a service reaches the monitor too, and is not to count twice.
    try StopSignals.listen { [self] in
      if hasMonitor.load(ordering: .acquiring) { control.terminateInOrder() } else { control.terminate() }
    }
    if !request.waitsForBeginning { begin() }
    let work = try IOThread { [self] in
      carryOut(request)
      done.open()
    }
    var pulse = Pulse()
    while !done.wait(milliseconds: 0) {
      let isDone = orders.withLock { $0.wait(besides: done, milliseconds: Self.beat) }
      if isDone { break }
      takeOrders()
      for event in pulse.beat(control) { events.tell(.event(event)) }
    }
    _ = consume work  // Waits for its end, which the latch announced.
    Worker.leave(0)
  }

  private func begin() {
    hasBegun.store(true, ordering: .releasing)
    start.open()
  }

  private func takeOrders() {
    let (taken, hasEnded) = orders.withLock { $0.take() }
    for order in taken {
      switch order {
      case .begin: begin()
      case .terminate(let atOnce, let dropping):
        if dropping { control.dropWork() }
        atOnce ? control.terminateAtOnce() : control.terminateInOrder()
        events.tell(.event(.ending))
      case .runOut:
        control.runOut()
        events.tell(.event(.ending))
      case .answer(let isYes): control.answer(isYes)
      }
    }
    guard hasEnded, hasMonitor.exchange(false, ordering: .acquiringAndReleasing) else { return }
    // Nothing is claimed or written before the beginning.
    guard hasBegun.load(ordering: .acquiring) else { Worker.leave(1) }
    // Before a commit it ends in order; beyond it, it goes on alone.
    control.terminateInOrder()
  }

  private func carryOut(_ request: WorkerRequest) {
    let tell: @Sendable (RunEvent) -> Void = { [events] in events.tell(.event($0)) }
    switch request {
    case .resynchronize(let request): resynchronize(request, tell)
    case .repair(let request): finish(repair(request, control: control, report: tell))
    case .rollBack(let request):
      request.discards ? finish(discardRecoveryPoint(request)) : rollBack(request, tell)
    case .changeRoles(let request): changeRoles(request, tell)
    case .devices(let request):
      do throws(ResyncError) {
        tell(.phase(.planning, pair: 0))
        let report = try DeviceReport(of: request.paths, stateDirectory: request.stateDirectory)
        events.tell(.devices(request.json ? report.json : report.text(width: request.width)))
      } catch {
        finish(RunResult(nil, refusedBy: error))
      }
    }
  }

  private func resynchronize(_ request: RunRequest, _ tell: @escaping @Sendable (RunEvent) -> Void) {
    do throws(ResyncError) {
      tell(.phase(.planning, pair: 0))
      let plan = try makePlan(request)
      events.tell(.plan(PlanReport(plan)))
      // The monitor ends us where it is not to be carried out.
      guard plan.refusal == nil else { return waitForTheEnd() }
      while !hasBegun.load(ordering: .acquiring) { _ = start.wait(milliseconds: 60_000) }
      finish(run(plan, control: control, report: tell))
    } catch {
      finish(RunResult(request, refusedBy: error))
    }
  }

  private func rollBack(_ request: RollbackRequest, _ tell: @escaping @Sendable (RunEvent) -> Void) {
    do throws(ResyncError) {
      tell(.phase(.planning, pair: 0))
      let plan = try makeRollbackPlan(request)
      events.tell(.plan(PlanReport(plan)))
      while !hasBegun.load(ordering: .acquiring) { _ = start.wait(milliseconds: 60_000) }
      finish(DeviceResync.rollBack(plan, control: control, report: tell))
    } catch {
      finish(RunResult(nil, refusedBy: error))
    }
  }

  private func changeRoles(_ request: RoleRequest, _ tell: @escaping @Sendable (RunEvent) -> Void) {
    do throws(ResyncError) {
      tell(.phase(.planning, pair: 0))
      let plan = try makeRolePlan(request)
      if let done = plan.done {
        var result = RunResult(nil, .completed, done, [])
        result.computerSystem = plan.request.recovery
        return finish(result)
      }
      events.tell(.plan(PlanReport(plan)))
      while !hasBegun.load(ordering: .acquiring) { _ = start.wait(milliseconds: 60_000) }
      finish(DeviceResync.changeRoles(plan, control: control, report: tell))
    } catch {
      var result = RunResult(nil, refusedBy: error)
      result.computerSystem = request.recovery
      finish(result)
    }
  }

  /// Until the monitor closes the control pipe, which ends the process.
  private func waitForTheEnd() { while true { pause(milliseconds: 60_000) } }

  private func finish(_ result: RunResult) { events.tell(.result(RunResult.Wire(result))) }
}

/// The worker's end of the control pipe.
private struct OrderPipe: ~Copyable {
  private let pipe: OwnedDescriptor
  private var lines = LineBuffer(longest: 1 << 24)
  private var hasEnded = false

  init(_ pipe: consuming OwnedDescriptor) { self.pipe = pipe }

  /// The request; nil where none comes.
  mutating func waitForFirst() -> WorkerRequest? {
    while !hasEnded {
      if let line = try? lines.next() { return try? Wire.value(of: line) }
      read()
    }
    return nil
  }

  /// Waits for orders or for the work's end; returns whether it has ended.
  func wait(besides done: SharedLatch, milliseconds: Int32) -> Bool {
    let ready = try? waitForReadable(
      [done.descriptor, hasEnded ? -1 : pipe.rawValue], milliseconds: milliseconds)
    return ready?[0] ?? false
  }

  /// What came, without waiting, and whether the pipe has ended.
  mutating func take() -> (orders: [WorkerOrder], hasEnded: Bool) {
    var orders: [WorkerOrder] = []
    if !hasEnded, (try? waitForReadable([pipe.rawValue], milliseconds: 0))?[0] == true { read() }
    // A line that is no order is none of our monitor's: as if it were gone.
    do throws(WireFault) {
      while let line = try lines.next() { orders.append(try Wire.value(of: line)) }
    } catch {
      hasEnded = true
    }
    return (orders, hasEnded)
  }

  private mutating func read() {
    let bytes = (try? pipe.take(65536)) ?? []
    if bytes.isEmpty { hasEnded = true } else { lines.append(bytes) }
  }
}

/// Signs of life for the monitor.
private struct Pulse {
  private var movements: UInt64?
  private var waiting: [Activity] = []
  private var told: [PairActivity] = []

  /// What is to be told: nothing where nothing is new.
  mutating func beat(_ control: RunControl) -> [RunEvent] {
    [activity(control), pairs()].compactMap { $0 }
  }

  private mutating func activity(_ control: RunControl) -> RunEvent? {
    let now = UnderWay.movements &+ control.completions.load(ordering: .relaxed)
    if now != movements {
      movements = now
      waiting = []
      return .activity(movements: now, waiting: [])
    }
    let waiting = Array((UnderWay.attempts + InFlightBoard.activities).prefix(64))
    guard waiting != self.waiting else { return nil }
    self.waiting = waiting
    return .activity(movements: now, waiting: waiting)
  }

  /// Of each pair for itself; one that waits for another is not judged.
  private mutating func pairs() -> RunEvent? {
    let now = Strand.running.filter(\.isJudged).map { strand in
      let movements = strand.movements
      let hasMoved = told.first { $0.pair == strand.pair }?.movements != movements
      var waiting =
        hasMoved ? [] : UnderWay.attempts(of: strand) + InFlightBoard.activities(of: strand)
      // Then it can only wait for what all pairs fill.
      if waiting.isEmpty, !hasMoved { waiting = InFlightBoard.activities(of: nil) }
      return PairActivity(pair: strand.pair, movements: movements, waiting: Array(waiting.prefix(64)))
    }
    defer { told = now }
    // Each may be left out where nobody reads, so that it is told again and again; that there is none is not.
    return now.isEmpty && told.isEmpty ? nil : .pairs(now)
  }
}
