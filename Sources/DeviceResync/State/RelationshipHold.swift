/// A relationship on which this run alone works, until it is let go.
struct RelationshipHold: ~Copyable, Sendable {
  /// The relationship.
  let id: UniqueID
  /// The run.
  let run: UniqueID
  /// The staging file of a commit that was left unfinished before; to be removed when this run has ended well.
  let leftover: StagingPlace?
  private let lock: HeldLock

  init(_ id: UniqueID, run: UniqueID, leftover: StagingPlace?, _ lock: consuming HeldLock) {
    self.id = id
    self.run = run
    self.leftover = leftover
    self.lock = lock
  }

  /// The same, for a run that takes over from this one.
  consuming func working(_ run: UniqueID) -> RelationshipHold {
    RelationshipHold(id, run: run, leftover: leftover, lock)
  }

  /// Lets another run work on it.
  consuming func release() { lock.release() }
}
