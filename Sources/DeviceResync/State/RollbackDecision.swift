/// Whether one may go back, judged by records alone; what the disks hold is looked at later.
enum RollbackDecision: Sendable, Equatable {
  /// To what this relationship keeps.
  ///
  /// - isStrict: whether every block must hold what the run wrote: it came to its end.
  case goBack(RelationshipState, isStrict: Bool)
  /// It must not begin.
  case refuse(ResyncError)
}

/// What a rollback is decided by: values only.
struct RollbackFacts: Sendable {
  /// The disks that were named, by the names that were typed.
  let named: [(identity: PersistentIdentity, name: String)]
  /// Relationships in which one of their disks takes part.
  let relationships: [RelationshipState]
  /// What is known of the disks of those in which they are recoveries.
  let disks: [PersistentIdentity: DiskRecord]
  /// Relationships on which a run works now.
  let held: Set<UniqueID>

  /// The relationships in which all of the disks are recoveries.
  private var candidates: [RelationshipState] {
    relationships.filter { one in named.allSatisfy { one.has($0.identity, as: .recovery) } }
  }

  /// Those of which something is kept.
  var keeping: [RelationshipState] { candidates.filter { $0.recoveryPoint != nil } }

  /// Where several relationships keep something, the one whose run wrote the disks last.
  func decide() -> RollbackDecision {
    guard !keeping.isEmpty else { return .refuse(refusal("there is no recovery point of it", remedy)) }
    let decisions = keeping.map(judge)
    let goBack = decisions.first { if case .goBack = $0 { true } else { false } }
    return goBack ?? decisions[0]
  }

  private func judge(_ one: RelationshipState) -> RollbackDecision {
    if let busy = busy(one) { return .refuse(busy) }
    if let live = relationships.refusal(toWrite: one.pairs) { return .refuse(live) }
    guard let point = one.recoveryPoint else {
      return .refuse(refusal("there is no recovery point of it", remedy))
    }
    let unfinished = relationships.first { other in
      guard case .settled = other.consistency else {
        return one.pairs.contains { other.has($0.recovery.identity, as: .recovery) }
      }
      return false
    }
    if let unfinished {
      return .refuse(
        refusal("a run is unfinished: it is \(unfinished.consistency.name)", "first: \(unfinished.repair)"))
    }
    var isStrict = true
    if case .settled(.inconsistent(let left)) = one.consistency {
      // Its own run, or the way back, did not come to its end.
      guard left.run.id == point.run || left.run.id == point.files.id else {
        return .refuse(
          refusal(
            "it is Inconsistent since \(left.since), by a later run than the one to go back over",
            "resynchronize it from its primary, to the end"))
      }
      isStrict = false
    }
    guard isLast(one, point, isStrict: isStrict) else {
      return .refuse(
        refusal(
          "a run of other pairs has written one of \(one.recoveryNames) since", "give it up with --discard"))
    }
    return .goBack(one, isStrict: isStrict)
  }

  /// Whether no run of other pairs has written a recovery since.
  ///
  /// A disk says what its relationship says; or, where a stop came between the two records, that the run or the way
  /// back had begun, what was before, or that the run, in place, had come to its end.
  private func isLast(_ one: RelationshipState, _ point: RecoveryPoint, isStrict: Bool) -> Bool {
    zip(one.pairs, point.disksBefore).allSatisfy { pair, before in
      let disk = disks[pair.recovery.identity]
      let state = disk?.state
      if state.map(Consistency.settled) == one.consistency || !isStrict && state == before { return true }
      if !isStrict, disk?.wasLeft(by: one.id) == true { return true }
      guard case .inconsistent(let left)? = state else { return false }
      return left.run.id == point.files.id || !isStrict && left.run.id == point.run
    }
  }

  /// A run that works now on one of the recoveries, on either side.
  func busy(_ one: RelationshipState) -> ResyncError? {
    let other = relationships.first { other in
      held.contains(other.id)
        && one.pairs.contains { pair in
          Side.allCases.contains { other.has(pair.recovery.identity, as: $0) }
        }
    }
    return other.map { other in
      let run = other.consistency.run.map { " (process \($0.process), since \($0.began))" } ?? ""
      return ResyncError(
        .inUse, Self.attempt, on: other.recoveryNames, side: .recovery,
        reason: "a run\(run) works on it", remedy: "try again when it has ended")
    }
  }

  private static let attempt = "go back on"

  private var remedy: String { "keep one the next time: add --recovery-point undo to a resync" }

  private func refusal(_ reason: String, _ remedy: String) -> ResyncError {
    ResyncError(
      .invalidState, Self.attempt, on: named.first?.name, side: .recovery, reason: reason, remedy: remedy)
  }
}

extension DiskRecord {
  /// Whether it was left as it is by a run of this relationship that came to its end.
  fileprivate func wasLeft(by relationship: UniqueID) -> Bool {
    let ended: Timestamp
    switch state {
    case .consistent(let at): ended = at
    case .fuzzy(_, let to): ended = to
    default: return false
    }
    return directions.contains { $0.side == .recovery && $0.relationship == relationship && $0.at == ended }
  }
}
