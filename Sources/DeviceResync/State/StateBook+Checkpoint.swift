extension StateBook where Store: ~Copyable {
  /// Moves the checkpoint of a run that has not committed; durable when this returns.
  ///
  /// - Parameters:
  ///   - checkpoint: what it stands for is on stable storage already; nil: what it stood for is about to go.
  ///   - relationship: is held by the run, as long as this is called.
  mutating func setCheckpoint(
    _ checkpoint: Checkpoint?, of id: UniqueID, in relationship: UniqueID
  ) throws(ResyncError) {
    var state = try existing(relationship)
    guard case .resynchronizing(var run, let before) = state.consistency, run.id == id else {
      throw Self.otherState(state)
    }
    guard run.checkpoint != checkpoint else { return }
    run.checkpoint = checkpoint
    state.consistency = .resynchronizing(run, before: before)
    try write(state, .relationship(relationship))
  }

  /// Takes over what a stopped run left, to go on with it as `run`; durable when this returns.
  ///
  /// - Parameters:
  ///   - found: the record from which that was decided.
  ///   - run: the same run, of this process.
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
    guard case .resynchronizing(let stopped, let before) = found.consistency, stopped.id == run.id else {
      return nil
    }
    let lock = try store.lock(.relationship(found.id), patience: patienceWithAskers)
    guard try relationship(found.id) == found else { return nil }
    var state = found
    state.pairs = pairs
    state.consistency = .resynchronizing(run, before: before)
    try write(state, .relationship(found.id))
    return RelationshipHold(found.id, run: run.id, leftover: before.run?.staging, lock)
  }
}
