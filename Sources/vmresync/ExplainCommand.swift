import ArgumentParser
import DeviceResync

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Tell what a return value, an exit status or a job state means, and what to do about it.")

  @Argument(help: ArgumentHelp("A number or a name, such as 32774, 46 or Exception.", valueName: "value"))
  var value: String

  func run() throws {
    let found = Explanation.of(value)
    guard !found.isEmpty else {
      throw ResyncError(
        .invalidParameter, "explain", on: value,
        reason: "no return value, exit status or job state is called so",
        remedy: "see them all: man 8 vmresync")
    }
    print(found.map(\.text).joined(separator: "\n"), terminator: "")
  }
}
