/// A container format's bytes are not a disk's bytes (PITFALLS F6, F7).
enum ContainerGuard: Guard {
  static let name = "format"

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let verdicts = Side.allCases.compactMap { verdict($0, facts) }
    return verdicts.isEmpty ? passed("both are raw") : verdicts
  }

  private static func verdict(_ side: Side, _ facts: PairFacts) -> GuardVerdict? {
    guard let container = facts[side].container else { return nil }
    let title = "the \(side.name) \(facts[side].identity.title)"
    let isDeclared = facts.request.declaredRaw.contains(side)
    // The bytes of a raw primary may look like anything, and its replica carries the same.
    let carriesPrimarys =
      side == .recovery && facts.request.declaredRaw.contains(.primary)
      && facts.primary.container == container
    if isDeclared || carriesPrimarys {
      return .warning(name, "\(title) begins like \(container.rawValue), but is declared raw")
    }
    return refused(
      .notSupported, "\(title) looks like \(container.rawValue), not like a raw disk",
      remedy: "convert it with: \(container.conversion(of: facts[side].name.typed)); "
        + "or, if it is a raw disk, declare it with --\(side.name)-format raw")
  }
}
