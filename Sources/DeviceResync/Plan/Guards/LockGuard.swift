/// QEMU and its kin say with locks what they use (PITFALLS A1, appendix C).
enum LockGuard: Guard {
  static let name = "locks"
  static let protectsWritingOnly = true

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    guard facts.recovery.locks.user || facts.recovery.locks.writer else {
      return passed("no virtual machine has locked the recovery")
    }
    let openers = facts.openers(of: facts.recovery)
    var verdict = refused(
      .systemInUse, "the recovery \(facts.recovery.identity.title) is locked, as QEMU locks a disk in use",
      evidence: openers.map(facts.title),
      remedy: "stop the virtual machine or qemu program that uses it")
    // Held by no process: a killed run's requests keep its descriptors, and the locks on them, until they end
    // (PITFALLS E1).
    verdict.isEnding = facts.host.knowsAllOpeners && !openers.contains { $0.isLocking && !$0.isDying }
    return [verdict]
  }
}
