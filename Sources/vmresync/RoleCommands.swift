import ArgumentParser
import DeviceResync
import Glibc
import ReplicationService

struct FailoverCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "failover",
    abstract: "Say that a recovery is live, or is about to be: nothing writes it from then on.",
    discussion: """
      Ends a run that has not committed, waits for one that has, and finishes what a stopped one left. It starts no \
      virtual machine. Then either the primary follows, with reverse, or what the recovery gets is given up, with \
      --revert.
      """)

  @OptionGroup var options: RoleOptions

  @Flag(help: "Take it back: what the recovery has got since is overwritten by the next run.")
  var revert = false

  @Flag(
    help: """
      Give up an Inconsistent recovery, which nothing can finish or take back, as it is; asked by typing its name, and \
      recorded.
      """)
  var asIs = false

  func validate() throws {
    if revert, asIs { throw ValidationError("--as-is goes with a failover, and not with its --revert") }
  }

  func run() throws {
    var request = try options.request(revert ? .revertFailover : .failOver)
    request.isAsIs = asIs
    options.run(request, question: revert ? "Give up what the recovery has got since?" : nil)
  }
}

struct ReverseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reverse", abstract: "Exchange primary and recovery, after a failover.",
    discussion: """
      Nothing is read or written by this: the next resync goes the other way, from the live recovery to the former \
      primary. Shows who is read and who is WRITTEN from then on, and asks. Without a terminal, --yes is required. \
      After another failover it goes back.
      """)

  @OptionGroup var options: RoleOptions

  func run() throws {
    options.run(try options.request(.reverse), question: "Exchange primary and recovery?")
  }
}

/// What a change of roles is told.
struct RoleOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp("A computer system of the configuration: primary or recovery.", valueName: "system"))
  var system: String

  @OptionGroup var from: ConfigurationOptions
  @OptionGroup var state: StateOptions
  @OptionGroup var stall: StallOptions

  @Flag(help: "Answer the plan's question with yes.")
  var yes = false

  @Flag(help: "Print one JSON object, whatever happens.")
  var json = false

  func request(_ change: RoleRequest.Change) throws(ResyncError) -> RoleRequest {
    let configuration = try from.configuration(for: [system])
    let roles = try configuration.roles(in: state.stateDir)
    return try configuration.request(
      change, of: configuration.relationship(with: system, named: from.relationship, roles: roles),
      roles: roles, stateDirectory: state.stateDir)
  }

  /// Asks, where there is a `question`, and does it.
  func run(_ request: RoleRequest, question: String?) -> Never {
    let events = EventPrinter(style: json ? .none : .auto)
    let printer = ResultPrinter(json: json, isQuiet: false, showsMap: false)
    let asked = yes ? nil : question.map { RunQuestion($0) }
    Supervision.run(
      .changeRoles(request), stall.limits,
      RoleSpectator(events, asking: asked, showsPlan: !json && question != nil)
    ) { ending in
      _ = events.finish()  // There is no file of ranges.
      return printer.show(ending)
    }
  }
}

/// Shows what a change of roles would do, and asks the person at the terminal.
final class RoleSpectator: Spectator {
  private let events: EventPrinter
  private let asked: RunQuestion?
  private let showsPlan: Bool
  private var plan: PlanReport?
  /// What is to be answered with yes; the first is on the terminal.
  private var questions: [RunQuestion] = []

  init(_ events: EventPrinter, asking question: RunQuestion?, showsPlan: Bool) {
    self.events = events
    asked = question
    self.showsPlan = showsPlan
  }

  func planned(_ plan: PlanReport) -> MonitorStep {
    questions = [asked].compactMap { $0 } + plan.questions
    if showsPlan || !questions.isEmpty { events.show(plan) }
    guard let first = questions.first else { return .begin }
    guard Console.canAsk else {
      return .end(RunResult(nil, refusedBy: Self.noTerminal(first)))
    }
    self.plan = plan
    return ask(first)
  }

  /// What must be typed is no option's to answer.
  private static func noTerminal(_ question: RunQuestion) -> ResyncError {
    let isTyped = question.word != nil
    return ResyncError(
      isTyped ? .invalidState : .invalidParameter, isTyped ? "give up the recovery" : "ask",
      reason: "there is no terminal to ask on",
      remedy: isTyped ? "run the same command on a terminal" : "add --yes")
  }

  private func ask(_ question: RunQuestion) -> MonitorStep {
    Console.ask(question.text, typing: question.word)
    return .ask
  }

  func heard(_ event: RunEvent) -> MonitorStep {
    events.take(event)
    return .goOn
  }

  func answered(_ line: String) -> MonitorStep {
    guard let plan, let question = questions.first else { return .goOn }
    guard Console.isYes(line, typing: question.word) else { return .end(plan.declined) }
    questions.removeFirst()
    guard let next = questions.first else { return .begin }
    return ask(next)
  }

  func willFinish(bytesLeft: UInt64) { events.willFinish(bytesLeft: bytesLeft) }
}
