import ArgumentParser
import DeviceResync
import ReplicationService
import SystemPackage

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show every relationship: its state, why it needs attention, and what to type next.",
    discussion: "What needs attention comes first. No disk is touched.", aliases: ["systems"])

  @Argument(help: ArgumentHelp("Only the relationships of these systems.", valueName: "system"))
  var systems: [String] = []

  @Option(help: ArgumentHelp("Where systems and relationships are described.", valueName: "file"))
  var config: String?

  @OptionGroup var state: StateOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() { CallContext.current.configuration = config.flatMap(Configuration.file) }

  func run() throws {
    let report = try StatusReport(configured(), systems: systems, stateDirectory: state.stateDir)
    for fault in report.faults { Console.error("warning: \(fault)") }
    print(json ? report.json : report.text, terminator: "")
  }

  /// Without a configuration there are the relationships of disks that were named.
  private func configured() throws(ResyncError) -> Configuration? {
    // Who names systems means those of a file.
    guard config != nil || !systems.isEmpty else { return try Configuration.ifPresent()?.completed() }
    return try Configuration(at: config.map { FilePath($0) } ?? Configuration.usualPath).completed(
      for: systems)
  }
}
