import SystemPackage

extension StagedRun {
  /// Step 3: room for all of it, and not more than may differ: more is a person's to decide.
  ///
  /// - Parameter needed: bytes of a staging file for which there was no room; nil where there was.
  func checkFigures(_ runs: [PairRun], needed: UInt64?) throws(ResyncError) {
    let totals = runs.reduce(into: RunTotals()) { $0 += $1.result.totals }
    let total = totals.bytesCompared.saturatingAdd(totals.bytesSkipped)
    if let needed {
      throw ResyncError(
        .kernel(.noSpace, .transfer), "stage the differences in", on: directory.path.string,
        reason: "the staging file \(request.recoveryPoint == .undo ? "and the undo file need" : "needs") "
          + "\(needed) bytes (\(ByteCount(needed))); nothing was written",
        remedy: "make room there, or name a larger place with --staging-dir")
    }
    guard let limit = request.maxDifference, limit.isExceeded(by: totals.bytesDifferent, of: total) else {
      return
    }
    let figures =
      "\(ByteCount(totals.bytesDifferent)) of \(ByteCount(total)) "
      + "(\(percentage(totals.bytesDifferent, of: total, digits: 2))) differ, more than --max-difference allows; "
      + completed.account
    if request.isInteractive {
      let map = RunResult(request, .completed, "", runs.map(\.result)).map(width: 80)
      guard reporter.ask(RunQuestion("\(map)\(figures). Write all of it?")) else {
        throw ResyncError(
          .invalidState, "apply the differences",
          reason: "\(figures); the answer was no, nothing was written",
          remedy: "look at both disks again: vmresync compare --map")
      }
      return
    }
    throw ResyncError(
      .invalidState, "apply the differences", reason: "\(figures); nothing was written",
      remedy: "if that is right, run again with --max-difference 100%")
  }
}

extension [CompletedRun] {
  /// How much the last runs found, for a person who judges the next one.
  var account: String {
    guard !isEmpty else { return "no run before this one is known" }
    let shares = map { percentage($0.bytesDifferent, of: $0.bytesCompared, digits: 2) }
    return "the last \(count == 1 ? "run" : "\(count) runs") found \(shares.joined(separator: ", "))"
  }
}
