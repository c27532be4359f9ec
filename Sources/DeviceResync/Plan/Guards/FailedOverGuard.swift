/// A recovery that is live is not overwritten until a person says so (DESIGN 5, promise 10).
enum FailedOverGuard: Guard {
  static let name = "failed over"
  static let protectsWritingOnly = true

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    guard let pair = facts.identities else { return passed("nothing is remembered of these disks") }
    if let error = facts.state.remembered.refusal(toWrite: [pair]) {
      return [refused(error.returnValue, "\(error.withoutRemedy)", remedy: error.remedy)]
    }
    return passed("nobody has said that the recovery is live")
  }
}
