import Synchronization
import SystemPackage

extension InPlaceRun {
  /// Compares all pairs, and keeps the old bytes of what differs, where that is asked for: all of them are on stable
  /// storage when this returns, and nothing is written.
  ///
  /// What follows is written range by range; where nothing differs, nothing is.
  borrowing func keepOld(
    _ runs: inout [PairRun], _ run: RunRecord, _ journal: InPlaceJournal
  ) throws(ResyncError) {
    guard let point = run.point, point.kind == .undo else { return }
    let directory = try stagingDirectory(request, books.book.store)
    try directory.check(beside: runs.flatMap { [$0.planned.primary, $0.planned.recovery] })
    try directory.sweep(books.book)
    var readsHoles = request.readsHoles
    while true {
      guard
        let undo = try directory.beginUndo(point, runs, pairs, journal.relationship, lanes)
      else { preconditionFailure("one is asked for") }
      let found = try compare(&runs, into: undo, readsHoles: readsHoles)
      guard found.allSatisfy(\.holesHold) else {
        // What was passed over proves nothing (PITFALLS G10): once more, every byte.
        undo.drop()
        try directory.removeUndo(of: run)
        for index in runs.indices { runs[index].witnesses = nil }
        readsHoles = true
        continue
      }
      try check(&runs, undo, directory)
      guard runs.contains(where: { $0.result.totals.bytesDifferent > 0 }) else {
        undo.drop()
        runs[0].result.notes.append("nothing differs: no recovery point was made")
        for index in runs.indices { runs[index].leaveAsItIs(readsHoles: readsHoles) }
        return
      }
      for run in runs { try run.pair.recovery.holdStartGuard() }
      reporter.begin(.sealing)
      let sealed = try directory.seal(undo, point, runs, pairs, journal.relationship, control)
      // That takes its time; whoever asked for the end meanwhile wants nothing written.
      if control.isStopping { throw control.ending() }
      let known = KnownDifferences(
        try directory.open("\(point.id)"), sealed.staging, runs[0].planned.engine, control)
      for index in runs.indices { runs[index].write(found[index], known, readsHoles: readsHoles) }
      journal.keep(sealed.seal)
      return
    }
  }

  /// Compares all pairs into `undo`, several at once; what ends one of them ends the others at their next chunk.
  private borrowing func compare(
    _ runs: inout [PairRun], into undo: UndoFile<DiskQueue>, readsHoles: Bool
  ) throws(ResyncError) -> [KeptComparison] {
    let (control, shared) = (control, SharedUndo(undo))
    return try runs.workSideBySide(lanes, most: request.parallel, control, reporter) {
      (run) throws(ResyncError) -> KeptComparison in
      do throws(ResyncError) {
        let found = try run.keepOld(in: shared, readsHoles: readsHoles)
        if !found.holesHold { control.cut(true) }
        return found
      } catch {
        throw error.naming(run.names)
      }
    }.all(control)
  }

  /// All that may be found wrong before anything is written, when everything is compared.
  private borrowing func check(
    _ runs: inout [PairRun], _ undo: UndoFile<DiskQueue>, _ directory: borrowing StagingDirectory
  ) throws(ResyncError) {
    try runs.refuseUnread("write what differs to")
    // Nobody is asked about what there is no room for.
    try runs.checkRoom(request, pairs, books)
    if undo.isOutOfRoom {
      throw .noRoom(
        "keep the old bytes in", directory.path.string, for: "the undo file needs", undo.bytesNeeded)
    }
    if !isExpected { try runs.checkFigures(request, completed, control, reporter) }
    for index in runs.indices {
      guard let witnesses = runs[index].witnesses else { preconditionFailure("each pair was settled") }
      try runs[index].conclude(witnesses, submitted: 0)
    }
    if control.isStopping { throw control.ending() }
  }
}
