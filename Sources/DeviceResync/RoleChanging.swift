import SystemPackage

/// Carries out `plan`: nothing is written to any disk but what was committed before.
///
/// It touches devices; who may hang on one calls it from a process that may hang.
///
/// - Parameter report: is called on two threads, never at the same moment.
public func changeRoles(
  _ plan: RolePlan, control: RunControl, report: @escaping @Sendable (RunEvent) -> Void
) -> RunResult {
  let reporter = RunReporter(sizes: [], control: control, report: report)
  var result = ticking(reporter, for: nil) {
    do throws(ResyncError) {
      reporter.begin(.planning)
      var changing = try RoleChanging(plan, control, reporter)
      return RunResult(nil, .completed, try changing.carryOut(), [])
    } catch {
      var result = RunResult(nil, refusedBy: error)
      result.wasTerminated = error.cause == .terminated
      return result
    }
  }
  result.computerSystem = plan.request.recovery
  return result
}

private struct RoleChanging: ~Copyable {
  private let plan: RolePlan
  private let control: RunControl
  private var unfinished: Unfinished
  private var notes: [String] = []

  init(_ plan: RolePlan, _ control: RunControl, _ reporter: RunReporter) throws(ResyncError) {
    self.plan = plan
    self.control = control
    unfinished = Unfinished(
      StateBook(try DirectoryStore(at: FilePath(plan.request.stateDirectory))),
      try Engine(.auto, ringRefusal: ringRefusal()), parallel: RunRequest.usualParallel, control, reporter)
  }

  private var request: RoleRequest { plan.request }
  private var recovery: String { "\(PrintableText(request.recovery))" }
  private var primary: String { "\(PrintableText(request.primary))" }

  mutating func carryOut() throws(ResyncError) -> String {
    let done: String =
      switch request.change {
      case .failOver: try failOver()
      case .revertFailover: try revert()
      case .reverse: try reverse()
      }
    return (notes + [done]).joined(separator: "; ")
  }

  /// The record as it is now.
  private func current() throws(ResyncError) -> RelationshipState {
    try unfinished.book.existing(plan.relationship.id)
  }

  private var changesAllTheTime: ResyncError {
    ResyncError(
      .inUse, "change the roles of", on: request.recovery, side: .recovery,
      reason: "other calls change its record all the time", remedy: "try again when they have ended")
  }

  private mutating func failOver() throws(ResyncError) -> String {
    try endRuns()
    do throws(ResyncError) {
      try settle()
    } catch  where error.cause == .invalidState && !plan.questions.isEmpty {
      notes.append("what was stopped cannot be finished: \(error.withoutRemedy)")
    }
    notes += unfinished.notes
    for _ in 0..<10 {
      let found = try current()
      if let mark = found.failedOver { return "\(recovery) is failed over since \(mark.at)" }
      let isAsIs = try plan.checkFailover(
        found, tornSince: unfinished.book.tornSince(found), isAsIsAgreed: !plan.questions.isEmpty)
      if case .settled(.inconsistent(let left)) = found.consistency, !isAsIs {
        throw plan.inconsistent(found, since: left.since)
      }
      let mark = FailedOver(at: .now(), isAsIs: isAsIs, words: plan.words(request.recovery))
      if try unfinished.book.failOver(found, mark) { return whatNext(found, isAsIs: isAsIs) }
    }
    throw changesAllTheTime
  }

  private func whatNext(_ state: RelationshipState, isAsIs: Bool) -> String {
    let words = plan.words(request.recovery)
    var what = state.consistency.title
    if isAsIs {
      what = "given up as it is: Inconsistent, old and new blocks are mixed"
    } else if case .settled(.fuzzy) = state.consistency {
      what += " (a running source: no point in time)"
    }
    let strangers = plan.strangers.map {
      "\(PrintableText($0)) takes no part in it, and was not brought in line; "
    }
    return strangers.joined()
      + "\(recovery) is failed over, \(what): nothing writes it from now on. Start it. Then let "
      + "\(primary) follow it: \(CallContext.current.typed(.reverse, of: words)); or give up what it gets: "
      + CallContext.current.typed(.failover, "--revert", of: words)
  }

  private mutating func revert() throws(ResyncError) -> String {
    for _ in 0..<10 {
      let found = try current()
      guard found.failedOver != nil else { return "\(recovery) is not failed over" }
      guard try unfinished.book.revertFailover(found) else { continue }
      return
        "\(recovery) is not failed over any more: what it has got since is overwritten by the next: "
        + plan.resync(request.primary)
    }
    throw changesAllTheTime
  }

  private mutating func reverse() throws(ResyncError) -> String {
    for _ in 0..<10 {
      let found = try current()
      // A reverse that was stopped has turned the record already.
      let now = found.failedOver == nil ? request : request.turned
      let roles = RelationshipRoles(
        relationship: request.relationship, primary: now.primary, recovery: now.recovery, since: .now())
      guard found.failedOver != nil || found.pairs.map(\.recovery.identity) == plan.recoveries else {
        throw changesAllTheTime
      }
      guard try unfinished.book.reverse(found, as: plan.words(now.primary), roles) else { continue }
      if let place = found.consistency.run?.staging {
        try StagingDirectory.drop(place, unfinished.book.store)
      }
      notes += try unfinished.book.tidyPoints(of: [found.id])
      return
        "\(PrintableText(now.primary)) is the primary from now on, and \(PrintableText(now.recovery)) its "
        + "recovery: bring it in line with: \(plan.resync(now.primary))"
    }
    throw changesAllTheTime
  }
}

extension RolePlan {
  fileprivate var recoveries: [PersistentIdentity] { relationship.pairs.map(\.recovery.identity) }
}

extension RoleChanging {
  /// Ends the runs that write one of the recoveries and have not committed; waits for those that have.
  ///
  /// This is where a job will be asked, once runs have one.
  private mutating func endRuns() throws(ResyncError) {
    let clock = ContinuousClock()
    let start = clock.now
    var asked: Set<UniqueID> = []
    var patience = clock.now + patienceWithEndingRun
    while let (busy, isWaited) = try busyRun() {
      if control.isStopping { throw control.ending("wait for", on: request.recovery, side: .recovery) }
      if isWaited {
        patience = clock.now + patienceWithEndingRun
      } else if let run = busy.consistency.run, asked.insert(run.id).inserted {
        try end(run, busy)
        patience = clock.now + patienceWithEndingRun
      }
      guard clock.now < patience else { throw busy.isBusy("fail over to") }
      pause(milliseconds: 20)
    }
    let waited = (clock.now - start).seconds
    if !asked.isEmpty {
      notes.append("a run was under way, and was ended in \(seconds(waited))")
    } else if waited >= 0.1 {
      notes.append("a run was under way: it was waited for, \(seconds(waited))")
    }
  }

  /// A run that may write one of the recoveries, and whether its way is forward.
  private func busyRun() throws(ResyncError) -> (RelationshipState, isForward: Bool)? {
    let recoveries = plan.recoveries
    let all = try unfinished.book.lookUp(recoveries).relationships.filter { one in
      recoveries.contains { one.has($0, as: .recovery) }
    }
    let held = try unfinished.book.held(among: all)
    guard let busy = all.first(where: { held.contains($0.id) }) else { return nil }
    if case .applying = busy.consistency { return (busy, true) }
    return (busy, false)
  }

  /// Asks a run to end in order: nothing of it is committed yet, and what it asks of the disks is waited for.
  private func end(_ run: RunRecord, _ busy: RelationshipState) throws(ResyncError) {
    // In place old and new blocks are mixed already: to end it makes nothing better.
    if case .settled(.inconsistent) = busy.consistency { throw busy.isBusy("fail over to") }
    // One that is gone lets its lock go.
    _ = try run.worker.requestEnd()
  }

  /// Finishes what was committed on the recoveries, and drops what was not.
  private mutating func settle() throws(ResyncError) {
    let pairs = plan.relationship.pairs
    try unfinished.settle(pairs, for: .repair)
    let recoveries = plan.recoveries
    for relationship in try unfinished.book.lookUp(recoveries).relationships
    where recoveries.contains(where: { relationship.has($0, as: .recovery) }) {
      try unfinished.goBackAgain(relationship.id, pairs)
    }
  }
}

/// How long a run that was asked to end may take: its last requests end with it.
private let patienceWithEndingRun = Duration.seconds(5)
