import ArgumentParser
import CProbe
import DeviceResync

@main
struct VMResync: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vmresync", abstract: "Bring a recovery VM's disks back in line with the primary's.")

  static func main() {
    // Before all else: in the probing helper it does not return (PITFALLS F1).
    unsafe probe_helper_enter(CommandLine.argc, CommandLine.unsafeArgv)
    main(nil)
  }
}
