/// What must be done first when a run, or a repair, is to start.
enum StartDecision: Sendable, Equatable {
  /// Nothing is unfinished that concerns these disks.
  case proceed
  /// A former run never committed: its staging file is removed, then its relationship abandoned; the old replica
  /// stands.
  case dropStaging(RunRecord, of: RelationshipState)
  /// The run that starts goes on where a stopped one was, once both sides are shown to be unchanged.
  case continueRun(RelationshipState)
  /// A commit was left unfinished: steps 7 to 10 again, on all its recoveries, without the primary.
  case rollForward(RelationshipState)
  /// A commit was left unfinished and its staging file cannot be used: Inconsistent, then the error; nothing is
  /// dropped.
  case giveUp(RelationshipState, ResyncError)
  /// It must not start.
  case refuse(ResyncError)
}

/// What a start is decided by: values only.
struct StartFacts: Sendable {
  /// Why something starts.
  enum Purpose: Sendable, Equatable {
    /// To write the recoveries anew.
    case resync
    /// To finish or drop what was left.
    case repair
  }

  /// What became of the staging file of a commit.
  enum Staging: Sendable, Equatable {
    /// It is there, and its seal is the committed one.
    case sealed
    /// It cannot be had or used: why, as a sentence without a full stop.
    case unusable(String)
  }

  let purpose: Purpose
  /// The disk pairs that were named; of a repair those that the name led to.
  let pairs: [RelationshipState.Pair]
  /// Relationships in which one of the disks is primary or recovery.
  let relationships: [RelationshipState]
  /// Relationships whose disks a restart of the host has made unrecognizable.
  var unrecognizable: [RelationshipState] = []
  /// What is known of the disks.
  let disks: [PersistentIdentity: DiskRecord]
  /// Relationships on which a run works now.
  let held: Set<UniqueID>
  /// What the run that starts wants; nil for one that begins at 0 in any case.
  var terms: ContinuationTerms?
  /// The staging files of the relationships that are Applying, or were given up while Applying.
  let staging: [UniqueID: Staging]

  /// The first thing to do; when it is done, the facts are gathered and judged again.
  func decide() -> StartDecision {
    let refusals = busy() + unfitPrimaries()
    if let value = ReturnValue.foremost(of: refusals.map(\.returnValue)),
      let refusal = refusals.first(where: { $0.returnValue == value })
    {
      return .refuse(refusal)
    }
    // What is continued comes last: what is settled before may write its disks.
    var continued: RelationshipState?
    for relationship in relationships where isToBeWritten(relationship) {
      switch relationship.consistency {
      case .applying(let run, _): return finish(relationship, run)
      case .settled(.inconsistent(let left)) where purpose == .repair && left.seal != nil:
        if isSuperseded(relationship, left.run) { continue }
        if let refusal = live(relationship) { return .refuse(refusal) }
        switch staging[relationship.id] ?? .unusable("it was not looked at") {
        case .sealed: return .rollForward(relationship)
        case .unusable(let reason): return .refuse(unusable(relationship, left.run, reason))
        }
      case .resynchronizing(let run, _):
        guard mayContinue(relationship, run) else { return .dropStaging(run, of: relationship) }
        continued = relationship
      // What a run in place had written stands: it is Inconsistent as before where it is not gone on with.
      case .settled(.inconsistent(let left)) where left.seal == nil && mayContinue(relationship, left.run):
        if !isSuperseded(relationship, left.run) { continued = relationship }
      case .settled: continue
      }
    }
    return continued.map(StartDecision.continueRun) ?? .proceed
  }

  /// Whether `run` of just these pairs may be gone on with.
  private func mayContinue(_ relationship: RelationshipState, _ run: RunRecord) -> Bool {
    guard let terms else { return false }
    return relationship.isOf(pairs) && relationship.obstacle(to: run, terms) == nil
  }

  /// Whether a stopped run of just these pairs is there to go on with, once all else is settled.
  var canContinue: Bool {
    relationships.contains { one in
      guard let run = one.consistency.stoppable, mayContinue(one, run) else { return false }
      if case .settled = one.consistency { return !isSuperseded(one, run) }
      return true
    }
  }

  private func finish(_ relationship: RelationshipState, _ run: RunRecord) -> StartDecision {
    if let refusal = live(relationship) { return .refuse(refusal) }
    switch staging[relationship.id] ?? .unusable("it was not looked at") {
    case .sealed: return .rollForward(relationship)
    case .unusable(let reason): return .giveUp(relationship, unusable(relationship, run, reason))
    }
  }

  /// Why no commit may be finished on what is live.
  private func live(_ relationship: RelationshipState) -> ResyncError? {
    relationships.refusal(toWrite: relationship.pairs)
  }

  private func unusable(_ relationship: RelationshipState, _ run: RunRecord, _ reason: String) -> ResyncError
  {
    let place = run.staging ?? StagingPlace(path: "", fileSystem: "")
    return ResyncError(
      .invalidState, "finish the commit on", on: relationship.recoveryNames,
      reason: "its staging file \(PrintableText(place.path)) on file system "
        + "\(PrintableText(place.fileSystem)) cannot be used: \(reason); the recovery is Inconsistent",
      remedy: "mount that file system and run: \(relationship.repair); or resynchronize it from its "
        + "primary, to the end")
  }

  /// Whether a run of other pairs has written one of its recoveries since `run` was given up: what that committed
  /// must not be written over it any more.
  private func isSuperseded(_ relationship: RelationshipState, _ run: RunRecord) -> Bool {
    !relationship.pairs.allSatisfy { pair in
      guard case .inconsistent(let left) = disks[pair.recovery.identity]?.state else { return false }
      return left.run.id == run.id
    }
  }

  /// Whether a recovery of the relationship is to be written now.
  private func isToBeWritten(_ relationship: RelationshipState) -> Bool {
    pairs.contains { relationship.has($0.recovery.identity, as: .recovery) }
  }

  /// A run that works now on a disk of ours, where one of the two runs writes it (PITFALLS E12).
  private func busy() -> [ResyncError] {
    relationships.filter { held.contains($0.id) }.compactMap { relationship in
      let shared = pairs.first { pair in
        relationship.has(pair.recovery.identity, as: .recovery)
          || relationship.has(pair.recovery.identity, as: .primary)
          || relationship.has(pair.primary.identity, as: .recovery)
      }
      guard let shared else { return nil }
      let run = relationship.consistency.run
      return ResyncError(
        .inUse, "start a run on", on: shared.recovery.path, side: .recovery,
        reason: "another run\(run.map { " (process \($0.process), since \($0.began))" } ?? "") works on "
          + relationship.recoveryNames,
        remedy: "run again when it has ended")
    }
  }

  /// A primary that is itself a recovery with old and new blocks mixed.
  private func unfitPrimaries() -> [ResyncError] {
    guard purpose == .resync else { return [] }
    return pairs.compactMap { pair in
      let identity = pair.primary.identity
      let applying = relationships.first { relationship in
        guard case .applying = relationship.consistency else { return false }
        return relationship.has(identity, as: .recovery)
      }
      func refusal(_ state: String, _ remedy: String) -> ResyncError {
        ResyncError(
          .invalidState, "read", on: pair.primary.path, side: .primary,
          reason: "it is the recovery of another relationship, and \(state)", remedy: remedy)
      }
      if let applying { return refusal("Applying: old and new blocks are mixed", applying.repair) }
      if case .inconsistent(let left) = disks[identity]?.state {
        return refusal(
          "Inconsistent since \(left.since)", "resynchronize it from its own primary first, to the end")
      }
      let namesake = unrecognizable.first { relationship in
        relationship.isMixed
          && relationship.pairs.contains { $0.recovery.isNamesakeOfFormerBoot(pair.primary) }
      }
      return namesake.map { relationship in
        refusal(
          "\(relationship.consistency.name) if it is the disk that had this path before the host started again",
          "resynchronize \(relationship.recoveryNames) from its own primary first, to the end")
      }
    }
  }
}
