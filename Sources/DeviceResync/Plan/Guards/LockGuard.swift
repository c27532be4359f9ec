/// QEMU and its kin say with locks what they use (PITFALLS A1, appendix C).
enum LockGuard: Guard {
  static let name = "locks"
  static let protectsWritingOnly = true

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    guard facts.recovery.locks.user || facts.recovery.locks.writer else {
      return passed("no virtual machine has locked the recovery")
    }
    return [
      refused(
        .systemInUse, "the recovery \(facts.recovery.identity.title) is locked, as QEMU locks a disk in use",
        evidence: facts.openers(of: facts.recovery).map(facts.title),
        remedy: "stop the virtual machine or qemu program that uses it")
    ]
  }
}
