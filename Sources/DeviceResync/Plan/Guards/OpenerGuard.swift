/// Processes that may write to the recovery (PITFALLS A13, A14).
enum OpenerGuard: Guard {
  static let name = "processes"
  static let protectsWritingOnly = true

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let writers = facts.openers(of: facts.recovery).filter(\.isWriting)
    if let first = writers.first {
      var verdict = refused(
        .systemInUse, "the recovery \(facts.recovery.identity.title) is open for writing",
        evidence: writers.map(facts.title),
        remedy: "stop \(PrintableText(first.program)) (pid \(first.process)), then run again")
      verdict.mayBeBrief = true
      verdict.isEnding = writers.allSatisfy(\.isDying)
      return [verdict]
    }
    guard facts.host.seesAllProcesses else {
      return [
        .unknown(
          name, "who uses the recovery cannot be seen from this PID namespace",
          remedy: "run it in the host's PID namespace")
      ]
    }
    let opaque = facts.host.opaqueProcesses.map { "pid \($0.process) (\(PrintableText($0.program)))" }
    guard facts.host.knowsAllOpeners else {
      return [
        .unknown(
          name, "some processes do not let themselves be looked into", evidence: opaque,
          remedy: "run it with all of root's rights, in the host's namespaces")
      ]
    }
    if !opaque.isEmpty {
      return [
        .warning(
          name, "no process has the recovery open for writing, as far as they can be looked into",
          evidence: opaque.map { "\($0) cannot be looked into" })
      ]
    }
    return passed("no process has the recovery open for writing")
  }
}
