import SystemPackage

/// A resynchronization of all pairs of a call that writes differences as they are found.
///
/// Before the first byte is written the relationship is Inconsistent, durably; it is Consistent again after the last
/// flush and check of the last disk (DESIGN 6). A run that ends before its first write leaves what was.
struct InPlaceRun {
  private let run: RunRecord
  private let pairs: [RelationshipState.Pair]
  private let allowance: DifferenceAllowance?
  private let control: RunControl
  private let reporter: RunReporter

  init(_ plan: Plan, _ control: RunControl, _ reporter: RunReporter) throws(ResyncError) {
    pairs = try RelationshipState.Pair.pairs(of: plan)
    var run = try RunRecord.ours(.inPlace, staging: nil)
    run.isFuzzy = plan.pairs.contains { $0.sourceMode == .running }
    if plan.request.recoveryPoint == .snapshot {
      run.point = try PlannedPoint.snapshot(of: plan.pairs.map(\.recovery))
    }
    self.run = run
    // First runs and recoveries of no worth are expected to differ.
    let isExpected =
      plan.request.isInitial || plan.pairs.contains(where: \.isFirstRun)
      || plan.pairs.allSatisfy(\.recovery.isEmptyImage)
    let total = plan.pairs.reduce(UInt64(0)) { $0.saturatingAdd($1.primary.size) }
    allowance = isExpected ? nil : plan.request.maxDifference.map { DifferenceAllowance($0, of: total) }
    self.control = control
    self.reporter = reporter
  }

  /// Carries all pairs out, one after the other; what fails is in their results.
  ///
  /// - Throws: where the state could not be written.
  func carryOut(
    _ runs: inout [PairRun], _ book: consuming StateBook<DirectoryStore>
  ) throws(ResyncError) {
    let journal = try InPlaceJournal(book, run, on: pairs)
    do throws(ResyncError) {
      try journal.keep(Snapshots(run.point, of: runs), of: runs.map(\.pair))
    } catch {
      _ = try journal.end(nil)
      throw error
    }
    for index in runs.indices {
      if control.isStopping {
        runs[index].result.returnValue = control.ending().returnValue
        continue
      }
      reporter.begin(pair: index)
      runs[index].journal = journal
      runs[index].allowance = allowance
      runs[index].carryOut()
    }
    reporter.begin(.recording)
    runs[0].result.notes += try journal.end(
      runs.allSatisfy { $0.result.returnValue == .completed }
        ? CompletedRun(run, runs.map(\.result)) : nil)
  }
}

/// The relationship's record while a run writes in place.
final class InPlaceJournal {
  private var book: StateBook<DirectoryStore>
  private var hold: RelationshipHold?
  private let run: RunRecord
  private var isMarked = false
  /// What takes the clones, and of what; nil where none are.
  private var snapshots: Snapshots?
  private var kept: [OpenedPair] = []
  /// What one could go back by before the first write.
  private var former: RecoveryPoint?

  /// Step 1: Resynchronizing, durable when this returns.
  init(
    _ book: consuming StateBook<DirectoryStore>, _ run: RunRecord, on pairs: [RelationshipState.Pair]
  ) throws(ResyncError) {
    var book = book
    hold = try book.begin(run, on: pairs)
    self.book = book
    self.run = run
  }

  /// Takes clones of the recoveries of `pairs` before the first write.
  func keep(_ snapshots: Snapshots?, of pairs: [OpenedPair]) {
    (self.snapshots, kept) = (snapshots, pairs)
  }

  /// Inconsistent, durable when this returns; before the first write of the first pair, and at once after that.
  func willWrite() throws(ResyncError) {
    guard !isMarked else { return }
    switch hold {
    case .some(let hold):
      former = try book.existing(hold.id).recoveryPoint
      try book.markInconsistent(hold, since: .now(), keeping: snapshots?.take(kept))
    case .none: preconditionFailure("nothing is written after the end")
    }
    isMarked = true
  }

  /// The final state.
  ///
  /// - Parameter completed: what the run found; nil where it did not go through: what was written to stays
  ///   Inconsistent, and what was not is as it was.
  /// - Returns: what became of recovery points, for people.
  func end(_ completed: CompletedRun?) throws(ResyncError) -> [String] {
    guard let hold = hold.take() else { preconditionFailure("a run ends once") }
    let notes = former.map { [$0.noteOfEnd(replaced: run.point != nil)] } ?? []
    let id = hold.id
    guard let completed else {
      try book.abandon(hold)
      return notes + (try book.tidyPoints(of: [id]))
    }
    let leftover = hold.leftover
    let images = try run.point?.imagesNow(kept.count) { (index) throws(ResyncError) in
      try DiskEvidence.File.of(kept[index].recovery)
    }
    try book.finish(hold, run.ending, completed: completed, images: images)
    // What an earlier commit left is of no use now: this run has replaced all of it.
    if let leftover { try StagingDirectory.drop(leftover, book.store) }
    return notes + (try book.tidyPoints(of: [id]))
  }
}

extension RunRecord {
  /// How a run of this record ends that went through.
  var ending: RunEnding {
    isFuzzy == true ? .fuzzy(from: began, to: .now()) : .consistent(at: .now())
  }
}

extension CompletedRun {
  /// What `run`, which ends now, has found.
  init(_ run: RunRecord, _ results: [PairResult]) {
    let totals = results.reduce(into: RunTotals()) { $0 += $1.totals }
    self.init(
      id: run.id, began: run.began, ended: .now(),
      bytesCompared: totals.bytesCompared.saturatingAdd(totals.bytesSkipped),
      bytesDifferent: totals.bytesDifferent)
  }
}
