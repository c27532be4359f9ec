import SystemPackage

extension [PairRun] {
  /// Not more than may differ, where all is known before anything is written: more is a person's to decide.
  ///
  /// - Parameter completed: the last runs that went through.
  func checkFigures(
    _ request: RunRequest, _ completed: [CompletedRun], _ control: RunControl, _ reporter: RunReporter
  ) throws(ResyncError) {
    let totals = reduce(into: RunTotals()) { $0 += $1.result.totals }
    let total = totals.bytesCompared.saturatingAdd(totals.bytesSkipped)
    guard let limit = request.maxDifference, limit.isExceeded(by: totals.bytesDifferent, of: total) else {
      return
    }
    let figures =
      "\(ByteCount(totals.bytesDifferent)) of \(ByteCount(total)) "
      + "(\(percentage(totals.bytesDifferent, of: total, digits: 2))) differ, more than --max-difference allows; "
      + completed.account
    if request.isInteractive {
      let map = RunResult(request, .completed, "", map(\.result)).map(width: 80)
      guard reporter.ask(RunQuestion("\(map)\(figures). Write all of it?")) else {
        // A hangup is no answer, and what was compared is gone on with.
        if control.isStopping { throw control.ending() }
        throw ResyncError(
          .invalidState, "apply the differences",
          reason: "\(figures); the answer was no, nothing was written",
          remedy: "look at both disks again: \(CallContext.current.typedAgain(.compare, "--map"))")
      }
      return
    }
    throw ResyncError(
      .invalidState, "apply the differences", reason: "\(figures); nothing was written",
      remedy: "if that is right, run again with --max-difference 100%")
  }
}

extension StagedRun {
  /// Step 3: there was no room for all that differs.
  ///
  /// - Parameter needed: bytes of a staging file that would hold it.
  func noRoom(_ runs: [PairRun], needed: UInt64, _ keeper: CheckpointKeeper) -> ResyncError {
    var remedy = ResyncError.largerPlace
    if keeper.knowsWhere, keeper.canContinue {
      remedy +=
        "; or write what is known to differ in place, where a stop leaves the recovery Inconsistent: "
        + CallContext.current.typedAgain(.resume, "--write-back", "in-place")
    }
    return .noRoom(
      "stage the differences in", directory.path.string,
      for: "the staging file \(request.recoveryPoint == .undo ? "and the undo file need" : "needs")", needed,
      remedy)
  }
}

extension ResyncError {
  static let largerPlace = "make room there, or name a larger place with --staging-dir"

  /// There is no room for what is put aside before anything is written.
  ///
  /// - Parameters:
  ///   - what: the files, and that they need so many bytes.
  ///   - needed: the exact sum.
  static func noRoom(
    _ verb: String, _ directory: String, for what: String, _ needed: UInt64, _ remedy: String = largerPlace
  ) -> ResyncError {
    ResyncError(
      .kernel(.noSpace, .transfer), verb, on: directory,
      reason: "\(what) \(needed) bytes (\(ByteCount(needed))); nothing was written", remedy: remedy)
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
