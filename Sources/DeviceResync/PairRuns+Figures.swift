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

extension [CompletedRun] {
  /// How much the last runs found, for a person who judges the next one.
  var account: String {
    guard !isEmpty else { return "no run before this one is known" }
    let shares = map { percentage($0.bytesDifferent, of: $0.bytesCompared, digits: 2) }
    return "the last \(count == 1 ? "run" : "\(count) runs") found \(shares.joined(separator: ", "))"
  }
}
