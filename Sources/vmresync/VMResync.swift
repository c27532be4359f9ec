import ArgumentParser
import CProbe
import DeviceResync
import Glibc
import ReplicationService

@main
struct VMResync: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vmresync",
    abstract: "Bring a recovery VM's disks back in line with the primary's.",
    discussion: """
      Compares the disks of two virtual machines block by block, with direct I/O, and writes the blocks that \
      differ from the primary to the recovery.

      Exit status: 0 done (or identical), 1 compare found differences, 21 ended by a signal, 22 completed with \
      warnings (a running source), 23 the plan was declined, 40-51 the return values 32768-32779; see vmresync(8).
      """,
    version: vmresyncVersion,
    subcommands: [
      CompareCommand.self, ResyncCommand.self, ResumeCommand.self, PlanCommand.self, DevicesCommand.self,
      RepairCommand.self, RollbackCommand.self, FailoverCommand.self, ReverseCommand.self, JobCommand.self,
      StatusCommand.self, ConfigCommand.self, ExplainCommand.self,
    ])

  static func main() {
    // Before all else: in the probing helper it does not return (PITFALLS F1).
    unsafe probe_helper_enter(CommandLine.argc, CommandLine.unsafeArgv)
    // In the process that touches disks it does not, either, nor in the one that keeps a job's record.
    ReplicationService.enterIfAsked(CommandLine.arguments)
    // There may be nowhere to say why.
    guard (try? holdStandardDescriptors()) != nil else { Glibc.exit(ReturnValue.failed.exitStatus) }
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let error as ResyncError {
      // Before a worker was there.
      let isJSON = CommandLine.arguments.contains("--json")
      Glibc.exit(
        ResultPrinter(json: isJSON, isQuiet: false, showsMap: false).show(
          .result(RunResult(nil, refusedBy: error))))
    } catch {
      let code = exitCode(for: error)
      if code.isSuccess { exit(withError: error) }  // --help and --version
      if code.rawValue != ExitCode.validationFailure.rawValue { Glibc.exit(code.rawValue) }
      UsageError.report(fullMessage(for: error))
    }
  }
}

/// The version that `--version` prints and the man page names.
let vmresyncVersion = "0.1.0"

/// A command line that makes no sense: 32773, in the form that was asked for.
enum UsageError {
  static func report(_ message: String) -> Never {
    let error = ResyncError(
      .invalidParameter, "understand the command line",
      reason: message.split(separator: "\n").first.map { firstLine($0) } ?? "it is empty", remedy: nil)
    if CommandLine.arguments.contains("--json") {
      print(RunResult(nil, refusedBy: error).json, terminator: "")
    } else {
      Console.error(message)
      Console.error("\(ReturnValue.invalidParameter.rawValue) \(ReturnValue.invalidParameter.name)")
    }
    Glibc.exit(ReturnValue.invalidParameter.exitStatus)
  }

  private static func firstLine(_ line: Substring) -> String {
    line.hasPrefix("Error: ") ? String(line.dropFirst("Error: ".count)) : String(line)
  }
}
