// What one can go back by, from the commit that makes it to its end (docs/recovery-points.md).

extension RelationshipState {
  /// Most points whose files may be left.
  static let mostObsolete = 8

  /// What makes no sense in what is kept; nil where all does.
  var pointFault: String? {
    guard obsoletePoints.count <= Self.mostObsolete else { return "it lists too many recovery points" }
    return recoveryPoint?.fault(pairs: pairs.count)
      ?? obsoletePoints.lazy.compactMap { $0.fault(pairs: pairs.count) }.first
  }

  /// Whether its unfinished commit leads back.
  var isGoingBack: Bool {
    guard let run = consistency.run, let point = recoveryPoint else { return false }
    return run.id == point.files.id
  }

  /// Whether somebody began to go back: the disks say so before the relationship does.
  func hasBegunToGoBack(_ disks: [PersistentIdentity: DiskRecord]) -> Bool {
    guard let point = recoveryPoint else { return false }
    return isGoingBack
      || pairs.contains { pair in
        guard case .inconsistent(let left)? = disks[pair.recovery.identity]?.state else { return false }
        return left.run.id == point.files.id
      }
  }

  /// Whether the run that one could go back over, or the way back, was stopped after its first write.
  var isStoppedOverPoint: Bool {
    guard let point = recoveryPoint, case .settled(.inconsistent(let left)) = consistency else {
      return false
    }
    return left.run.id == point.run || left.run.id == point.files.id
  }

  /// What is kept from here on; what was kept before fits no longer.
  mutating func replacePoint(by point: RecoveryPoint?) {
    makeObsolete(recoveryPoint?.files)
    recoveryPoint = point
  }

  /// Its files are to be removed; of too many the oldest are forgotten.
  mutating func makeObsolete(_ point: PlannedPoint?) {
    guard let point else { return }
    obsoletePoints = Array((obsoletePoints + [point]).suffix(Self.mostObsolete))
  }

  /// Whether clones of its recoveries may be there, which share their blocks until these are written.
  var keepsClones: Bool {
    recoveryPoint?.kind == .snapshot || obsoletePoints.contains { $0.kind == .snapshot }
  }

  /// The command that goes back.
  var rollback: String { CallContext.current.typed(.rollback, pairs[0].recovery.path) }

  /// The command that gives up what one can go back by.
  var discard: String { CallContext.current.typed(.rollback, pairs[0].recovery.path, "--discard") }
}

extension StateBook where Store: ~Copyable {
  /// What `run` keeps; nil for nothing.
  func point(
    of run: RunRecord, _ content: KeptContent?, _ before: Consistency.Settled, _ state: RelationshipState
  ) throws(ResyncError) -> RecoveryPoint? {
    guard let files = run.point else { return nil }
    guard let content, content.kind == files.kind else { throw Self.otherState(state) }
    var disksBefore: [Consistency.Settled?] = []
    for pair in state.pairs { disksBefore.append(try disk(pair.recovery.identity)?.state) }
    return RecoveryPoint(files, of: run.id, content, before: before, disksBefore: disksBefore)
  }

  /// Takes the relationship, to go back or to give up what is kept.
  ///
  /// - Parameters:
  ///   - found: the record from which that was decided.
  ///   - run: the way back.
  /// - Returns: nil where the record is another by now.
  /// - Throws: 32774 where a run works on it.
  func takePoint(_ found: RelationshipState, _ run: UniqueID) throws(ResyncError) -> RelationshipHold? {
    let lock = try store.lock(.relationship(found.id), patience: patienceWithAskers)
    guard try relationship(found.id) == found else { return nil }
    return RelationshipHold(found.id, run: run, leftover: nil, lock)
  }

  /// The same, to go back: fails where a recovery was declared live since.
  ///
  /// From then on nobody can do so before this run has ended.
  func takeWayBack(_ found: RelationshipState, _ run: UniqueID) throws(ResyncError) -> RelationshipHold? {
    guard let hold = try takePoint(found, run) else { return nil }
    do throws(ResyncError) {
      if let live = try lookUp(found.identities).refusal(toWrite: found.pairs) { throw live }
    } catch {
      hold.release()
      throw error
    }
    return hold
  }

  /// The commit of the way back: durable when this returns, and before the first write.
  mutating func commitRollback(
    _ hold: borrowing RelationshipHold, _ run: RunRecord
  ) throws(ResyncError) {
    var state = try existing(hold.id)
    guard case .settled = state.consistency, let point = state.recoveryPoint, point.files.id == run.id,
      hold.run == run.id, let seal = point.seal
    else { throw Self.otherState(state) }
    state.consistency = .applying(run, seal)
    try write(state, .relationship(hold.id))
  }

  /// The same of a snapshot, whose files are cloned back whole: Inconsistent until that has ended.
  mutating func markGoingBack(
    _ hold: borrowing RelationshipHold, _ run: RunRecord, since: Timestamp
  ) throws(ResyncError) {
    var state = try existing(hold.id)
    guard case .settled = state.consistency, let point = state.recoveryPoint, point.files.id == run.id,
      hold.run == run.id, point.clones != nil
    else { throw Self.otherState(state) }
    let settled = Consistency.Settled.inconsistent(.init(since: since, run: run, seal: nil))
    state.consistency = .settled(settled)
    let marked = state
    // The disks first: where the relationship says so, a disk that says otherwise was written by others since.
    try changing { book throws(ResyncError) in
      for pair in marked.pairs { try book.change(pair.recovery) { $0.state = settled } }
      try book.write(marked, .relationship(marked.id))
    }
  }

  /// The end of the way back: the recoveries are what they were before the run, and are called so.
  ///
  /// Which way runs went, nobody forgets.
  mutating func finishRollback(_ hold: consuming RelationshipHold) throws(ResyncError) {
    let (id, run) = (hold.id, hold.run)
    do throws(ResyncError) {
      try changing { book throws(ResyncError) in try book.finishRollbackLocked(id, run) }
    } catch {
      hold.release()
      throw error
    }
    hold.release()
  }

  private mutating func finishRollbackLocked(_ id: UniqueID, _ run: UniqueID) throws(ResyncError) {
    var state = try existing(id)
    guard state.isGoingBack, let point = state.recoveryPoint, point.files.id == run else {
      throw Self.otherState(state)
    }
    for (pair, before) in zip(state.pairs, point.disksBefore) {
      try change(pair.recovery) { $0.state = before }
    }
    state.consistency = .settled(point.before)
    state.replacePoint(by: nil)
    try write(state, .relationship(id))
  }

  /// Gives up what is kept; durable when this returns.
  mutating func discardPoint(_ hold: borrowing RelationshipHold) throws(ResyncError) {
    var state = try existing(hold.id)
    guard case .settled(let settled) = state.consistency else { throw Self.otherState(state) }
    // A way back that was begun cannot be finished without its file.
    if state.isGoingBack { state.consistency = .settled(settled.withoutSeal) }
    state.replacePoint(by: nil)
    try write(state, .relationship(hold.id))
  }

  /// The files of these points are gone.
  mutating func forget(_ points: [PlannedPoint], _ hold: borrowing RelationshipHold) throws(ResyncError) {
    var state = try existing(hold.id)
    state.obsoletePoints.removeAll(where: points.contains)
    try write(state, .relationship(hold.id))
  }
}
