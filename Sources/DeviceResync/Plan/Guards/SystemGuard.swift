/// The computer system whose disk the recovery is must be off, by the word of who runs it (INVENTORY A5; PITFALLS A24).
enum SystemGuard: Guard {
  static let name = "systems"
  static let protectsWritingOnly = true

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let hosted = facts.host.hosted
    guard !hosted.asked.isEmpty else { return passed("no hypervisor is there that could be asked") }
    let users = hosted.systems(using: facts.recovery)
    var verdicts = users.filter { $0.state != .off }.map(verdict)
    if let known = facts.request.recoverySystems, facts.isFirstRun {
      verdicts += users.filter { $0.names.isDisjoint(with: known) }.map { stranger($0, facts) }
    }
    if !hosted.silent.isEmpty {
      verdicts.append(
        .warning(
          name, "not everybody who may run computer systems here has answered",
          evidence: hosted.silent.map(printable)))
    }
    if !verdicts.isEmpty { return verdicts }
    if users.isEmpty { return passed("it is the disk of no computer system that is known here") }
    return passed("\(titles(users)), whose disk it is, \(users.count == 1 ? "is" : "are") off")
  }

  private static func verdict(_ system: SystemUse) -> GuardVerdict {
    let title = printable(system.title)
    let evidence = [printable(system.evidence)]
    switch system.state {
    case .unknown:
      return .unknown(
        name, "whether \(title), whose disk the recovery is, runs cannot be told", evidence: evidence,
        remedy: "ask its hypervisor what it does, then run again")
    case .saved:
      return refused(
        .invalidState,
        "\(title), whose disk the recovery is, has saved memory: it would go on with what it knew of its disk",
        evidence: evidence, remedy: system.remedy.map { "give it up: \($0)" })
    case .running, .off:
      return refused(
        .invalidState, "\(title), whose disk the recovery is, runs", evidence: evidence,
        remedy: system.remedy.map { "turn it off: \($0)" } ?? "turn it off")
    }
  }

  /// A machine that nobody called a recovery: its disk may have been named by mistake (DESIGN 3, Direction).
  private static func stranger(_ system: SystemUse, _ facts: PairFacts) -> GuardVerdict {
    let title = printable(system.title)
    let reason = "it is a disk of \(title), which is the recovery of no relationship"
    guard facts.request.operation == .resync, facts.request.isInteractive else {
      return refused(
        .invalidState, reason,
        remedy:
          "if \(title) is what is to be written, run again with --recovery-system \(ShellWord(system.title)), or "
          + "make it the recovery of a relationship")
    }
    var verdict = GuardVerdict.warning(name, reason)
    verdict.asks = true
    return verdict
  }

  private static func titles(_ systems: [SystemUse]) -> String {
    systems.map { printable($0.title) }.joined(separator: ", ")
  }

  private static func printable(_ text: String) -> String { "\(PrintableText(text))" }
}
