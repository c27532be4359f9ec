extension StateBook where Store: ~Copyable {
  /// Sees once more, now that nobody else can begin a run, that nothing is unfinished on the disks: since that was
  /// looked at, a run of other pairs may have come, written one of them, and died.
  ///
  /// - Parameter terms: of a run that goes on where `continued` was stopped.
  func checkFree(
    _ pairs: [RelationshipState.Pair], _ found: RememberedDisks, continued: RelationshipState? = nil,
    _ terms: ContinuationTerms? = nil
  ) throws(ResyncError) {
    if let refusal = found.refusal(toWrite: pairs) { throw refusal }
    let facts = StartFacts(
      purpose: .resync, pairs: pairs, relationships: found.relationships,
      unrecognizable: found.unrecognizable, disks: found.disks, held: try held(among: found.relationships),
      terms: terms, staging: [:])
    switch facts.decide() {
    case .proceed: return
    case .continueRun(let relationship):
      guard relationship == continued else { throw Self.unfinished(relationship) }
    case .refuse(let error): throw error
    case .dropStaging(_, let relationship), .rollForward(let relationship), .giveUp(let relationship, _):
      throw Self.unfinished(relationship)
    }
  }

  static func unfinished(_ state: RelationshipState) -> ResyncError {
    ResyncError(
      .invalidState, "begin a run on", on: state.recoveryNames,
      reason: "a former run is unfinished: \(state.consistency.name)",
      remedy: state.repair)
  }
}
