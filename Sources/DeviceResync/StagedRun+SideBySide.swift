import Synchronization
import SystemPackage

// The parts of a staged run in which pairs are worked on side by side (PairsSideBySide.swift).

extension StagedRun {
  /// Compares all pairs into `staging`, several at once; what ends one of them ends the others at their next chunk.
  ///
  /// - Returns: false where a hole was not one: everything must be compared again, holes too.
  /// - Throws: the first failure in the pairs' order; where the run was asked to end in order, its last checkpoint is
  ///   made.
  borrowing func compare(
    _ runs: inout [PairRun], _ staging: SharedStaging<DiskQueue>, _ keeper: CheckpointKeeper, readsHoles: Bool
  ) throws(ResyncError) -> Bool {
    let control = control
    let outcomes = try runs.workSideBySide(lanes, most: request.parallel, control, reporter) {
      (run) throws(ResyncError) -> Bool in
      do throws(ResyncError) {
        let holesHold = try run.compare(into: staging, keeper, readsHoles: readsHoles)
        if !holesHold {
          // At once: however this run ends, no other may go on behind holes that are none.
          try staging.forgetCheckpoints { () throws(ResyncError) in try keeper.forget() }
          control.cut(true)
        }
        return holesHold
      } catch {
        throw error.naming(run.names)
      }
    }
    do throws(ResyncError) {
      return try outcomes.all(control).allSatisfy { $0 }
    } catch {
      guard error.isStop else { throw error }
      // All stand between two chunks now.
      if control.request.load(ordering: .acquiring) == .terminate { try staging.makeCheckpoint() }
      throw error
    }
  }

  /// Steps 7 and 8 for all pairs, several at once.
  ///
  /// - Returns: bytes that were handed to the device of each recovery.
  borrowing func apply(_ staged: ValidatedStaging, _ runs: inout [PairRun]) throws(ResyncError) -> [UInt64] {
    let (place, verifies) = (SharedDirectory(try directory.duplicate()), request.readsBack)
    return try runs.workSideBySide(lanes, most: request.parallel, control, reporter) {
      (run) throws(ResyncError) in
      do throws(ResyncError) {
        return try run.apply(staged, place.directory, verifies: verifies)
      } catch {
        throw error.naming(run.names)
      }
    }.all(control)
  }
}

extension PairRun {
  /// Compares the pair into the file that all pairs fill, or takes over what a stopped run had compared whole.
  ///
  /// - Returns: false where a hole was not one.
  fileprivate mutating func compare(
    into staging: SharedStaging<DiskQueue>, _ keeper: CheckpointKeeper, readsHoles: Bool
  ) throws(ResyncError) -> Bool {
    if control.isStopping { throw control.ending() }
    if let progress, progress.isWhole {
      try takeOver(progress)
      return true
    }
    if witnesses == nil {
      witnesses = try prepare()
      try keeper.begin(self, readsHoles: readsHoles)
    }
    return try stage(staging, readsHoles: readsHoles)
  }
}
