import ArgumentParser
import DeviceResync
import ReplicationService

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare", abstract: "Compare disks; reads only, locks nothing.",
    discussion: "Exits with 0 where they are identical, with 1 where they differ.")

  @OptionGroup(title: "Disks") var pairs: PairOptions
  @OptionGroup(title: "Time") var limits: LimitOptions
  @OptionGroup(title: "Output") var output: ProgressOptions
  @OptionGroup var state: StateOptions

  @Flag(help: "Draw where on the disk the differences lie; by itself on a terminal.")
  var map = false

  @Option(help: ArgumentHelp("Write every difference to a file, one JSON object a line.", valueName: "file"))
  var ranges: String?

  @Option(help: ArgumentHelp("Most differences in the JSON.", valueName: "n"))
  var maxRanges = 4096

  @Option(help: ArgumentHelp("First byte to compare.", valueName: "offset"))
  var byteOffset: Size?

  @Option(help: ArgumentHelp("Number of bytes to compare.", valueName: "length"))
  var byteLength: Size?

  func validate() throws {
    if let length = byteLength?.bytes {
      if length == 0 { throw ValidationError("--byte-length 0 compares nothing") }
      if (byteOffset?.bytes ?? 0).addingReportingOverflow(length).overflow {
        throw ValidationError("--byte-offset and --byte-length end beyond 64 bits")
      }
    }
    if !(0...1_000_000).contains(maxRanges) { throw ValidationError("--max-ranges can be 0 to 1000000") }
  }

  func run() throws {
    var call = try pairs.call(.compare, stateDirectory: state.stateDir)
    call.request.stateDirectory = state.stateDir
    call.request.maxRanges = maxRanges
    call.request.streamsRanges = ranges != nil
    call.request.windowOffset = byteOffset?.bytes ?? 0
    call.request.windowLength = byteLength?.bytes
    limits.apply(to: &call.limits)
    Session(call, json: pairs.json, output: output, showsMap: map, rangesFile: ranges)
      .run(.now, confirming: false)
  }
}
