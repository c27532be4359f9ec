import ArgumentParser
import DeviceResync

struct ResyncCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resync", abstract: "Write the blocks that differ from the primary to the recovery.",
    discussion: """
      Shows who is read and who is WRITTEN, and asks. Without a terminal, --yes is required. A run that stops \
      half-way leaves the recovery with old and new blocks mixed: run it again before the recovery is used.
      """)

  @OptionGroup(title: "Disks") var pairs: PairOptions
  @OptionGroup(title: "Writing") var writing: WriteOptions
  @OptionGroup(title: "Time") var limits: LimitOptions
  @OptionGroup(title: "Output") var output: ProgressOptions

  @Flag(help: "Answer the plan's question with yes.")
  var yes = false

  func run() throws {
    var request = try pairs.request(.resync)
    writing.apply(to: &request)
    Session(request, json: pairs.json, limits: limits.limits, output: output).run(confirming: !yes)
  }
}

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Show what resync would do, and every guard's verdict; opens nothing for writing.",
    discussion: "Exits as the run would.")

  @OptionGroup(title: "Disks") var pairs: PairOptions
  @OptionGroup(title: "Writing") var writing: WriteOptions
  @OptionGroup(title: "Time") var stall: StallOptions

  func run() throws {
    var request = try pairs.request(.resync)
    writing.apply(to: &request)
    Session(request, json: pairs.json, limits: stall.limits).showPlan()
  }
}
