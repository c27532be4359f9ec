/// Loops that lead to the same bytes: nothing in `holders` shows them, and no claim stops them (PITFALLS A6).
enum LoopGuard: Guard {
  static let name = "loops"
  static let protectsWritingOnly = true

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let loops = facts.foreignLoops(over: facts.recovery)
    if let first = loops.first {
      var verdict = refused(
        .systemInUse, "the recovery \(facts.recovery.identity.title) is attached to another loop for writing",
        evidence: loops.map { "\($0.node) over \(PrintableText($0.loop?.path ?? ""))" },
        remedy: "detach it with: losetup -d \(first.node)")
      verdict.isEnding = facts.areEnding(loops)
      return [verdict]
    }
    let silent = facts.host.devices.filter { $0.loop != nil && $0.loop?.backing == nil }
    if let first = silent.first {
      return [
        .unknown(
          name, "the kernel does not tell what \(first.node) is attached to",
          evidence: silent.map(\.node), remedy: "look at it with: losetup \(first.node)")
      ]
    }
    return passed("no other loop leads to the recovery")
  }
}
