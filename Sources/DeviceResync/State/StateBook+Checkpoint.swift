extension StateBook where Store: ~Copyable {
  /// Moves the checkpoint of a run that has not committed, or writes in place; durable when this returns.
  ///
  /// - Parameters:
  ///   - checkpoint: what it stands for is on stable storage already; nil: what it stood for is about to go.
  ///   - relationship: is held by the run, as long as this is called.
  mutating func setCheckpoint(
    _ checkpoint: Checkpoint?, of id: UniqueID, in relationship: UniqueID
  ) throws(ResyncError) {
    var state = try existing(relationship)
    guard var run = state.consistency.stoppable, run.id == id else { throw Self.otherState(state) }
    guard run.checkpoint != checkpoint else { return }
    run.checkpoint = checkpoint
    state.consistency = state.consistency.working(run)
    try write(state, .relationship(relationship))
  }

  /// Takes over what a stopped run left, to go on with it as `run`; durable when this returns.
  ///
  /// - Parameters:
  ///   - found: the record from which that was decided.
  ///   - run: the same run, of this process; or one that does in place what is known from it.
  ///   - pairs: the same pairs, by the names that they have now.
  /// - Returns: nil where the record is another by now.
  mutating func resume(
    _ found: RelationshipState, as run: RunRecord, on pairs: [RelationshipState.Pair],
    _ terms: ContinuationTerms
  ) throws(ResyncError) -> RelationshipHold? {
    try changing { book throws(ResyncError) in try book.resumeLocked(found, run, pairs, terms) }
  }

  private mutating func resumeLocked(
    _ found: RelationshipState, _ run: RunRecord, _ pairs: [RelationshipState.Pair],
    _ terms: ContinuationTerms
  ) throws(ResyncError) -> RelationshipHold? {
    let disks = try lookUp(Set(pairs.flatMap { [$0.primary.identity, $0.recovery.identity] }))
    try checkFree(pairs, disks, continued: found, terms)
    guard found.consistency.stoppable?.id == run.id else { return nil }
    let lock = try store.lock(.relationship(found.id), patience: patienceWithAskers)
    guard try relationship(found.id) == found else { return nil }
    var state = found
    state.pairs = pairs
    state.consistency = state.consistency.working(run)
    try write(state, .relationship(found.id))
    return RelationshipHold(found.id, run: run.id, leftover: found.leftover, lock)
  }

  /// Lets `run`, which writes in place, take the place of a staged one that has not committed; durable when this
  /// returns, and the staging file is of no use from then on.
  mutating func replaceRun(
    of hold: consuming RelationshipHold, by run: RunRecord
  ) throws(ResyncError) -> RelationshipHold {
    do throws(ResyncError) {
      var state = try existing(hold.id)
      guard case .resynchronizing(let former, _) = state.consistency, former.id == hold.run else {
        throw Self.otherState(state)
      }
      state.consistency = state.consistency.working(run)
      try write(state, .relationship(hold.id))
    } catch {
      hold.release()
      throw error
    }
    return hold.working(run.id)
  }
}

extension Consistency {
  /// The run that can be stopped and gone on with: one that has not committed, or that writes in place.
  var stoppable: RunRecord? {
    switch self {
    case .resynchronizing(let run, _): run
    case .settled(.inconsistent(let left)): left.seal == nil ? left.run : nil
    case .settled, .applying: nil
    }
  }

  /// The same, with `run` at work.
  fileprivate func working(_ run: RunRecord) -> Consistency {
    switch self {
    case .resynchronizing(_, let before): .resynchronizing(run, before: before)
    case .settled(.inconsistent(let left)):
      .settled(.inconsistent(.init(since: left.since, run: run, seal: left.seal)))
    case .settled, .applying: self
    }
  }
}
