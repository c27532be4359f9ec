import ArgumentParser
import DeviceResync

@main
struct VMResync: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vmresync", abstract: "Bring a recovery VM's disks back in line with the primary's.")
}
