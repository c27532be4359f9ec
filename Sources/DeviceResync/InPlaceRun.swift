import Synchronization
import SystemPackage

/// A resynchronization of all pairs of a call that writes differences as they are found.
///
/// Before the first byte is written the relationship is Inconsistent, durably; it is Consistent again after the last
/// flush and check of the last disk (DESIGN 6). A run that ends before its first write leaves what was.
struct InPlaceRun: ~Copyable {
  let books: BookBox
  let pairs: [RelationshipState.Pair]
  let request: RunRequest
  private let isFuzzy: Bool
  /// Where a stopped run may be gone on with; nil where nothing is left of one.
  private let continued: Continued?
  private let allowance: DifferenceAllowance?
  /// Whether much is expected to differ.
  let isExpected: Bool
  /// The last runs that went through.
  let completed: [CompletedRun]
  /// Which pairs may be worked on side by side.
  let lanes: [[Int]]
  let control: RunControl
  let reporter: RunReporter

  /// - Parameter continued: a stopped run that may be gone on with.
  init(
    _ plan: Plan, _ pairs: [RelationshipState.Pair], _ book: consuming StateBook<DirectoryStore>,
    continuing continued: Continued?, _ control: RunControl, _ reporter: RunReporter
  ) {
    self.pairs = pairs
    self.continued = continued
    books = BookBox(book)
    (request, lanes) = (plan.request, plan.lanes)
    isFuzzy = plan.pairs.contains { $0.sourceMode == .running }
    // First runs and recoveries of no worth are expected to differ.
    isExpected =
      plan.request.isInitial || plan.pairs.contains(where: \.isFirstRun)
      || plan.pairs.allSatisfy(\.recovery.isEmptyImage)
    completed = plan.state.completed
    let total = plan.pairs.reduce(UInt64(0)) { $0.saturatingAdd($1.primary.size) }
    allowance = isExpected ? nil : plan.request.maxDifference.map { DifferenceAllowance($0, of: total) }
    self.control = control
    self.reporter = reporter
  }

  /// Carries all pairs out, several at once; what fails is in their results.
  ///
  /// - Throws: where the state could not be read or written.
  consuming func carryOut(_ runs: inout [PairRun]) throws(ResyncError) {
    let (run, journal) = try begin(&runs)
    do throws(ResyncError) {
      try journal.keep(Snapshots(run.point, of: runs), of: runs.map(\.pair))
      try keepOld(&runs, run, journal)
    } catch {
      for index in runs.indices { runs[index].reportFaults() }
      _ = try journal.end(nil)
      throw error
    }
    for index in runs.indices {
      runs[index].journal = journal
      // Where old bytes are kept, how much differs was judged before anything is written.
      runs[index].allowance = runs[index].kept == nil ? allowance : nil
    }
    try runs.carryOut(lanes, request, control, reporter)
    concludeTogether(&runs)
    reporter.begin(.recording)
    if runs.allSatisfy({ $0.result.returnValue == .completed }) {
      runs[0].result.notes += try journal.end(CompletedRun(run, runs.map(\.result)))
      return
    }
    let (left, notes) = try journal.leave(places(&runs, journal))
    runs[0].result.notes += notes
    if journal.leadsBack {
      let back = CallContext.current.typed(.rollback, runs[0].names[.recovery])
      runs[0].result.notes.append("what was there before is kept; go back to it with: \(back)")
    }
    if let left, left.isProvable {
      runs[0].result.notes.append(left.onward { pairs[$0].primary.size })
    }
  }

  /// The last look at all disks, when the last pair is dealt with: somebody may have come to the first meanwhile.
  private borrowing func concludeTogether(_ runs: inout [PairRun]) {
    guard runs.count > 1, runs.allSatisfy({ $0.result.returnValue == .completed }) else { return }
    for index in runs.indices {
      guard let standing = runs[index].standing else { preconditionFailure("it went through") }
      do throws(ResyncError) {
        try runs[index].conclude(standing.witnesses, submitted: standing.submitted)
      } catch {
        runs[index].standing?.reached = nil
        runs[index].fail(error)
      }
    }
  }

  /// Where each pair stands, with what is seen of its disks now; nothing where a run cannot be gone on with.
  private borrowing func places(_ runs: inout [PairRun], _ journal: InPlaceJournal) -> [Int: Checkpoint.Pair]
  {
    let endsAtOnce = control.request.load(ordering: .acquiring) == .terminateAtOnce
    let isForgetful = runs.contains { !$0.unread.isEmpty || !$0.rewritten.isEmpty }
    guard journal.keepsCheckpoints, !endsAtOnce, !isForgetful else { return [:] }
    var places: [Int: Checkpoint.Pair] = [:]
    for index in runs.indices {
      guard let standing = runs[index].standing else {
        // Not come to: what a stopped run had done of it stands, and what was seen of its disks then shows it.
        places[index] = journal.pairs[index]
        continue
      }
      guard let reached = standing.reached, let former = journal.pairs[index] else { return [:] }
      do throws(ResyncError) {
        // The look first: what somebody wrote before it, the witness tells; what after it, the next run's.
        let seen = try runs[index].evidenceWithoutWriters()
        try runs[index].conclude(standing.witnesses, submitted: standing.submitted)
        places[index] = Checkpoint.Pair(
          index: index, offset: reached.offset, primary: former.primary, recovery: seen.recovery,
          found: reached.found)
      } catch {
        runs[index].fail(error)
        return [:]
      }
    }
    return places.values.contains { $0.offset > 0 } ? places : [:]
  }
}

extension InPlaceRun {
  /// Step 1: goes on with a stopped run where both sides are shown to be unchanged, else begins a new one.
  private borrowing func begin(
    _ runs: inout [PairRun]
  ) throws(ResyncError) -> (run: RunRecord, journal: InPlaceJournal) {
    if let continued, let begun = try takeUp(continued, &runs) { return begun }
    var run = try RunRecord.ours(.inPlace, staging: nil)
    run.isFuzzy = isFuzzy
    switch request.recoveryPoint {
    case .undo: run.point = try stagingDirectory(request, books.book.store).plannedUndo()
    case .snapshot: run.point = try PlannedPoint.snapshot(of: runs.map(\.planned.recovery))
    case nil: break
    }
    let hold = try books.book.begin(run, on: pairs, named: request.relationship)
    return (run, InPlaceJournal(books, hold, run, clock, readsHoles: request.readsHoles))
  }

  /// What could not be read, and what a running primary held, is known to the run only that met it.
  private var clock: CheckpointClock? {
    isFuzzy || request.onReadError == .record || request.recoveryPoint != nil
      ? nil : CheckpointClock(request.checkpoints)
  }

  /// Goes on with a stopped run; nil, with a note, where a part of the proof fails.
  private borrowing func takeUp(
    _ continued: Continued, _ runs: inout [PairRun]
  ) throws(ResyncError) -> (run: RunRecord, journal: InPlaceJournal)? {
    let stopped = continued.relationship
    guard let former = stopped.consistency.run, let checkpoint = former.checkpoint else { return nil }
    var run = try RunRecord.ours(.inPlace, staging: nil, id: former.id)
    (run.began, run.checkpoint) = (former.began, checkpoint)
    (run.writeBack, run.staging) = (former.writeBack, former.staging)
    guard var hold = try books.book.resume(stopped, as: run, on: pairs, continued.terms) else {
      throw ResyncError.recordChanged(stopped)
    }
    var obstacle: String?
    var progress: [Int: InPlaceProgress] = [:]
    do throws(ResyncError) {
      obstacle = try runs.prove(checkpoint, pairs, reporter)
      switch former.writeBack {
      case _ where obstacle != nil: break
      case .inPlace:
        for pair in checkpoint.pairs {
          progress[pair.index] = InPlaceProgress(
            pair, size: runs[pair.index].pair.primary.disk.identity.size, readsHoles: checkpoint.readsHoles)
        }
      case .staged:
        switch try known(former, checkpoint, runs, stopped.id) {
        case .success(let known): for (index, known) in known.enumerated() { progress[index] = known }
        case .failure(let reason): obstacle = reason.text
        }
      }
    } catch {
      // What was left stands as it did.
      hold.release()
      throw error
    }
    if let obstacle {
      for index in runs.indices { runs[index].witnesses = nil }
      runs[0].result.notes.append(former.notContinued(obstacle))
      if let place = former.staging { try StagingDirectory.drop(place, books.book.store) }
      try books.book.abandon(hold)
      return nil
    }
    if let place = former.staging {
      // It is open, and needs no name any more: what is written from here on, no other run could prove.
      run = try RunRecord.ours(.inPlace, staging: nil)
      hold = try books.book.replaceRun(of: hold, by: run)
      try StagingDirectory.drop(place, books.book.store)
    }
    for index in runs.indices {
      guard let progress = progress[index] else { continue }
      runs[index].allowance = allowance
      runs[index].takeOver(progress)
      runs[index].result.notes.append(progress.note(pairs[index]))
    }
    // What was seen of the disks then is what the next proof needs; how far they are known to be written is another
    // matter.
    var begun = checkpoint
    if former.staging != nil { for index in begun.pairs.indices { begun.pairs[index].offset = 0 } }
    return (run, InPlaceJournal(books, hold, run, clock, readsHoles: checkpoint.readsHoles, after: begun))
  }
}

/// Why what a staged run knows cannot be used, as a sentence without a full stop.
private struct Unusable: Error {
  let text: String
}

extension InPlaceRun {
  /// What a staged run that had no room for their bytes knows to differ.
  private borrowing func known(
    _ former: RunRecord, _ checkpoint: Checkpoint, _ runs: [PairRun], _ relationship: UniqueID
  ) throws(ResyncError) -> Result<[InPlaceProgress], Unusable> {
    guard let place = former.staging, let staged = checkpoint.staged, checkpoint.pairs.count == runs.count
    else {
      return .failure(Unusable(text: "it had not come to the end"))
    }
    let found = runs.map(StagedProgress.init)
    let mark = StagedMark(
      offsets: checkpoint.pairs.map(\.offset), segments: staged.segments, length: staged.length,
      hash: staged.hash)
    let known: KnownDifferences
    do throws(ResyncError) {
      known = try StagingDirectory(of: place, books.book.store).known(
        StagingHeader(runs, pairs, former.id, relationship), former.stagingName, mark, runs[0].planned.engine,
        control
      ) { (entry) throws(ResyncError) in
        try found[entry.pair].take(entry)
      }
    } catch  where !error.isStop {
      return .failure(Unusable(text: "its staging file cannot be used: \(error.withoutRemedy)"))
    }
    return .success(
      zip(found, runs).map { found, run in
        InPlaceProgress(
          offset: 0, totals: found.totals(upTo: run.commonSize), lastDifference: nil,
          readsHoles: checkpoint.readsHoles, isWhole: false, known: known)
      })
  }
}

extension InPlaceProgress {
  /// For people.
  fileprivate func note(_ pair: RelationshipState.Pair) -> String {
    known == nil
      ? "continued at \(ByteCount(offset)) of \(ByteCount(pair.primary.size))"
      : "what is known to differ is written without another comparison of the rest"
  }
}
