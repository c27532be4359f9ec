import SystemPackage

// The whole flow, from top to bottom: plan -> claim -> plan again -> for each pair: settle, compare, write,
// finish -> result. It touches devices; whoever may hang on one calls it from a process that may hang.

/// Carries out `plan` on a thread of its own, and reports on the way.
///
/// - Parameters:
///   - plan: one that nothing refuses.
///   - report: is called on two threads, never at the same moment.
public func run(
  _ plan: Plan, control: RunControl, report: @escaping @Sendable (RunEvent) -> Void
) -> RunResult {
  let reporter = RunReporter(
    sizes: plan.pairs.map { (plan.request.window(of: $0.primary.size)?.length ?? $0.primary.size) },
    control: control, report: report)
  return ticking(reporter, for: plan.request) { carryOut(plan, control, reporter) }
}

/// Claims everything, judges again, then works pair by pair.
private func carryOut(_ plan: Plan, _ control: RunControl, _ reporter: RunReporter) -> RunResult {
  var results = plan.pairs.map(PairResult.init)
  var ownLoops: Set<DeviceNumber> = []
  do throws(ResyncError) {
    reporter.begin(.claiming)
    var notes: [String] = []
    var continued: Continued?
    var book = try openBook(plan)
    if book != nil { (notes, continued) = try lookUp(plan, &book, control, reporter) }
    for note in notes { results[0].notes.append(note) }
    let call = try claim(plan, control)
    ownLoops = call.ownLoops
    // What changed between the plan and the claims would be found by nobody else.
    let now = try makePlan(plan.request, ownLoops: ownLoops, previous: plan)
    if now.refusal != nil { return RunResult(refusing: now) }
    try checkSameDisks(plan, now)
    if let book = book.take() {
      results = try carryOutWriting(call.pairs, now, book, continued, control, reporter)
      for note in notes { results[0].notes.append(note) }
    } else {
      results = try carryOutReading(call.pairs, now, control, reporter)
    }
    reporter.begin(.closing)  // What was opened is let go of from here on.
  } catch {
    // Whoever came between the plan and the claim is named by the guards, not by an errno.
    if case .kernel(_, .open) = error.cause,
      let now = try? makePlan(plan.request, ownLoops: [], previous: plan), now.refusal != nil
    {
      return RunResult(refusing: now)
    }
    var result = RunResult(plan.request, refusedBy: error)
    result.wasTerminated = error.cause == .terminated
    return result
  }
  noteState(&results, plan)
  noteWhatStayed(&results, plan, ownLoops)
  return RunResult(plan.request, results, wasTerminated: control.wasTerminated)
}

/// What is remembered of disks, to read and to write; nil where the run writes nothing.
private func openBook(_ plan: Plan) throws(ResyncError) -> StateBook<DirectoryStore>? {
  guard plan.request.writes else { return nil }
  let store = try DirectoryStore(at: FilePath(plan.request.stateDirectory))
  try store.check(beside: plan.pairs.flatMap { [$0.primary, $0.recovery] })
  return StateBook(store)
}

/// Where this run's staging file is to lie.
func stagingDirectory(
  _ request: RunRequest, _ store: borrowing DirectoryStore
) throws(ResyncError) -> StagingDirectory {
  guard let path = request.stagingDirectory else { return try StagingDirectory(of: store) }
  return try StagingDirectory(in: FilePath(path))
}

/// Step 0: finishes or refuses what is unfinished.
///
/// Whether the direction contradicts what was done before, the guards say, before this and again after the claims.
private func lookUp(
  _ plan: Plan, _ book: inout StateBook<DirectoryStore>?, _ control: RunControl, _ reporter: RunReporter
) throws(ResyncError) -> (notes: [String], continued: Continued?) {
  guard let known = book.take() else { return ([], nil) }
  let pairs = try RelationshipState.Pair.pairs(of: plan)
  var unfinished = Unfinished(
    known, plan.pairs[0].engine, parallel: plan.request.parallel, terms: try plan.terms, control, reporter)
  unfinished.isWorthless = plan.request.isInitial
  unfinished.mustContinue = plan.request.mustContinue
  unfinished.keepsOld = plan.request.recoveryPoint != nil
  try unfinished.settle(pairs, for: .resync)
  let (notes, continued) = (unfinished.notes, unfinished.continued)
  book = unfinished.take()
  return (notes, continued)
}

/// All pairs, several at once, each with a result of its own; what one ends with does not matter to the others.
private func carryOutReading(
  _ pairs: [OpenedPair], _ plan: Plan, _ control: RunControl, _ reporter: RunReporter
) throws(ResyncError) -> [PairResult] {
  var runs = pairs.enumerated().map { index, pair in
    PairRun(pair, plan.pairs[index], plan.request, control, reporter, index)
  }
  let clock = ContinuousClock()
  let start = clock.now
  try runs.carryOut(plan.lanes, plan.request, control, reporter)
  let passed = (clock.now - start).seconds
  let sum = runs.reduce(0) { $0 + $1.result.totals.seconds }
  return runs.map { run in
    var result = run.result
    // Side by side their times add up to more than has passed: each gets its share.
    if sum > passed { result.totals.seconds *= passed / sum }
    return result
  }
}

/// All pairs together, staged or in place; one result for all of them.
private func carryOutWriting(
  _ pairs: [OpenedPair], _ plan: Plan, _ book: consuming StateBook<DirectoryStore>, _ continued: Continued?,
  _ control: RunControl, _ reporter: RunReporter
) throws(ResyncError) -> [PairResult] {
  var runs = pairs.enumerated().map { index, pair in
    PairRun(pair, plan.pairs[index], plan.request, control, reporter, index)
  }
  let clock = ContinuousClock()
  let start = clock.now
  do throws(ResyncError) {
    let pairs = try RelationshipState.Pair.pairs(of: plan)
    if plan.request.writeBack == .inPlace {
      try InPlaceRun(plan, pairs, book, continuing: continued, control, reporter).carryOut(&runs)
    } else {
      let directory = try stagingDirectory(plan.request, book.store)
      try StagedRun(plan, pairs, book, directory, continuing: continued, control, reporter).carryOut(&runs)
    }
  } catch {
    runs[0].fail(error)
    // One commit for all: what is not completed is completed by none of them.
    for index in runs.indices where runs[index].result.returnValue == .completed {
      runs[index].result.returnValue = error.returnValue
    }
  }
  for index in runs.indices {
    if runs[index].result.writeBack == .staged { runs[index].reportFaults() }
    runs[index].result.totals.seconds = (clock.now - start).seconds / Double(runs.count)
  }
  return runs.map(\.result)
}

/// What was judged after the claims must be what was claimed: a name may lead elsewhere by now (PITFALLS A7).
private func checkSameDisks(_ plan: Plan, _ now: Plan) throws(ResyncError) {
  for (before, after) in zip(plan.pairs, now.pairs) {
    for side in Side.allCases where !before[side].isSame(as: after[side]) {
      throw ResyncError(
        .replaced, "go on with", on: before[side].name.typed, side: side,
        reason: "the name leads to another disk since the plan",
        remedy: "look at it with: \(CallContext.current.typedAgain(.plan)), then run again")
    }
  }
}

/// Opens every disk; waits while nobody but a dead run's I/O can hold a claim (PITFALLS E1).
private func claim(_ plan: Plan, _ control: RunControl) throws(ResyncError) -> OpenedCall {
  let clock = ContinuousClock()
  let deadline = clock.now + patienceWithFormerRun
  do throws(ResyncError) {
    return try OpenedCall(plan) { _ in
      guard clock.now < deadline, !control.isStopping else { return false }
      let now = try? makePlan(plan.request, ownLoops: [], previous: plan)
      return now?.refusal == nil || now?.isEnding == true
    }
  } catch  where error.errno == .resourceBusy && control.isStopping {
    throw control.ending("wait for", on: error.device, side: .recovery)
  } catch  where error.errno == .resourceBusy && clock.now >= deadline {
    throw ResyncError(
      .inUse, "claim", on: error.device, side: .recovery,
      reason: "nobody can be seen using it, but something holds it; a former run's I/O may still be ending",
      remedy: "look for it with: \(CallContext.current.typed(.devices)); then run again")
  }
}

/// What the state says of the recoveries now, read again from where it was written.
private func noteState(_ results: inout [PairResult], _ plan: Plan) {
  guard plan.request.writes, let pairs = plan.state.pairs,
    let store = try? DirectoryStore.ifPresent(at: FilePath(plan.request.stateDirectory)),
    let found = try? StateBook(store).lookUp(pairs.map(\.recovery.identity))
  else { return }
  for (index, pair) in pairs.enumerated() {
    results[index].recoveryState = found.state(of: pair.recovery.identity)
    results[index].recoveryPoint = found.relationship(of: pairs)?.recoveryPoint
  }
}

/// What is seen only after the disks are closed: loops that stay (PITFALLS B3), devices built on the recovery (F2).
private func noteWhatStayed(_ results: inout [PairResult], _ plan: Plan, _ ownLoops: Set<DeviceNumber>) {
  let sysfs = Sysfs()
  for loop in ownLoops.sorted() {
    let name = "loop\(loop.minor)"
    for _ in 0..<20 where (try? sysfs.text("class/block/\(name)/loop/backing_file")) != .some(nil) {
      pause(milliseconds: 10)
    }
    guard let path = try? sysfs.text("class/block/\(name)/loop/backing_file"),
      let index = results.firstIndex(where: {
        [$0.primary.backingFile, $0.recovery.backingFile].contains(path)
      })
    else { continue }
    results[index].notes.append(
      "/dev/\(name) is still attached: somebody has it open; see: \(CallContext.current.typed(.devices))")
  }
  guard plan.request.writes else { return }
  for (index, pair) in plan.pairs.enumerated() {
    guard let device = pair.recovery.device,
      let holders = try? sysfs.names("class/block/\(device.name)/holders"), !holders.isEmpty
    else { continue }
    results[index].notes.append(
      "\(holders.joined(separator: ", ")) was built on the recovery after the run: keep host tools away from it"
    )
  }
}

extension RunResult {
  /// What became of all pairs; the first failure's value is the call's.
  init(_ request: RunRequest, _ pairs: [PairResult], wasTerminated: Bool) {
    let failure = pairs.first { $0.returnValue != .completed }
    let mixed = pairs.contains { $0.totals.bytesWritten > 0 && $0.returnValue != .completed }
    var message: String
    if wasTerminated, failure != nil {
      message = "ended by request or signal"
    } else if let failure {
      message = failure.summary ?? failure.errors.first?.message ?? failure.returnValue.name
    } else if request.operation == .compare {
      let different = pairs.reduce(UInt64(0)) { $0.saturatingAdd($1.totals.bytesDifferent) }
      message = different == 0 ? "identical" : "\(ByteCount(different)) differ"
    } else if request.isDryRun {
      message =
        "\(ByteCount(pairs.reduce(UInt64(0)) { $0.saturatingAdd($1.totals.bytesToWrite) })) would be written"
    } else {
      message = "the recovery equals the primary"
    }
    if mixed {
      message +=
        "; the recovery holds old and new blocks mixed until a run completes: run again before it is used"
    }
    self.init(request, failure?.returnValue ?? .completed, message, pairs)
    self.wasTerminated = wasTerminated && failure != nil
  }
}
