import ArgumentParser
import DeviceResync
import Glibc

struct RollbackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback",
    abstract: "Go back to what the recoveries held before their last run.",
    discussion: """
      Needs a recovery point, which resync --recovery-point keeps, and no primary. All recoveries of that run go back \
      together. Everything is read first: where somebody has written since the run, nothing is done. Shows what is \
      WRITTEN, and asks. Without a terminal, --yes is required.
      """)

  @Argument(
    help: ArgumentHelp("The recoveries, or one of them: block devices or raw images.", valueName: "path"))
  var paths: [String]

  @Flag(help: "Remove what is kept, and leave the recoveries as they are.")
  var discard = false

  @OptionGroup var state: StateOptions
  @OptionGroup var stall: StallOptions

  @OptionGroup var engine: EngineOptions
  @OptionGroup var hypervisors: HypervisorOptions

  @Flag(help: "Answer the plan's question with yes.")
  var yes = false

  @Flag(help: "Print one JSON object, whatever happens.")
  var json = false

  func run() throws {
    var request = RollbackRequest(paths, stateDirectory: state.stateDir, engine: engine.engine)
    request.discards = discard
    request.hypervisors = try hypervisors.known()
    let events = EventPrinter(style: json ? .none : .auto)
    let printer = ResultPrinter(json: json, isQuiet: false, showsMap: false)
    Supervision.run(
      .rollBack(request), stall.limits, RollbackSpectator(events, confirming: !yes, showsPlan: !json)
    ) { ending in
      _ = events.finish()  // There is no file of ranges.
      return printer.show(ending)
    }
  }
}

/// Shows a rollback, and asks the person at the terminal.
final class RollbackSpectator: Spectator {
  private let events: EventPrinter
  private let asks: Bool
  private let showsPlan: Bool
  private var plan: PlanReport?

  init(_ events: EventPrinter, confirming: Bool, showsPlan: Bool) {
    self.events = events
    asks = confirming
    self.showsPlan = showsPlan
  }

  func planned(_ plan: PlanReport) -> MonitorStep {
    if showsPlan || asks { events.show(plan) }
    guard asks else { return .begin }
    guard Console.canAsk else {
      return .end(
        RunResult(
          nil,
          refusedBy: ResyncError(
            .invalidParameter, "ask whether to write", reason: "there is no terminal to ask on",
            remedy: "add --yes")))
    }
    self.plan = plan
    Console.ask("Write to what the plan says is WRITTEN?", typing: nil)
    return .ask
  }

  func heard(_ event: RunEvent) -> MonitorStep {
    events.take(event)
    return .goOn
  }

  func answered(_ line: String) -> MonitorStep {
    guard let plan, !Console.isYes(line, typing: nil) else { return .begin }
    return .end(plan.declined)
  }

  func willFinish(bytesLeft: UInt64) { events.willFinish(bytesLeft: bytesLeft) }
}
