import SystemPackage

/// A resynchronization of all pairs of a call that writes differences as they are found.
///
/// Before the first byte is written the relationship is Inconsistent, durably; it is Consistent again after the last
/// flush and check of the last disk (DESIGN 6). A run that ends before its first write leaves what was.
struct InPlaceRun {
  private let run: RunRecord
  private let pairs: [RelationshipState.Pair]
  private let allowance: DifferenceAllowance?
  private let request: RunRequest
  /// Which pairs may be worked on side by side.
  private let lanes: [[Int]]
  private let control: RunControl
  private let reporter: RunReporter

  init(_ plan: Plan, _ control: RunControl, _ reporter: RunReporter) throws(ResyncError) {
    pairs = try RelationshipState.Pair.pairs(of: plan)
    (request, lanes) = (plan.request, plan.lanes)
    var run = try RunRecord.ours(.inPlace, staging: nil)
    run.isFuzzy = plan.pairs.contains { $0.sourceMode == .running }
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

  /// Carries all pairs out, several at once; what fails is in their results.
  ///
  /// - Throws: where the state could not be written.
  func carryOut(
    _ runs: inout [PairRun], _ book: consuming StateBook<DirectoryStore>
  ) throws(ResyncError) {
    let journal = try InPlaceJournal(book, run, on: pairs)
    for index in runs.indices {
      runs[index].journal = journal
      runs[index].allowance = allowance
    }
    try runs.carryOut(lanes, request, control, reporter)
    reporter.begin(.recording)
    try journal.end(
      runs.allSatisfy { $0.result.returnValue == .completed }
        ? CompletedRun(run, runs.map(\.result)) : nil)
  }
}

/// The relationship's record while a run writes in place: pairs that are worked on side by side share it.
final class InPlaceJournal {
  private let turn = Turn()
  private var book: StateBook<DirectoryStore>
  private var hold: RelationshipHold?
  private let run: RunRecord
  private var isMarked = false

  /// Step 1: Resynchronizing, durable when this returns.
  init(
    _ book: consuming StateBook<DirectoryStore>, _ run: RunRecord, on pairs: [RelationshipState.Pair]
  ) throws(ResyncError) {
    var book = book
    hold = try book.begin(run, on: pairs)
    self.book = book
    self.run = run
  }

  /// Inconsistent, durable when this returns; before the first write of the first pair, and at once after that.
  func willWrite() throws(ResyncError) {
    turn.take()
    defer { turn.giveBack() }
    guard !isMarked else { return }
    switch hold {
    case .some(let hold): try book.markInconsistent(hold, since: .now())
    case .none: preconditionFailure("nothing is written after the end")
    }
    isMarked = true
  }

  /// The final state.
  ///
  /// - Parameter completed: what the run found; nil where it did not go through: what was written to stays
  ///   Inconsistent, and what was not is as it was.
  func end(_ completed: CompletedRun?) throws(ResyncError) {
    guard let hold = hold.take() else { preconditionFailure("a run ends once") }
    guard let completed else { return try book.abandon(hold) }
    let leftover = hold.leftover
    try book.finish(hold, run.ending, completed: completed)
    // What an earlier commit left is of no use now: this run has replaced all of it.
    if let leftover { try StagingDirectory.drop(leftover, book.store) }
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
