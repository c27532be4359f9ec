/// The last run of the two must not have gone the other way (DESIGN 3, Direction; PITFALLS A21).
///
/// No option overrules it: whoever means it says so with the roles, not with a flag.
enum DirectionGuard: Guard {
  static let name = "direction"
  static let protectsWritingOnly = true

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    guard let pair = facts.identities else { return passed("nothing is remembered of these disks") }
    if let contradiction = DirectionContradiction(pair, facts.state.remembered.disks) {
      let error = contradiction.error(pair)
      return [refused(error.returnValue, "\(error.withoutRemedy)", remedy: error.remedy)]
    }
    return passed(facts.isFirstRun ? "the first run of these two" : "as in the run before")
  }
}
