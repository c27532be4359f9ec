/// Both disks must answer: open for reading, size, locks.
enum AccessGuard: Guard {
  static let name = "access"

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let refusals = Side.allCases.compactMap { facts[$0].refusal }
    guard refusals.isEmpty else {
      return refusals.map { error in
        refused(
          error.returnValue, "\(error)", remedy: error.remedy ?? "see: \(CallContext.current.typed(.devices))"
        )
      }
    }
    let empty = Side.allCases.first { facts[$0].name.problem == nil && facts[$0].size == 0 }
    if let empty {
      return [
        refused(
          .systemNotAvailable, "the \(empty.name) \(PrintableText(facts[empty].name.typed)) has no bytes",
          remedy: "attach a medium, or name another disk")
      ]
    }
    return passed("both can be read")
  }
}
