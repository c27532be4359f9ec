/// How a pair that was named contradicts what was done before (PITFALLS A21; DESIGN 3, Direction).
enum DirectionContradiction: Sendable, Equatable {
  /// The last completed run of these two disks went from the recovery to the primary.
  case wentTheOtherWay(at: Timestamp)
  /// They have changed roles since: what is named as the recovery is the primary.
  case wasReversed(at: Timestamp)
  /// The recovery is the primary of a relationship, and the recovery of none.
  case recoveryIsPrimary(of: PersistentIdentity, at: Timestamp)
}

extension DirectionContradiction {
  /// Judges one pair by what is remembered of its disks; nil where nothing speaks against it.
  ///
  /// Where the two records disagree, a crash came between them: the later one counts.
  init?(_ pair: RelationshipState.Pair, _ disks: [PersistentIdentity: DiskRecord]) {
    let (primary, recovery) = (pair.primary.identity, pair.recovery.identity)
    let ofPrimary = disks[primary]?.directions.last { $0.counterpart == recovery }
    let ofRecovery = disks[recovery]?.directions.last { $0.counterpart == primary }
    // What the primary was, by either record, and when.
    let roles = [
      ofPrimary.map { (wasPrimary: $0.side == .primary, at: $0.at, isReversal: $0.isReversal) },
      ofRecovery.map { (wasPrimary: $0.side == .recovery, at: $0.at, isReversal: $0.isReversal) },
    ].compactMap { $0 }
    if let last = roles.max(by: { ($0.at, $1.wasPrimary ? 1 : 0) < ($1.at, $0.wasPrimary ? 1 : 0) }) {
      if last.wasPrimary { return nil }
      self = last.isReversal ? .wasReversed(at: last.at) : .wentTheOtherWay(at: last.at)
      return
    }
    let directions = disks[recovery]?.directions ?? []
    guard !directions.contains(where: { $0.side == .recovery }),
      let other = directions.max(by: { $0.at < $1.at })
    else { return nil }
    self = .recoveryIsPrimary(of: other.counterpart, at: other.at)
  }

  /// The refusal: 32775, before anything is opened for writing.
  ///
  /// No option overrules it.
  func error(_ pair: RelationshipState.Pair) -> ResyncError {
    let reason: String
    switch self {
    case .wentTheOtherWay(let time):
      reason = "the last run of these two, at \(time), went from it to \(PrintableText(pair.primary.path))"
    case .wasReversed(let time):
      reason = "it is the primary of \(PrintableText(pair.primary.path)): they changed roles at \(time)"
    case .recoveryIsPrimary(let other, let time):
      reason = "it is a primary: at \(time) its content went to \(other)"
    }
    let context = CallContext.current
    return ResyncError(
      .invalidState, "write", on: pair.recovery.path, side: .recovery, reason: reason,
      remedy:
        "look again which one holds the newer content: \(context.typed(.devices)); where the roles are to change, "
        + "say so of their systems: \(context.typed(.failover, "SYSTEM")), then "
        + context.typed(.reverse, "SYSTEM"))
  }
}
