import SystemPackage

extension StateBook where Store == DirectoryStore {
  /// Gives up what is kept of these relationships for longer than it is to be, and removes the files that nobody
  /// needs any more.
  ///
  /// Where a run works on one, that is left to it.
  /// - Returns: what was done, for people.
  mutating func tidyPoints(
    of relationships: [UniqueID], now: Timestamp = .now()
  ) throws(ResyncError) -> [String] {
    var notes: [String] = []
    for id in relationships { notes += try tidyPoint(of: id, now) }
    return notes
  }

  /// The same of every relationship whose undo file lies in the state directory for longer than it is to be: its
  /// recoveries may be gone, or be other disks by now, so that nobody names them any more.
  mutating func tidyExpired(now: Timestamp = .now()) throws(ResyncError) -> [String] {
    let here = store.path.appending("staging")
    let expired = try relationships().states.filter { state in
      state.hasExpiredPoint(now) && state.recoveryPoint?.kind == .undo
        && state.recoveryPoint?.files.places.allSatisfy { place in
          FilePath(place.path).removingLastComponent() == here
        } == true
    }
    return try tidyPoints(of: expired.map(\.id), now: now)
  }

  private mutating func tidyPoint(of id: UniqueID, _ now: Timestamp) throws(ResyncError) -> [String] {
    guard let found = try relationship(id), found.hasPointToRemove(now) else { return [] }
    let hold: RelationshipHold
    do throws(ResyncError) {
      guard let taken = try takePoint(found, found.id) else { return [] }
      hold = taken
    } catch  where error.cause == .inUse {
      return []
    }
    var notes: [String] = []
    do throws(ResyncError) {
      if found.hasExpiredPoint(now), let point = found.recoveryPoint {
        try discardPoint(hold)
        notes.append(
          "the recovery point of \(point.made), of \(found.recoveryNames), was older than 7 days: it was removed"
        )
      }
      try removeObsolete(hold)
    } catch {
      hold.release()
      throw error
    }
    hold.release()
    return notes
  }

  /// Removes the files of what is obsolete; the relationship is held.
  mutating func removeObsolete(_ hold: borrowing RelationshipHold) throws(ResyncError) {
    let obsolete = try existing(hold.id).obsoletePoints
    guard !obsolete.isEmpty else { return }
    // Whoever made it so may have been killed before that was on stable storage: first that, then this.
    try store.synchronize(.states)
    // What cannot be reached now stays listed, for the next time.
    let gone = obsolete.filter { point in
      point.places.allSatisfy { place in (try? remove(place)) == true }
    }
    if !gone.isEmpty { try forget(gone, hold) }
  }

  /// Whether it is gone.
  private func remove(_ place: StagingPlace) throws(ResyncError) -> Bool {
    guard let name = FilePath(place.path).lastComponent?.string else { return true }
    try StagingDirectory(of: place, store).remove(name)
    return true
  }
}

extension RelationshipState {
  /// Whether what it keeps is older than it is to be, and no run works with it.
  fileprivate func hasExpiredPoint(_ now: Timestamp) -> Bool {
    guard case .settled = consistency, let point = recoveryPoint, !isGoingBack else { return false }
    return point.expires <= now
  }

  fileprivate func hasPointToRemove(_ now: Timestamp) -> Bool {
    !obsoletePoints.isEmpty || hasExpiredPoint(now)
  }
}

extension RecoveryPoint {
  /// Why it is there no longer, for people.
  func noteOfEnd(replaced: Bool) -> String {
    "the recovery point of \(made) "
      + (replaced
        ? "was replaced" : "was dropped: what the recovery holds is no longer what it leads back from")
  }
}
