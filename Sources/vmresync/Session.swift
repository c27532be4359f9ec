import ArgumentParser
import DeviceResync
import Glibc
import ReplicationService
import SystemPackage

/// One call of `compare`, `resync` or `plan`: the worker plans and runs; here is shown, asked and printed.
struct Session {
  private let call: ServiceCall
  private let printer: ResultPrinter
  private let output: ProgressOptions?
  private let rangesFile: String?

  init(
    _ call: ServiceCall, json: Bool, output: ProgressOptions? = nil, showsMap: Bool = false,
    rangesFile: String? = nil
  ) {
    self.call = call
    printer = ResultPrinter(json: json, isQuiet: output?.quiet ?? false, showsMap: showsMap)
    self.output = output
    self.rangesFile = rangesFile
  }

  /// Prints the plan, and ends as the run would.
  func showPlan() -> Never {
    let spectator = PlanReader()
    Supervision.run(.resynchronize(call.request), call.limits, spectator) { ending in
      guard let plan = spectator.plan, case .result(let result) = ending else { return printer.show(ending) }
      guard !printer.json else { return printer.show(ending) }
      print(plan.fullText, terminator: "")
      print("\(result.returnValue.rawValue) \(result.returnValue.name): \(result.message)")
      return result.exitStatus
    }
  }

  /// Plans, asks where `confirming`, and runs, as a job where one is recorded.
  func run(_ mode: JobMode, confirming: Bool) -> Never {
    let style = output?.progress ?? .auto
    let spectator = RunSpectator(
      call.request, confirming: confirming, showsPlan: !printer.json && !printer.isQuiet,
      events: EventPrinter(
        style: printer.isQuiet || printer.json && style != .json ? .none : style, isQuiet: printer.isQuiet),
      rangesFile: rangesFile)
    func show(_ ending: Monitor.Ending) -> Int32 {
      if let error = spectator.finish() {
        return printer.show(.result(RunResult(call.request, refusedBy: error)))
      }
      return printer.show(ending)
    }
    guard call.isRecorded else {
      Supervision.run(.resynchronize(call.request), call.limits, spectator, show)
    }
    Supervision.run(JobSpectator(spectator, call, mode), call, show)
  }
}

extension JobSpectator {
  /// In the state directory of the call; another process is this program again.
  convenience init(_ base: Base, _ call: ServiceCall, _ mode: JobMode) {
    let directory = call.request.stateDirectory
    self.init(base, call, mode) { id throws(ResyncError) in try launchJob(id, stateDirectory: directory) }
  }
}

/// Starts the worker for a request, and ends as it does.
enum Supervision {
  /// Runs a job; `show` prints how it ended, and returns the exit status.
  static func run(
    _ job: JobSpectator<some Spectator>, _ call: ServiceCall, _ show: (Monitor.Ending) -> Int32
  ) -> Never {
    run(.resynchronize(call.request), call.limits, job) { ending in
      guard case .result(let result) = ending else { return show(ending) }
      return show(.result(job.finished(result)))
    }
  }

  /// Runs it; `show` prints how it ended, and returns the exit status.
  static func run(
    _ request: WorkerRequest, _ limits: RunLimits, _ spectator: some Spectator,
    _ show: (Monitor.Ending) -> Int32
  ) -> Never {
    let status: Int32
    CallContext.current = request.context
    do {
      try prepareForMonitor()
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
