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

  @OptionGroup var stall: StallOptions

  func run() throws {
    // Only a terminal has an edge; a pipe's reader wants labels and paths whole.
    let width = isatty(STDOUT_FILENO) == 1 ? Console.width : 10_000
    let request = DevicesRequest(paths, stateDirectory: state.stateDir, json: json, width: width)
    // Without its devices the call has nothing for standard output, but in JSON.
    let printer = ResultPrinter(json: json, isQuiet: true, showsMap: false)
    Supervision.run(.devices(request), stall.limits, EventSpectator(nil)) { printer.show($0) }
  }
}
