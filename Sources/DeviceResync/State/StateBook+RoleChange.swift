// A recovery that is live, and the exchange of roles (docs/failover.md).
//
// A reverse is committed by one rename: the relationship's record, whose pairs name the disks by their new roles from
// then on, and which says that what goes with it is pending. While it does, nothing writes any of the disks; the same
// command goes on there: the disks' directions, the systems' names, and last that nothing is pending.

extension StateBook where Store: ~Copyable {
  /// Marks the recoveries as live; durable when this returns.
  ///
  /// - Parameter found: the record from which that was decided.
  /// - Returns: whether it was done; the record may be another by now.
  /// - Throws: 32774 where a run may write one of them, 32775 where one is unfinished.
  mutating func failOver(
    _ found: RelationshipState, _ mark: FailedOver
  ) throws(ResyncError) -> Bool {
    try changing { book throws(ResyncError) in
      guard var state = try book.unchanged(found) else { return false }
      state.failedOver = mark
      try book.write(state, .relationship(state.id))
      return true
    }
  }

  /// Takes the mark back; durable when this returns.
  ///
  /// - Returns: whether it was done; the record may be another by now.
  mutating func revertFailover(_ found: RelationshipState) throws(ResyncError) -> Bool {
    try changing { book throws(ResyncError) in
      guard var state = try book.unchanged(found) else { return false }
      state.failedOver = nil
      state.liveUntil = .now()
      try book.write(state, .relationship(state.id))
      return true
    }
  }

  /// Exchanges primary and recovery, and ends what was pending of it; durable when this returns.
  ///
  /// - Parameters:
  ///   - found: the record from which that was decided: failed over, or with a reverse that is pending.
  ///   - roles: what the systems' record says from then on.
  /// - Returns: whether it was done; the record may be another by now.
  mutating func reverse(
    _ found: RelationshipState, as words: RelationshipWords, _ roles: RelationshipRoles
  ) throws(ResyncError) -> Bool {
    try changing { book throws(ResyncError) in
      guard var state = try book.unchanged(found) else { return false }
      if state.failedOver != nil {
        let time = Timestamp.now()
        state.exchangeRoles()
        state.reversal = Reversal(at: time, isPending: true, words: words)
        try book.makeWay(for: state)
        try book.write(state, .relationship(state.id))
      }
      guard var reversal = state.reversal else { return false }
      if reversal.isPending { try book.noteReversal(of: state, at: reversal.at) }
      var roles = roles
      roles.since = reversal.at
      let name = RecordName.roles(roles.relationship)
      try book.write(roles, name)
      guard reversal.isPending else { return true }
      reversal.isPending = false
      state.reversal = reversal
      try book.write(state, .relationship(state.id))
      return true
    }
  }

  /// The record of `found`, if it is still the same and nobody works on its disks; nil where it is another by now.
  private func unchanged(_ found: RelationshipState) throws(ResyncError) -> RelationshipState? {
    guard try relationship(found.id) == found else { return nil }
    let others = try lookUp(found.identities).relationships.filter { other in
      found.pairs.contains { other.has($0.recovery.identity, as: .recovery) }
    }
    for other in others {
      guard case .settled = other.consistency else { throw Self.unfinished(other) }
    }
    let held = try held(among: others)
    if let busy = others.first(where: { held.contains($0.id) }) { throw busy.isBusy("change the roles of") }
    return found
  }

  /// Turns another record of the same pairs as `reversed`, so that one stays the pairs'.
  ///
  /// It is of runs that went that way once, and never through.
  private mutating func makeWay(for reversed: RelationshipState) throws(ResyncError) {
    for other in try lookUp(reversed.identities).relationships
    where other.id != reversed.id && other.isOf(reversed.pairs) {
      guard case .settled = other.consistency else { throw Self.unfinished(other) }
      if try store.isHeld(.relationship(other.id)) { throw other.isBusy("change the roles of") }
      var turned = other
      turned.exchangeRoles()
      try write(turned, .relationship(turned.id))
    }
  }

  /// What each disk is from then on.
  private mutating func noteReversal(of state: RelationshipState, at time: Timestamp) throws(ResyncError) {
    for pair in state.pairs {
      for side in Side.allCases {
        let other = side == .primary ? pair.recovery : pair.primary
        try change(pair[side]) { disk in
          disk.state = nil
          disk.move(state.id, to: side)
          disk.note(
            DiskRecord.Direction(
              counterpart: other.identity, side: side, at: time, relationship: state.id, isReversal: true))
        }
      }
    }
  }
}

extension RelationshipState {
  /// A run works on it: 32774.
  func isBusy(_ attempt: String) -> ResyncError {
    let run = consistency.run.map { " (process \($0.process), since \($0.began))" } ?? ""
    return ResyncError(
      .inUse, attempt, on: recoveryNames, side: .recovery, reason: "a run\(run) works on it",
      remedy: "try again when it has ended")
  }
}

extension DiskRecord {
  /// Lists a relationship on this side only.
  fileprivate mutating func move(_ relationship: UniqueID, to side: Side) {
    primaryOf.removeAll { $0 == relationship }
    recoveryOf.removeAll { $0 == relationship }
    _ = list(relationship, as: side)  // It is listed now, whether it was before or not.
  }
}
