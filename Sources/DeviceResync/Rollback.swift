import SystemPackage

/// What a rollback would do: which recoveries are written, and to what they go back.
public struct RollbackPlan: Sendable {
  let request: RollbackRequest
  let relationship: RelationshipState
  let point: RecoveryPoint
  /// Whether every block must hold what the run wrote.
  let isStrict: Bool
  let disks: [NamedDisk]
  let engine: Engine
}

/// Looks for what one can go back to, and judges: nothing is opened for writing, locked or claimed.
///
/// - Throws: 32775 with the reason where one cannot; 32774 where a recovery is in use.
public func makeRollbackPlan(_ request: RollbackRequest) throws(ResyncError) -> RollbackPlan {
  let (book, facts, paths) = try lookForPoint(request)
  _ = consume book
  switch facts.decide() {
  case .refuse(let error): throw error
  case .goBack(let found, let isStrict):
    guard let point = found.recoveryPoint else { preconditionFailure("it was decided by it") }
    let relationship = found.calling(found.named(paths))
    return RollbackPlan(
      request: request, relationship: relationship, point: point, isStrict: isStrict,
      disks: try ClaimedRecoveries.findPatiently(relationship, for: .rollback),
      engine: try Engine(request.engine, ringRefusal: ringRefusal()))
  }
}

/// Goes back: all recoveries of the relationship together become what they were before the run.
///
/// It touches devices; who may hang on one calls it from a process that may hang.
///
/// - Parameter report: is called on two threads, never at the same moment.
public func rollBack(
  _ plan: RollbackPlan, control: RunControl, report: @escaping @Sendable (RunEvent) -> Void
) -> RunResult {
  let reporter = RunReporter(sizes: plan.disks.map(\.size), control: control, report: report)
  return ticking(reporter, for: nil) {
    do throws(ResyncError) {
      var result = RunResult(nil, .completed, try rollBack(plan, control, reporter), [])
      result.engine = plan.engine.rawValue
      return result
    } catch {
      var result = RunResult(nil, refusedBy: error)
      result.wasTerminated = error.cause == .terminated
      return result
    }
  }
}

private func rollBack(
  _ plan: RollbackPlan, _ control: RunControl, _ reporter: RunReporter
) throws(ResyncError) -> String {
  reporter.begin(.claiming)
  let recoveries = try ClaimedRecoveries.claim(plan.relationship, for: .rollback, control)
  // What was shown is what is done, or nothing; from the claims on no run of other pairs changes that either.
  let (books, facts, _) = try lookForPoint(plan.request)
  guard case .goBack(let found, plan.isStrict) = facts.decide(), found.recoveryPoint == plan.point else {
    throw ResyncError(
      .inUse, "go back on", on: plan.relationship.recoveryNames, side: .recovery,
      reason: "its record has changed since the plan", remedy: "look again, with the same command")
  }
  var unfinished = Unfinished(
    books.take(), plan.engine, parallel: RunRequest.usualParallel, control, reporter)
  let way = try WayBack(
    plan.relationship, plan.point, isStrict: plan.isStrict, plan.engine, control, reporter)
  guard let hold = try unfinished.book.takeWayBack(found, way.run.id) else {
    throw ResyncError(
      .inUse, "go back on", on: plan.relationship.recoveryNames, side: .recovery,
      reason: "another run has just changed its record", remedy: "look again, with the same command")
  }
  return try way.carryOut(&unfinished, recoveries, hold)
}

/// A rollback whose recoveries are claimed.
struct WayBack {
  private let relationship: RelationshipState
  private let point: RecoveryPoint
  private let isStrict: Bool
  /// The way back, as the state names it.
  let run: RunRecord
  private let engine: Engine
  private let control: RunControl
  private let reporter: RunReporter

  init(
    _ relationship: RelationshipState, _ point: RecoveryPoint, isStrict: Bool, _ engine: Engine,
    _ control: RunControl, _ reporter: RunReporter
  ) throws(ResyncError) {
    // An undo file is a staging file; clones are given back in place.
    let place = point.kind == .undo ? point.files.places.first : nil
    run = try RunRecord.ours(place == nil ? .inPlace : .staged, staging: place, id: point.files.id)
    self.relationship = relationship
    self.point = point
    self.isStrict = isStrict
    self.engine = engine
    self.control = control
    self.reporter = reporter
  }

  /// Goes back, and says what was done.
  func carryOut(
    _ unfinished: inout Unfinished, _ recoveries: borrowing ClaimedRecoveries,
    _ hold: consuming RelationshipHold
  ) throws(ResyncError) -> String {
    var how = "the clone was given back"
    switch point.kind {
    case .undo:
      how = "\(ByteCount(try apply(&unfinished, recoveries, hold))) written, all of it read back"
    case .snapshot: try unfinished.giveBack(point, isStrict: isStrict, recoveries, hold)
    }
    _ = try unfinished.book.tidyPoints(of: [relationship.id])
    return "\(relationship.recoveryNames) went back over the run of \(point.made): \(how); "
      + Consistency.settled(point.before).title
  }

  /// Applies the undo file; returns bytes written.
  private func apply(
    _ unfinished: inout Unfinished, _ recoveries: borrowing ClaimedRecoveries,
    _ hold: consuming RelationshipHold
  ) throws(ResyncError) -> UInt64 {
    let staging: ValidatedStaging
    do throws(ResyncError) {
      staging = try check(unfinished, recoveries)
      reporter.begin(.committing)
      // From here on a stop is finished by a repair, as every commit is.
      try unfinished.book.commitRollback(hold, run)
    } catch {
      hold.release()
      throw error
    }
    reporter.beginForward(bytes: staging.seal.bytes)
    defer { control.goForward(false) }
    let written: UInt64
    do throws(ResyncError) {
      written = try recoveries.finish(
        staging, from: SharedDirectory(unfinished.directory(of: run)), engine,
        parallel: RunRequest.usualParallel, control, reporter)
    } catch {
      if error.leavesInconsistent {
        try unfinished.book.finish(hold, .inconsistent(since: .now()), completed: nil)
      } else {
        hold.release()
      }
      throw error
    }
    try unfinished.book.finishRollback(hold)
    reporter.endForward()
    return written
  }

  /// The undo file is whole, and every recovery holds what the run wrote: nothing is written before all of it is known.
  private func check(
    _ unfinished: borrowing Unfinished, _ recoveries: borrowing ClaimedRecoveries
  ) throws(ResyncError) -> ValidatedStaging {
    guard let seal = point.seal else { preconditionFailure("an undo file has a seal") }
    let staging: ValidatedStaging
    do throws(ResyncError) {
      staging = try unfinished.validate(run, seal, relationship)
    } catch {
      let place = point.files.places.map(\.path).joined(separator: ", ")
      throw ResyncError(
        .invalidState, "go back on", on: relationship.recoveryNames, side: .recovery,
        reason:
          "its undo file \(PrintableText(place)) cannot be used: \(error.withoutRemedy); nothing was written",
        remedy: "mount its file system, or give it up with: \(relationship.discard)")
    }
    reporter.begin(.settling)
    var witnesses: [Witness] = []
    for recovery in recoveries.all {
      reporter.wait(for: [recovery.device.disk.number] + recovery.planned.related.map(\.number))
      try settle(recovery.device.disk, recovery.planned.related, .recovery, droppingCaches: true)
      try recovery.device.holdStartGuard()
      witnesses.append(try Witness(recovery.device.disk, recovery.planned, .recovery))
    }
    reporter.begin(.comparing)
    var room = RoomCheck()
    for (index, recovery) in recoveries.all.enumerated() {
      reporter.begin(pair: index)
      let growth = HoleGrowth.of(recovery.device, recovery.planned)
      try checkWayBack(
        staging, from: unfinished.directory(of: run), to: recovery.device, pair: index,
        isStrict: isStrict, growth: growth, engine, control)
      guard let growth else { continue }
      try room.add(
        nil, to: growth, on: recovery.device.disk.identity.path, attempt: "go back on",
        what: "what falls into holes", remedy: "make room there, then run again")
    }
    reporter.begin(.checking)
    for (index, recovery) in recoveries.all.enumerated() {
      try checkUntouched(recovery.device, recovery.planned, witnesses[index], submitted: nil)
    }
    // That takes its time; whoever asked for the end meanwhile wants no commit.
    if control.isStopping {
      throw control.ending(
        "go back on", on: relationship.recoveryNames, side: .recovery, "nothing was written")
    }
    return staging
  }
}

/// Hands a book over once.
final class PointBook {
  private var book: StateBook<DirectoryStore>?
  init(_ book: consuming StateBook<DirectoryStore>) { self.book = .some(book) }
  func take() -> StateBook<DirectoryStore> {
    guard let book = book.take() else { preconditionFailure("it is taken once") }
    return book
  }
}

/// What is remembered of the disks that were named, and of those that go with them.
func lookForPoint(
  _ request: RollbackRequest
) throws(ResyncError) -> (book: PointBook, facts: RollbackFacts, paths: [PersistentIdentity: String]) {
  let directory = FilePath(request.stateDirectory)
  let disks = try namedRecoveries(request.paths, to: "go back on")
  guard let store = try DirectoryStore.ifPresent(at: directory) else {
    throw ResyncError(
      .invalidState, "go back on", on: request.paths.first, side: .recovery,
      reason: "nothing is remembered in \(PrintableText(request.stateDirectory))",
      remedy: "name the directory with --state-dir")
  }
  let book = StateBook(store)
  let named = disks.map { (identity: $0.identity, name: $0.disk.name.typed) }
  // All disks of the relationships in which they take part: another run may work on one of those.
  var found = try book.lookUp(Set(named.map(\.identity)))
  let all = Set(found.relationships.flatMap(\.identities)).union(named.map(\.identity))
  found = try book.lookUp(all)
  let facts = RollbackFacts(
    named: named, relationships: found.relationships, disks: found.disks,
    held: try book.held(among: found.relationships))
  var paths: [PersistentIdentity: String] = [:]
  for disk in disks { paths[disk.identity] = disk.disk.name.canonical?.string ?? disk.disk.name.typed }
  return (PointBook(book), facts, paths)
}

extension RelationshipState {
  /// Its pairs, each recovery by the name that it has now, where that was said.
  fileprivate func named(_ paths: [PersistentIdentity: String]) -> [Pair] {
    pairs.map { pair in
      var pair = pair
      if let path = paths[pair.recovery.identity] { pair.recovery.path = path }
      return pair
    }
  }
}

extension RollbackPlan {
  /// The plan for people: who is WRITTEN, and to what it goes back.
  var text: String {
    var lines: [String] = []
    for disk in disks {
      lines.append("  WRITTEN  \(PrintableText(disk.name.typed)), \(ByteCount(disk.size))")
    }
    lines.append("  state    \(relationship.consistency.title)")
    lines.append(
      "  back     over the run of \(point.made) (\(point.kind.rawValue), kept until \(point.expires)): "
        + "\(Consistency.settled(point.before).title)")
    if let seal = point.seal { lines.append("  bytes    \(ByteCount(seal.bytes)) that it wrote") }
    lines.append("  note     \(note)")
    return lines.joined(separator: "\n") + "\n"
  }

  /// What becomes of what somebody has written since.
  private var note: String {
    switch point.kind {
    case .undo: "all of it is read first: where somebody has written since, nothing is done"
    case .snapshot where isStrict: "where a recovery's file was changed since, nothing is done"
    case .snapshot:
      "the run has not come to its end: whoever has written since cannot be told, and what he wrote is lost"
    }
  }
}
