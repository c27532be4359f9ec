/// Writing to swap ruins the memory of this host (PITFALLS A12).
enum SwapGuard: Guard {
  static let name = "swap"
  static let protectsWritingOnly = true

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let areas = facts.swaps(of: facts.recovery)
    guard let first = areas.first else { return passed("the recovery is no swap area") }
    return [
      refused(
        .systemInUse, "the recovery \(facts.recovery.identity.title) is in use as swap",
        evidence: areas.map { PrintableText($0.path).description },
        remedy: "take it out with: swapoff \(ShellWord(first.path))")
    ]
  }
}
