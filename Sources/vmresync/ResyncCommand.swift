import ArgumentParser
import DeviceResync
import ReplicationService

struct ResyncCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resync", abstract: "Write the blocks that differ from the primary to the recovery.",
    discussion: """
      Shows who is read and who is WRITTEN, and asks. Without a terminal, --yes is required. A staged run that \
      stops before its commit leaves the recovery as it was; one that stops in place leaves old and new blocks mixed: \
      run it again before the recovery is used. It goes on where it was, if both disks are shown to be unchanged.
      """)

  @OptionGroup var options: WritingRunOptions

  @Flag(help: "Do everything but write; exits with 1 where something would be written.")
  var dryRun = false

  func run() throws { try options.run { $0.isDryRun = dryRun } }
}

struct ResumeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Go on with a stopped run where it was; refused where there is none.",
    discussion: """
      The same as resync, which goes on by itself: where both disks are shown to be unchanged since, and else at 0. \
      After a staged run that had no room for all that differs, --write-back in-place writes what is known to differ \
      without comparing the rest again.
      """)

  @OptionGroup var options: WritingRunOptions

  func run() throws { try options.run { $0.mustContinue = true } }
}

/// What a run that writes is told: what `resync` and `resume` share.
struct WritingRunOptions: ParsableArguments {
  @OptionGroup(title: "Disks") var pairs: PairOptions
  @OptionGroup(title: "Writing") var writing: WriteOptions
  @OptionGroup(title: "Time") var start: StartOptions
  @OptionGroup(title: "Time") var limits: LimitOptions
  @OptionGroup(title: "Output") var output: ProgressOptions

  @Flag(help: "Answer the plan's question with yes.")
  var yes = false

  // For tests that count the worker's calls: the monitor makes none of the same kind then.
  @Flag(help: .hidden)
  var noRecord = false

  /// Plans, asks and runs, once `change` has made the request the command's own.
  func run(_ change: (inout RunRequest) -> Void) throws {
    let mode = try start.mode()
    var call = try pairs.call(.resync, stateDirectory: writing.state.stateDir)
    writing.apply(to: &call.request)
    limits.apply(to: &call.limits)
    change(&call.request)
    call.leavesRecord = !noRecord
    if case .later = mode {
      if call.request.isDryRun { throw ValidationError("--dry-run does not start a job; leave out when") }
      // When it runs nobody can be asked; the plan's own question is asked now.
      call.request.isInteractive = false
    }
    Session(call, json: pairs.json, output: output).run(mode, confirming: !yes)
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

  @Flag(help: "The plan of a run that does not write.")
  var dryRun = false

  func run() throws {
    var call = try pairs.call(.resync, stateDirectory: writing.state.stateDir)
    writing.apply(to: &call.request)
    call.request.isDryRun = dryRun
    stall.apply(to: &call.limits)
    Session(call, json: pairs.json).showPlan()
  }
}
