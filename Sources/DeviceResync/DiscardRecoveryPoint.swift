import SystemPackage

/// Gives up what is kept of a recovery, which stays as it is; none is as good.
///
/// One that was being gone back to is given up where that cannot be finished any more, and not before.
public func discardRecoveryPoint(_ request: RollbackRequest) -> RunResult {
  do throws(ResyncError) {
    guard try DirectoryStore.ifPresent(at: FilePath(request.stateDirectory)) != nil else {
      return RunResult(nil, .completed, "there was no recovery point", [])
    }
    let (books, facts, _) = try lookForPoint(request)
    let control = RunControl()
    // Whose end nobody waits for: what it reads, it reads to judge.
    let reporter = RunReporter(sizes: [], control: control) { _ in }
    var unfinished = Unfinished(
      books.take(), try Engine(request.engine, ringRefusal: ringRefusal()),
      parallel: RunRequest.usualParallel, control, reporter)
    var done: [String] = []
    for relationship in facts.keeping {
      if let busy = facts.busy(relationship) { throw busy }
      guard let point = relationship.recoveryPoint, case .settled(let settled) = relationship.consistency,
        !relationship.hasBegunToGoBack(facts.disks) || !unfinished.canGoBack(relationship, point),
        let hold = try unfinished.book.takePoint(relationship, relationship.id)
      else {
        throw ResyncError(
          .invalidState, "give up the recovery point of", on: relationship.recoveryNames, side: .recovery,
          reason: "a run is unfinished: it is \(relationship.consistency.name)",
          remedy: "first: \(relationship.repair)")
      }
      do throws(ResyncError) {
        try unfinished.book.discardPoint(hold)
      } catch {
        hold.release()
        throw error
      }
      hold.release()
      done.append("the recovery point of \(point.made) was removed")
      if case .inconsistent(let left) = settled {
        done.append("\(relationship.recoveryNames) stays Inconsistent since \(left.since): resynchronize it")
      }
    }
    // Also what an earlier call has not come to.
    _ = try unfinished.book.tidyPoints(of: facts.relationships.map(\.id))
    return RunResult(
      nil, .completed, done.isEmpty ? "there was no recovery point" : done.joined(separator: "; "), [])
  } catch {
    return RunResult(nil, refusedBy: error)
  }
}

extension Unfinished {
  /// Whether the files of `point` are what was kept.
  fileprivate func canGoBack(_ relationship: RelationshipState, _ point: RecoveryPoint) -> Bool {
    do throws(ResyncError) {
      switch point.kind {
      case .undo:
        guard let seal = point.seal, let place = point.files.places.first else { return false }
        _ = try validate(
          RunRecord.ours(.staged, staging: place, id: point.files.id), seal, relationship)
      case .snapshot:
        for (clone, place) in zip(point.clones ?? [], point.files.places) {
          _ = try ImageClone(clone, takenAt: place)
        }
      }
      return true
    } catch {
      return false
    }
  }
}
