/// The primary must hold still, or the run must know that it does not (PITFALLS G1).
enum SourceGuard: Guard {
  static let name = "source"

  /// How still the primary holds, by evidence.
  static func mode(_ facts: PairFacts) -> SourceMode {
    if facts.request.source == .running { return .running }
    return facts.host.knowsAllOpeners && evidence(facts).isEmpty ? .offline : .running
  }

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let evidence = evidence(facts)
    if facts.request.source == .running {
      return [.warning(name, "the primary is read while it runs: no point in time", evidence: evidence)]
    }
    let mode = mode(facts)
    if mode == .offline { return passed("offline: nobody can be seen writing to the primary") }
    if facts.request.operation == .compare, facts.request.source == .auto {
      return [
        .warning(
          name,
          "somebody may write to the primary: differences are read twice, and there is no point in time",
          evidence: evidence)
      ]
    }
    if evidence.isEmpty {
      return [
        .unknown(
          name, "who uses the primary cannot be seen from here",
          remedy: "run it with all of root's rights, in the host's namespaces")
      ]
    }
    var verdict = refused(
      .invalidState, "the primary is in use, and no point in time of it can be had", evidence: evidence,
      remedy: "stop the primary VM, or accept a copy that is no point in time with --source running")
    verdict.mayBeBrief = evidence.count == facts.openers(of: facts.primary).filter(\.isWriting).count
    let loops = facts.foreignLoops(over: facts.primary)
    verdict.isEnding = evidence.count == loops.count && facts.areEnding(loops)
    return [verdict]
  }

  /// Who may write to the primary.
  static func evidence(_ facts: PairFacts) -> [String] {
    let primary = facts.primary
    var found = facts.openers(of: primary).filter(\.isWriting).map(facts.title)
    found += facts.mounts(of: primary).map { "\($0.device) is mounted on \(PrintableText($0.mountPoint))" }
    found += facts.swaps(of: primary).map { "\(PrintableText($0.path)) is in use as swap" }
    found += facts.holders(of: primary).map { "\($0.title) is built on it" }
    found += facts.foreignLoops(over: primary).map { "\($0.node) is attached to it for writing" }
    found += facts.host.hosted.systems(using: primary, writing: true).compactMap { system in
      switch system.state {
      case .running, .unknown:
        "\(PrintableText(system.title)), whose disk it is: \(PrintableText(system.evidence))"
      case .off, .saved: nil
      }
    }
    if primary.locks.writer { found.append("a virtual machine holds QEMU's write lock on it") }
    return found
  }
}
