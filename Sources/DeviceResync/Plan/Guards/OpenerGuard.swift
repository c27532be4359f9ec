/// Processes that may write to the recovery (PITFALLS A13, A14).
enum OpenerGuard: Guard {
  static let name = "processes"
  static let protectsWritingOnly = true

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let writers = facts.openers(of: facts.recovery).filter(\.isWriting)
    if let first = writers.first {
      return [
        refused(
          .systemInUse, "the recovery \(facts.recovery.identity.title) is open for writing",
          evidence: writers.map(facts.title),
          remedy: "stop \(PrintableText(first.program)) (pid \(first.process)), then run again")
      ]
    }
    guard facts.host.seesAllProcesses else {
      return [
        .unknown(
          name, "who uses the recovery cannot be seen from this PID namespace",
          remedy: "run it in the host's PID namespace")
      ]
    }
    return passed("no process has the recovery open for writing")
  }
}
