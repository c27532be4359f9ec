import ArgumentParser
import DeviceResync
import Glibc

struct DevicesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices",
    abstract: "Show the block devices of this host: what is on them, and who uses them.")

  @Argument(help: ArgumentHelp("Only these devices or images.", valueName: "path"))
  var paths: [String] = []

  @OptionGroup var state: StateOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    do {
      let report = try DeviceReport(of: paths, stateDirectory: state.stateDir)
      // Only a terminal has an edge; a pipe's reader wants labels and paths whole.
      let width = isatty(STDOUT_FILENO) == 1 ? Console.width : 10_000
      print(json ? report.json : report.text(width: width), terminator: "")
    } catch {
      let result = RunResult(nil, refusedBy: error)
      if json { print(result.json, terminator: "") } else { Console.error(result.text, terminator: "") }
      throw ExitCode(result.exitStatus)
    }
  }
}
