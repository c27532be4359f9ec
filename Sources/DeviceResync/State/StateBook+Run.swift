/// How a run ends that has compared everything.
enum RunEnding: Sendable, Equatable {
  /// Equal to a primary that held still, as it was at that time.
  case consistent(at: Timestamp)
  /// Read from a running source.
  case fuzzy(from: Timestamp, to: Timestamp)
  /// Not proved, or left with old and new blocks mixed.
  case inconsistent(since: Timestamp)
}

/// How long another may keep a relationship: whoever only asks whether it is held takes its lock for a moment.
let patienceWithAskers = Duration.milliseconds(200)

extension RunEnding {
  /// Whether the recovery equals what the primary was, or is as near to it as a running one lets it be.
  fileprivate var goesThrough: Bool {
    if case .inconsistent = self { return false }
    return true
  }
}

extension DiskRecord {
  /// Notes which way a run went that went through, and what it proved.
  fileprivate mutating func note(
    _ ending: RunEnding, with counterpart: PersistentIdentity, as side: Side, in relationship: UniqueID
  ) {
    let time: Timestamp
    switch ending {
    case .consistent(let at):
      lastProvenEqual = at
      time = at
    case .fuzzy(_, let to): time = to
    case .inconsistent: return
    }
    note(Direction(counterpart: counterpart, side: side, at: time, relationship: relationship))
  }
}

extension StateBook where Store: ~Copyable {
  /// Step 1: Resynchronizing, durable when this returns.
  ///
  /// The relationship of just these pairs is made where there is none.
  /// - Parameter name: what it is called in the configuration; nil leaves it as it is.
  /// - Throws: 32774 where another run works on it, 32775 where a former run must be finished or dropped first.
  mutating func begin(
    _ run: RunRecord, on pairs: [RelationshipState.Pair], named name: String? = nil
  ) throws(ResyncError) -> RelationshipHold {
    try changing { book throws(ResyncError) in try book.beginLocked(run, pairs, name) }
  }

  private mutating func beginLocked(
    _ run: RunRecord, _ pairs: [RelationshipState.Pair], _ name: String?
  ) throws(ResyncError) -> RelationshipHold {
    let found = try lookUp(Set(pairs.flatMap { [$0.primary.identity, $0.recovery.identity] }))
    try checkFree(pairs, found)
    let former = found.relationships.first { $0.isOf(pairs) }
    let id = former?.id ?? .random()
    let lock = try store.lock(.relationship(id), patience: patienceWithAskers)
    var state =
      former ?? RelationshipState(id: id, pairs: pairs, consistency: .settled(.never), completed: [])
    guard case .settled(let before) = state.consistency, try relationship(id) == former else {
      throw Self.unfinished(try existing(id))
    }
    // It has come since this run has looked: begun over that, the only way back would be given up.
    if run.point != nil, state.isStoppedOverPoint { throw ResyncError.recordChanged(state) }
    state.pairs = pairs
    state.name = name ?? state.name
    state.consistency = .resynchronizing(run, before: before)
    let leftover = state.leftover
    if let fault = state.fault(as: .relationship(id)) {
      throw ResyncError(
        .invalidParameter, "remember a run on", on: state.recoveryNames, reason: fault,
        remedy:
          "name each disk once, and give disks that say the same of themselves a UUID or serial number of "
          + "their own")
    }
    try write(state, .relationship(id))
    for side in Side.allCases {
      for disk in Set(pairs.map { $0[side] }) {
        var record = found.disks[disk.identity] ?? DiskRecord(disk)
        let isListed = !record.list(id, as: side)
        guard !isListed || record.disk != disk else { continue }
        record.disk = disk
        try write(record, .disk(disk.identity))
      }
    }
    return RelationshipHold(id, run: run.id, leftover: leftover, lock)
  }

  /// Takes over what a former run left: to roll it forward or to drop it.
  ///
  /// - Parameter found: the record from which that was decided.
  /// - Returns: nil where the record is another by now, so that it must be decided anew: the run that was
  ///   comparing may have committed before it died, and its staging file must not be dropped.
  /// - Throws: 32774 where that run, or another, still works on it.
  func takeOver(_ found: RelationshipState) throws(ResyncError) -> RelationshipHold? {
    let lock = try store.lock(.relationship(found.id), patience: patienceWithAskers)
    guard let run = found.consistency.run, try relationship(found.id) == found else { return nil }
    return RelationshipHold(found.id, run: run.id, leftover: nil, lock)
  }

  /// Step 6, the commit: durable when this returns.
  ///
  /// - Throws: without a commit, or, where the kernel reported an error, with one that may or may not outlive a
  ///   crash. Either way the staging file must be kept and the recovery not be written: the next start reads the
  ///   record, and knows.
  ///
  /// - Parameter content: what one can go back by: it is there exactly when the commit is, and what was kept before is
  ///   obsolete.
  mutating func commit(
    _ hold: borrowing RelationshipHold, _ seal: CommitSeal, keeping content: KeptContent? = nil
  ) throws(ResyncError) {
    var state = try existing(hold.id)
    guard case .resynchronizing(var run, let before) = state.consistency, run.id == hold.run,
      seal.run == run.id
    else {
      throw Self.otherState(state)
    }
    run.checkpoint = nil
    state.replacePoint(by: try point(of: run, content, before, state))
    state.consistency = .applying(run, seal)
    try write(state, .relationship(hold.id))
  }

  /// Inconsistent, durable when this returns: before the first write in place.
  mutating func markInconsistent(
    _ hold: borrowing RelationshipHold, since time: Timestamp, keeping content: KeptContent? = nil
  ) throws(ResyncError) {
    var state = try existing(hold.id)
    var (run, since): (RunRecord, Timestamp)
    switch state.consistency {
    case .resynchronizing(let begun, let before) where begun.id == hold.run:
      (run, since) = (begun, time)
      state.replacePoint(by: try point(of: run, content, before, state))
    // One that is gone on with.
    case .settled(.inconsistent(let left)) where left.run.id == hold.run && left.seal == nil:
      (run, since) = (left.run, left.since)
    default: throw Self.otherState(state)
    }
    run.checkpoint = run.checkpoint?.whileWriting()
    state.consistency = .settled(.inconsistent(.init(since: since, run: run, seal: nil)))
    try write(state, .relationship(hold.id))
    run.checkpoint = nil
    let (pairs, ofDisks) = (state.pairs, Consistency.Inconsistency(since: since, run: run, seal: nil))
    try changing { book throws(ResyncError) in
      for pair in pairs { try book.change(pair.recovery) { $0.state = .inconsistent(ofDisks) } }
    }
  }

  /// The commit of a former run once more, durable when this returns: before its first write is repeated.
  ///
  /// A run that was killed in ``commit(_:_:)`` may have left it for everybody to see, and not on stable storage. One
  /// that was given up when its staging file could not be used is Applying again.
  mutating func recommit(_ hold: borrowing RelationshipHold) throws(ResyncError) {
    var state = try existing(hold.id)
    switch state.consistency {
    case .applying(let run, _) where run.id == hold.run: break
    case .settled(.inconsistent(let left)) where left.run.id == hold.run:
      guard let seal = left.seal else { throw Self.otherState(state) }
      state.consistency = .applying(left.run, seal)
    default: throw Self.otherState(state)
    }
    try write(state, .relationship(hold.id))
  }

  /// Step 9: the final state.
  ///
  /// The staging file may be removed when this has returned, and not before; where the ending is Inconsistent it
  /// stays.
  /// - Parameters:
  ///   - completed: what the run found, where it went through.
  ///   - images: those of which a snapshot was taken, after the last flush.
  mutating func finish(
    _ hold: consuming RelationshipHold, _ ending: RunEnding, completed: CompletedRun?,
    images: [DiskEvidence.File]? = nil
  ) throws(ResyncError) {
    let (id, run) = (hold.id, hold.run)
    do throws(ResyncError) {
      try changing { book throws(ResyncError) in
        try book.finishLocked(id, run, ending, completed, images)
      }
    } catch {
      hold.release()
      throw error
    }
    hold.release()
  }

  private mutating func finishLocked(
    _ id: UniqueID, _ run: UniqueID, _ ending: RunEnding, _ completed: CompletedRun?,
    _ images: [DiskEvidence.File]?
  ) throws(ResyncError) {
    var state = try existing(id)
    guard let record = state.consistency.run, record.id == run else { throw Self.otherState(state) }
    let settled: Consistency.Settled =
      switch ending {
      case .consistent(let at): .consistent(at: at)
      case .fuzzy(let from, let to): .fuzzy(from: from, to: to)
      case .inconsistent(let since): .inconsistent(state.consistency.left(record, since))
      }
    for pair in state.pairs {
      try change(pair.recovery) { disk in
        disk.state = settled
        disk.note(ending, with: pair.primary.identity, as: .recovery, in: id)
      }
      if ending.goesThrough {
        try change(pair.primary) { $0.note(ending, with: pair.recovery.identity, as: .primary, in: id) }
      }
    }
    // Of a run that found nothing to write, what was kept before still fits.
    if case .resynchronizing(let run, _) = state.consistency {
      state.makeObsolete(run.point)
    } else if state.recoveryPoint?.run == run {
      state.recoveryPoint?.images = images
    }
    state.consistency = .settled(settled)
    if ending.goesThrough { state.liveUntil = nil }
    if let completed {
      state.completed.removeAll { $0.id == completed.id }
      state.completed = Array(([completed] + state.completed).prefix(RelationshipState.mostCompleted))
    }
    try write(state, .relationship(id))
  }

  /// Back to the state before: nothing was committed.
  ///
  /// Its staging file must be gone by now, or nobody would find it again. What was marked Inconsistent stays so.
  mutating func abandon(_ hold: consuming RelationshipHold) throws(ResyncError) {
    var state = try existing(hold.id)
    switch state.consistency {
    case .resynchronizing(let run, let before) where run.id == hold.run:
      state.makeObsolete(run.point)
      state.consistency = .settled(before)
      try write(state, .relationship(hold.id))
    case .settled(.inconsistent(let left)) where left.run.id == hold.run: break
    default: throw Self.otherState(state)
    }
    hold.release()
  }

  mutating func change(
    _ disk: RelationshipState.Disk, _ body: (inout DiskRecord) -> Void
  ) throws(ResyncError) {
    let former = try self.disk(disk.identity)
    var record = former ?? DiskRecord(disk)
    body(&record)
    if record != former { try write(record, .disk(disk.identity)) }
  }

  func existing(_ id: UniqueID) throws(ResyncError) -> RelationshipState {
    if let state = try relationship(id) { return state }
    throw ResyncError(
      .invalidState, "use the record", on: store.title(of: .relationship(id)), reason: "it is gone",
      remedy: "keep its recoveries from use, and run again, to the end")
  }

  /// Somebody changed the record under a run's lock: only by hand.
  static func otherState(_ state: RelationshipState) -> ResyncError {
    ResyncError(
      .invalidState, "go on with the run on", on: state.recoveryNames,
      reason: "its record says \(state.consistency.name), of another run or step", remedy: "run again")
  }
}

extension Consistency {
  /// Inconsistent, with the commit that was left unfinished, if any.
  fileprivate func left(_ run: RunRecord, _ since: Timestamp) -> Inconsistency {
    switch self {
    case .applying(_, let seal): Inconsistency(since: since, run: run, seal: seal)
    case .settled(.inconsistent(let inconsistency)): inconsistency
    case .settled, .resynchronizing: Inconsistency(since: since, run: run, seal: nil)
    }
  }
}

extension RelationshipState {
  /// The staging file of a commit that was left unfinished before the run that works; not an undo file, which goes with
  /// its recovery point.
  var leftover: StagingPlace? {
    guard case .resynchronizing(_, .inconsistent(let left)) = consistency,
      left.run.id != recoveryPoint?.files.id
    else { return nil }
    return left.run.staging
  }

  /// Its disks, for commands that are to be typed.
  package var disks: CallContext.Disks {
    .pairs(pairs.map { RunRequest.Pair(primary: $0.primary.path, recovery: $0.recovery.path) })
  }

  /// The command that finishes or drops what a stopped run left.
  var repair: String { CallContext.current.typed(.repair, pairs[0].recovery.path) }
}
