// The way back where a start finds one to go: begun and stopped, or over a run that was stopped.

extension Unfinished {
  /// Gives clones back where a rollback was stopped while it did so.
  mutating func goBackAgain(
    _ id: UniqueID, _ named: [RelationshipState.Pair]
  ) throws(ResyncError) {
    guard let found = try book.relationship(id), let point = found.recoveryPoint, point.kind == .snapshot,
      try wayBackBegun(found) != nil
    else { return }
    let recoveries = try ClaimedRecoveries.claim(found.calling(named), for: .rollback, control)
    // From the claims on no run of other pairs changes anything.
    guard let isStrict = try wayBackBegun(found), let hold = try book.takePoint(found, point.files.id) else {
      return
    }
    try giveBack(point, isStrict: isStrict, recoveries, hold)
    notes.append("the rollback over the run of \(point.made) was finished: the clone was given back")
    notes += try book.tidyPoints(of: [id])
  }

  /// Whether a rollback of `found` was begun that may be finished, and how strictly; nil where not.
  private func wayBackBegun(_ found: RelationshipState) throws(ResyncError) -> Bool? {
    let (decision, disks) = try decision(on: found)
    guard found.hasBegunToGoBack(disks), case .goBack(_, let isStrict) = decision else { return nil }
    return isStrict
  }

  /// Goes back over a run of just these pairs that was stopped, where the run that starts keeps what is there: else it
  /// would keep a mixture, and the only way back to what was there before would be lost.
  ///
  /// - Parameter found: what is remembered of the disks.
  /// - Returns: whether it did.
  /// - Throws: 32775 where there is no way back any more; nothing is written then, and what is kept stays.
  mutating func goBackFirst(
    _ pairs: [RelationshipState.Pair], _ found: RememberedDisks
  ) throws(ResyncError) -> Bool {
    guard keepsOld, !mustContinue, let stopped = found.relationships.first(where: { $0.isOf(pairs) }),
      stopped.isStoppedOverPoint
    else { return false }
    do throws(ResyncError) {
      _ = try strictness(of: stopped)
      let recoveries = try ClaimedRecoveries.claim(stopped.calling(pairs), for: .rollback, control)
      // From the claims on no run of other pairs changes anything.
      guard let now = try book.relationship(stopped.id), now == stopped, let point = now.recoveryPoint else {
        throw .recordChanged(stopped)
      }
      let isStrict = try strictness(of: now)
      let way = try WayBack(now.calling(pairs), point, isStrict: isStrict, engine, control, reporter)
      guard let hold = try book.takeWayBack(now, way.run.id) else { throw .recordChanged(stopped) }
      movedBytes = true
      notes.append("first, \(try way.carryOut(&self, recoveries, hold))")
    } catch {
      // What may pass has a remedy of its own.
      guard error.cause == .invalidState else { throw error }
      throw ResyncError(
        error.cause, error.attempt, on: error.device, side: error.side, range: error.range,
        reason: error.reason,
        remedy:
          "the run over which it leads was stopped, and a run that keeps old bytes goes back first; give that "
          + "up with: \(stopped.discard); or run without --recovery-point")
    }
    return true
  }

  /// How strictly one may go back on `found`.
  ///
  /// - Throws: where one may not.
  private func strictness(of found: RelationshipState) throws(ResyncError) -> Bool {
    switch try decision(on: found).decision {
    case .goBack(_, let isStrict): return isStrict
    case .refuse(let error): throw error
    }
  }

  /// Whether one may go back on `found`, by what the records say now.
  private func decision(
    on found: RelationshipState
  ) throws(ResyncError) -> (decision: RollbackDecision, disks: [PersistentIdentity: DiskRecord]) {
    let known = try book.lookUp(found.identities)
    let facts = RollbackFacts(
      named: [(found.pairs[0].recovery.identity, found.pairs[0].recovery.path)], relationships: [found],
      disks: known.disks, held: try book.held(among: known.relationships))
    return (facts.decide(), known.disks)
  }
}
