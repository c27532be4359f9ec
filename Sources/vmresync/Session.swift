import ArgumentParser
import DeviceResync
import Glibc
import Synchronization
import SystemPackage

/// One call of `compare`, `resync` or `plan`: plan, ask, run, print.
struct Session {
  private let request: RunRequest
  private let json: Bool
  private let output: ProgressOptions?
  private let showsMap: Bool
  private let rangesFile: String?
  private let stage = Stage()

  /// How far the call is; whoever ends the process holds the lock until the end, so that one result is printed.
  private final class Stage: Sendable {
    let hasBegun = Mutex(false)
  }

  init(
    _ request: RunRequest, json: Bool, output: ProgressOptions? = nil, showsMap: Bool = false,
    rangesFile: String? = nil
  ) {
    self.request = request
    self.json = json
    self.output = output
    self.showsMap = showsMap
    self.rangesFile = rangesFile
  }

  private var isQuiet: Bool { output?.quiet ?? false }

  /// Prints the plan, and ends as the run would.
  func showPlan() throws {
    let plan = try planned()
    let result = RunResult(describing: plan)
    if json {
      print(result.json, terminator: "")
    } else {
      print(plan.text(allVerdicts: true), terminator: "")
      print("\(result.returnValue.rawValue) \(result.returnValue.name): \(result.message)")
    }
    throw ExitCode(result.exitStatus)
  }

  /// Plans, asks where `confirming`, and runs.
  func run(confirming: Bool) throws {
    let control = RunControl()
    try prepareProcess(control)
    let plan = try planned()
    let asks = confirming && request.writes
    if plan.refusal != nil {
      if !json && !isQuiet { Console.error(plan.text(allVerdicts: false), terminator: "") }
      try finish(RunResult(refusing: plan))
    }
    if !json && !isQuiet && (request.operation == .resync || asks) {
      Console.error(plan.text(allVerdicts: false), terminator: "")
    }
    if asks { try confirm(plan) }
    try confirmRest(plan)

    let events = try makeEvents()
    stage.hasBegun.withLock { $0 = true }
    let result = DeviceResync.run(plan, control: control) { event in
      events.take(event)
      if case .question(let question) = event {
        control.answer(Console.confirms(question.text, typing: question.word))
      }
    }
    if let error = events.finish() { try finish(RunResult(request, refusedBy: error)) }
    try finish(result)
  }

  private func prepareProcess(_ control: RunControl) throws {
    do {
      try StopSignals.block()
      try forbidCoreDumps()
      try StopSignals.listen { end(control) }
    } catch {
      try finish(RunResult(request, refusedBy: ResyncError(.kernel(error, .setUp), "prepare the process")))
    }
    // Whoever reads what is printed may go away (`| head`): that must not end a run half-way.
    signal(SIGPIPE, SIG_IGN)
  }

  /// SIGINT, SIGTERM, SIGHUP: the first ends the run in order, the second right after the drain.
  ///
  /// Before the run nothing is claimed or written: the plan, or the question, ends at once.
  private func end(_ control: RunControl) {
    stage.hasBegun.withLock { hasBegun in
      guard !hasBegun else { return control.terminate() }
      var result = RunResult(
        request, refusedBy: ResyncError(.terminated, "start", reason: "it was ended by request or signal"))
      result.wasTerminated = true
      show(result)
    }
  }

  private func makeEvents() throws -> EventPrinter {
    do {
      return try EventPrinter(
        style: json || isQuiet ? .none : output?.progress ?? .auto, rangesFile: rangesFile)
    } catch let error as ResyncError {
      try finish(RunResult(request, refusedBy: error))
    }
  }

  private func planned() throws -> Plan {
    do {
      return try makePlan(request)
    } catch {
      try finish(RunResult(request, refusedBy: error))
    }
  }

  private func confirm(_ plan: Plan) throws {
    guard request.isInteractive else {
      try finish(
        RunResult(
          request,
          refusedBy: ResyncError(
            .invalidParameter, "ask whether to write", reason: "there is no terminal to ask on",
            remedy: "look at the plan with: vmresync plan; then add --yes")))
    }
    guard Console.confirms("Write to what the plan says is WRITTEN?") else {
      try finish(RunResult(declining: plan))
    }
  }

  /// Asks what `--yes` does not answer.
  private func confirmRest(_ plan: Plan) throws {
    for question in plan.questions where !Console.confirms(question.text, typing: question.word) {
      try finish(RunResult(declining: plan))
    }
  }

  /// Prints `result` and ends with its exit status.
  private func finish(_ result: RunResult) throws -> Never {
    stage.hasBegun.withLock { _ in show(result) }
  }

  private func show(_ result: RunResult) -> Never {
    if json {
      print(result.json, terminator: "")
    } else if !isQuiet {
      if request.operation == .compare, showsMap || isatty(STDOUT_FILENO) == 1 {
        print(result.map(width: Console.width), terminator: "")
      }
      print(result.text, terminator: "")
    } else if result.returnValue != .completed {
      Console.error(result.text, terminator: "")
    }
    fflush(nil)
    Glibc.exit(result.exitStatus)
  }
}
