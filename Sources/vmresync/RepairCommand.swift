import ArgumentParser
import DeviceResync
import Glibc

struct RepairCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair",
    abstract: "Finish what a stopped staged run left, or drop it where nothing was committed.",
    discussion: "Needs the recovery only. A run that names one of the disks does the same by itself.")

  @Argument(help: ArgumentHelp("The recoveries: block devices or raw images.", valueName: "path"))
  var paths: [String]

  @OptionGroup var state: StateOptions

  @OptionGroup var engine: EngineOptions

  @Flag(help: "Print one JSON object, whatever happens.")
  var json = false

  func run() throws {
    let control = RunControl()
    do {
      try StopSignals.block()
      try forbidCoreDumps()
      try StopSignals.listen { control.terminate() }
    } catch {
      throw ExitCode(ReturnValue.failed.exitStatus)
    }
    let events = try EventPrinter(style: json ? .none : .auto, rangesFile: nil)
    let result = repair(paths, stateDirectory: state.stateDir, engine: engine.engine, control: control) {
      events.take($0)
    }
    _ = events.finish()
    print(json ? result.json : result.text, terminator: "")
    fflush(nil)
    Glibc.exit(result.exitStatus)
  }
}

/// Where state is kept.
struct StateOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Where relationships, disks and staged differences are remembered.", valueName: "dir"))
  var stateDir = "/var/lib/vmresync"
}
