/// What is remembered of one disk, for people.
struct RememberedDisk: Sendable {
  /// What it is as a recovery; nil where it is none.
  let asRecovery: Consistency?
  /// Of how many relationships it is the primary.
  let primaryOf: Int
  /// When it was last proven equal to another disk.
  let lastProvenEqual: Timestamp?
  /// What one can go back by on it as a recovery; nil where nothing is kept.
  let recoveryPoint: RecoveryPoint?
  /// Since when it is live as a recovery; nil where nobody has said so.
  let failedOver: Timestamp?
}

extension StateBook where Store: ~Copyable {
  /// What is remembered of one disk; nil where nothing is.
  func remembered(of identity: PersistentIdentity) throws(ResyncError) -> RememberedDisk? {
    let found = try lookUp([identity])
    let primaries = found.relationships.filter { $0.has(identity, as: .primary) }.count
    let state = found.state(of: identity)
    guard primaries > 0 || state != nil else { return nil }
    return RememberedDisk(
      asRecovery: state, primaryOf: primaries, lastProvenEqual: found.disks[identity]?.lastProvenEqual,
      recoveryPoint: found.relationships.lazy.filter { $0.has(identity, as: .recovery) }
        .compactMap(\.recoveryPoint).first,
      failedOver: found.relationships.lazy.filter { $0.has(identity, as: .recovery) }
        .compactMap(\.failedOver?.at).first)
  }
}

/// What is remembered of some disks.
struct RememberedDisks: Sendable {
  /// Their records; a disk of which nothing is known has none.
  var disks: [PersistentIdentity: DiskRecord] = [:]
  /// Every relationship in which one of them is primary or recovery, by UUID.
  var relationships: [RelationshipState] = []
  /// Relationships with old and new blocks mixed of which a disk was known in one boot only: it may be any.
  var unrecognizable: [RelationshipState] = []
  /// Records that cannot be used, and of which none of the disks knows.
  var notes: [String] = []

  /// The relationship of just these pairs.
  func relationship(of pairs: [RelationshipState.Pair]) -> RelationshipState? {
    relationships.first { $0.isOf(pairs) }
  }

  /// What a disk is as a recovery: of its relationships the one that is unfinished counts most, then what the last
  /// run that wrote it left; nil where none has.
  func state(of recovery: PersistentIdentity) -> Consistency? {
    let its = relationships.filter { $0.has(recovery, as: .recovery) }.map(\.consistency)
    if let unfinished = its.first(where: { if case .settled = $0 { false } else { true } }) {
      return unfinished
    }
    return disks[recovery]?.state.map(Consistency.settled) ?? its.first
  }

  /// Whether a run from `primary` to `recovery` went through before.
  func hasCompleted(from primary: PersistentIdentity, to recovery: PersistentIdentity) -> Bool {
    let ofPrimary = disks[primary]?.directions.contains {
      $0.counterpart == recovery && $0.side == .primary && !$0.isReversal
    }
    let ofRecovery = disks[recovery]?.directions.contains {
      $0.counterpart == primary && $0.side == .recovery && !$0.isReversal
    }
    return ofPrimary == true || ofRecovery == true
  }
}
