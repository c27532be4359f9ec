/// The computer system whose disk the recovery is must be off, by the word of who runs it (INVENTORY A5; PITFALLS A24).
enum SystemGuard: Guard {
  static let name = "systems"
  static let protectsWritingOnly = true

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let (request, hosted) = (facts.request, facts.host.hosted)
    guard !hosted.found.asked.isEmpty else { return passed("no hypervisor is there that could be asked") }
    let users = hosted.systems(using: facts.recovery)
    // The one that was named counts too where its disks cannot be told from here: those of a network.
    let named = hosted.found.systems.filter { system in
      !users.contains(system) && request.recoverySystem?.names.isDisjoint(with: system.names) == false
    }
    var verdicts = (users + named).filter { $0.state != .off }.map(verdict)
    verdicts += hosted.found.systems.filter { $0.state != .off && !users.contains($0) }.compactMap(incomplete)
    verdicts += moved(facts, users) + strangers(facts, users)
    if !hosted.found.unknown.isEmpty {
      verdicts.append(
        .unknown(
          name, "whether a machine that is not known from here uses the recovery cannot be told",
          evidence: hosted.found.unknown.map(printable),
          remedy:
            "see what the hypervisor does, or which others are to be asked with --libvirt; then run again"))
    }
    if !hosted.found.silent.isEmpty {
      verdicts.append(
        .warning(
          name, "a hypervisor has not answered; by its files no machine that may run uses the recovery",
          evidence: hosted.found.silent.map(printable)))
    }
    if !verdicts.isEmpty { return verdicts }
    if users.isEmpty { return passed("it is the disk of no computer system that is known here") }
    return passed("\(titles(users)), whose disk it is, \(users.count == 1 ? "is" : "are") off")
  }

  /// A run of a system's disks is of those that it has now, not of those that it had when they were looked up.
  private static func moved(_ facts: PairFacts, _ users: [SystemUse]) -> [GuardVerdict] {
    let sides = [
      (facts.request.primarySystem, facts.host.hosted.systems(using: facts.primary), "primary"),
      (facts.request.recoverySystem, users, "recovery"),
    ]
    return sides.compactMap { system, users, side in
      guard let system, system.isHosted, !users.contains(where: { !$0.names.isDisjoint(with: system.names) })
      else { return nil }
      return refused(
        .systemNotAvailable, "the \(side) is no disk of \(printable(system.title)) any more",
        remedy: "look its disks up again: \(CallContext.current.typedAgain(.plan))")
    }
  }

  /// A machine that may run, and whose disks are not all known.
  private static func incomplete(_ system: SystemUse) -> GuardVerdict? {
    guard let unknown = system.unknownDisk else { return nil }
    return .unknown(
      name, "whether \(printable(system.title)) uses the recovery cannot be told",
      evidence: [printable(system.evidence), printable(unknown)],
      remedy: "turn it off, or make its disks known to its hypervisor; then run again")
  }

  private static func strangers(_ facts: PairFacts, _ users: [SystemUse]) -> [GuardVerdict] {
    guard let known = facts.request.recoverySystems,
      facts.isFirstRun || facts.request.recoverySystem?.isHosted == true
    else { return [] }
    let expected = (facts.request.recoverySystem?.names ?? []).union(known)
    return users.filter { $0.names.isDisjoint(with: expected) }.map { stranger($0, facts) }
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
