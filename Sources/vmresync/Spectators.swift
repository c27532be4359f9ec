import DeviceResync
import Glibc

/// Shows a run, and asks the person at the terminal.
final class RunSpectator: Spectator {
  private let request: RunRequest
  private let asks: Bool
  private let showsPlan: Bool
  private let events: EventPrinter
  private let rangesFile: String?
  /// What is asked, and what becomes of the answer; nil while nothing is asked.
  private var question: (word: String?, step: (Bool) -> MonitorStep)?

  init(
    _ request: RunRequest, confirming: Bool, showsPlan: Bool, events: EventPrinter, rangesFile: String?
  ) {
    self.request = request
    asks = confirming && request.writes
    self.showsPlan = showsPlan
    self.events = events
    self.rangesFile = rangesFile
  }

  func planned(_ plan: PlanReport) -> MonitorStep {
    if showsPlan, plan.isRefused || request.operation == .resync || asks { events.show(plan) }
    if plan.isRefused { return .end(plan.described) }
    guard asks else { return askRest(plan.questions[...], plan) }
    guard Console.canAsk else {
      return .end(
        RunResult(
          request,
          refusedBy: ResyncError(
            .invalidParameter, "ask whether to write", reason: "there is no terminal to ask on",
            remedy: "look at the plan with: \(request.context.typedAgain(.plan)); then add --yes")))
    }
    return ask(RunQuestion("Write to what the plan says is WRITTEN?")) { [self] isYes in
      isYes ? askRest(plan.questions[...], plan) : .end(plan.declined)
    }
  }

  /// Asks what `--yes` does not answer.
  private func askRest(_ questions: ArraySlice<RunQuestion>, _ plan: PlanReport) -> MonitorStep {
    guard let first = questions.first else { return begin() }
    return ask(first) { [self] isYes in
      isYes ? askRest(questions.dropFirst(), plan) : .end(plan.declined)
    }
  }

  private func begin() -> MonitorStep {
    do {
      try events.begin(rangesFile: rangesFile)
      return .begin
    } catch {
      return .end(RunResult(request, refusedBy: error))
    }
  }

  func heard(_ event: RunEvent) -> MonitorStep {
    events.take(event)
    guard case .question(let question) = event else { return .goOn }
    return ask(question) { .answer($0) }
  }

  private func ask(_ question: RunQuestion, _ step: @escaping (Bool) -> MonitorStep) -> MonitorStep {
    self.question = (question.word, step)
    Console.ask(question.text, typing: question.word)
    return .ask
  }

  func answered(_ line: String) -> MonitorStep {
    guard let (word, step) = question else { return .goOn }
    question = nil
    return step(Console.isYes(line, typing: word))
  }

  func willFinish(bytesLeft: UInt64) { events.willFinish(bytesLeft: bytesLeft) }

  /// Ends the display; returns what went wrong with the ranges' file.
  func finish() -> ResyncError? { events.finish() }
}

/// Takes a plan, and carries nothing out.
final class PlanReader: Spectator {
  private(set) var plan: PlanReport?

  func planned(_ plan: PlanReport) -> MonitorStep {
    self.plan = plan
    return .end(plan.described)
  }

  func heard(_ event: RunEvent) -> MonitorStep { .goOn }
  func answered(_ line: String) -> MonitorStep { .goOn }
  func willFinish(bytesLeft: UInt64) {}
}

/// Shows what begins at once and asks nothing: `repair`, `devices`.
final class EventSpectator: Spectator {
  private let events: EventPrinter?

  init(_ events: EventPrinter?) { self.events = events }

  func planned(_ plan: PlanReport) -> MonitorStep { .end(plan.described) }

  func heard(_ event: RunEvent) -> MonitorStep {
    events?.take(event)
    return .goOn
  }

  func answered(_ line: String) -> MonitorStep { .goOn }
  func willFinish(bytesLeft: UInt64) { events?.willFinish(bytesLeft: bytesLeft) }
}
