import ArgumentParser
import DeviceResync
import Glibc

/// One call of `compare`, `resync` or `plan`: the worker plans and runs; here is shown, asked and printed.
struct Session {
  private let request: RunRequest
  private let printer: ResultPrinter
  private let output: ProgressOptions?
  private let rangesFile: String?
  private let limits: RunLimits

  init(
    _ request: RunRequest, json: Bool, limits: RunLimits, output: ProgressOptions? = nil,
    showsMap: Bool = false,
    rangesFile: String? = nil
  ) {
    self.request = request
    printer = ResultPrinter(json: json, isQuiet: output?.quiet ?? false, showsMap: showsMap)
    self.output = output
    self.rangesFile = rangesFile
    self.limits = limits
  }

  /// Prints the plan, and ends as the run would.
  func showPlan() -> Never {
    let spectator = PlanReader()
    Supervision.run(.resynchronize(request), limits, spectator) { ending in
      guard let plan = spectator.plan, case .result(let result) = ending else { return printer.show(ending) }
      guard !printer.json else { return printer.show(ending) }
      print(plan.fullText, terminator: "")
      print("\(result.returnValue.rawValue) \(result.returnValue.name): \(result.message)")
      return result.exitStatus
    }
  }

  /// Plans, asks where `confirming`, and runs.
  func run(confirming: Bool) -> Never {
    let style = output?.progress ?? .auto
    let spectator = RunSpectator(
      request, confirming: confirming, showsPlan: !printer.json && !printer.isQuiet,
      events: EventPrinter(
        style: printer.isQuiet || printer.json && style != .json ? .none : style, isQuiet: printer.isQuiet),
      rangesFile: rangesFile)
    Supervision.run(.resynchronize(request), limits, spectator) { ending in
      if let error = spectator.finish() { return printer.show(.result(RunResult(request, refusedBy: error))) }
      return printer.show(ending)
    }
  }
}

/// Starts the worker for a request, and ends as it does.
enum Supervision {
  /// Runs it; `show` prints how it ended, and returns the exit status.
  static func run(
    _ request: WorkerRequest, _ limits: RunLimits, _ spectator: some Spectator,
    _ show: (Monitor.Ending) -> Int32
  ) -> Never {
    let status: Int32
    do {
      try prepareProcess()
      var monitor = try Monitor(request, limits: limits)
      status = show(monitor.watch(spectator))
      fflush(nil)
      monitor.close()
    } catch {
      status = show(.result(RunResult(request.run, refusedBy: error)))
      fflush(nil)
    }
    Glibc.exit(status)
  }

  private static func prepareProcess() throws(ResyncError) {
    do {
      try StopSignals.block()
      try forbidCoreDumps()
    } catch {
      throw ResyncError(.kernel(error, .setUp), "prepare the process")
    }
    // Whoever reads what is printed may go away (`| head`): that must not end a run half-way.
    signal(SIGPIPE, SIG_IGN)
  }
}

extension WorkerRequest {
  /// The run that is asked for, where it is one.
  var run: RunRequest? { if case .resynchronize(let request) = self { request } else { nil } }
}

/// Prints how a call ended.
struct ResultPrinter {
  let json: Bool
  let isQuiet: Bool
  let showsMap: Bool

  /// Prints it; returns the exit status.
  func show(_ ending: Monitor.Ending) -> Int32 {
    switch ending {
    case .devices(let text):
      print(text, terminator: "")
      return 0
    case .result(let result):
      if json {
        print(result.json, terminator: "")
      } else if !isQuiet {
        if result.operation == .compare, showsMap || isatty(STDOUT_FILENO) == 1 {
          print(result.map(width: Console.width), terminator: "")
        }
        print(result.text, terminator: "")
      } else if result.returnValue != .completed {
        Console.error(result.text, terminator: "")
      }
      return result.exitStatus
    }
  }
}
