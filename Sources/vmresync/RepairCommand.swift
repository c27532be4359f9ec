import ArgumentParser
import DeviceResync

struct RepairCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair",
    abstract: "Finish what a stopped staged run left, or drop it where nothing was committed.",
    discussion: "Needs the recovery only. A run that names one of the disks does the same by itself.")

  @Argument(help: ArgumentHelp("The recoveries: block devices or raw images.", valueName: "path"))
  var paths: [String]

  @OptionGroup var state: StateOptions
  @OptionGroup var stall: StallOptions

  @OptionGroup var engine: EngineOptions
  @OptionGroup var parallel: ParallelOptions
  @OptionGroup var hypervisors: HypervisorOptions

  @Flag(help: "Print one JSON object, whatever happens.")
  var json = false

  func run() throws {
    var request = RepairRequest(
      paths, stateDirectory: state.stateDir, engine: engine.engine, parallel: parallel.parallel)
    request.hypervisors = try hypervisors.known()
    let events = EventPrinter(style: json ? .none : .auto)
    let printer = ResultPrinter(json: json, isQuiet: false, showsMap: false)
    Supervision.run(.repair(request), stall.limits, EventSpectator(events)) { ending in
      _ = events.finish()  // There is no file of ranges.
      return printer.show(ending)
    }
  }
}

/// Where state is kept.
struct StateOptions: ParsableArguments {
  @Option(
    name: .customLong("state-dir"),
    help: ArgumentHelp("Where relationships, disks and staged differences are remembered.", valueName: "dir"))
  var typedStateDir = RunRequest.usualStateDirectory

  /// From the root on: a job runs in another working directory.
  var stateDir: String { absolutePath(typedStateDir) }

  // Before anything is done: whatever is printed from here on may name a command.
  func validate() { CallContext.current.stateDirectory = stateDir }
}
