import SystemPackage

/// A staged resynchronization of all pairs of a call: compared, sealed and committed together, then applied.
///
/// The steps and what each makes durable: DESIGN 6 and docs/staging.md. Until the commit the recoveries stand as
/// they were; from there the way is forward, and what a stop leaves is finished by `vmresync repair`.
struct StagedRun: ~Copyable {
  let books: BookBox
  let directory: StagingDirectory
  let pairs: [RelationshipState.Pair]
  let request: RunRequest
  /// The last runs that went through.
  let completed: [CompletedRun]
  /// Where a stopped run may be gone on with; nil where nothing is left of one.
  let continued: Continued?
  let control: RunControl
  let reporter: RunReporter
  /// Which pairs may be worked on side by side.
  let lanes: [[Int]]

  /// - Parameters:
  ///   - pairs: those of `plan`, by what is permanent about them.
  ///   - continued: a stopped run that may be gone on with.
  init(
    _ plan: Plan, _ pairs: [RelationshipState.Pair], _ book: consuming StateBook<DirectoryStore>,
    _ directory: consuming StagingDirectory, continuing continued: Continued?, _ control: RunControl,
    _ reporter: RunReporter
  ) {
    self.pairs = pairs
    self.continued = continued
    books = BookBox(book)
    self.directory = directory
    request = plan.request
    completed = plan.state.completed
    lanes = plan.lanes
    self.control = control
    self.reporter = reporter
  }

  /// Carries all of it out; what fails before the commit leaves every recovery as it was.
  consuming func carryOut(_ runs: inout [PairRun]) throws(ResyncError) {
    try directory.check(beside: runs.flatMap { [$0.planned.primary, $0.planned.recovery] })
    try directory.sweep(books.book)
    var beginning = try begin(&runs)
    let (run, keeper) = (beginning.run, beginning.keeper)
    let name = run.stagingName
    let sealed: SealedStaging?
    do throws(ResyncError) {
      beginning.snapshots = try Snapshots(run.point, of: runs)
      sealed = try stage(&runs, &beginning)
    } catch {
      let isKept = (error.isStop || keeper.knowsWhere) && keeper.canContinue && !control.dropsWork
      if isKept, error.isStop { runs[0].result.notes.append(keeper.note(runs[0].names[.recovery])) }
      let hold = beginning.takeHold()
      if isKept { hold.release() } else { drop(hold, run) }
      if control.dropsWork { runs[0].result.notes.append(Self.droppedByRequest) }
      throw error
    }
    let hold = beginning.takeHold()
    guard let sealed else {
      try directory.remove(name)
      try directory.removeUndo(of: run)
      if run.point != nil { runs[0].result.notes.append("nothing differs: no recovery point was made") }
      let relationship = hold.id
      try finish(hold, runs, run)
      runs[0].result.notes += try books.book.tidyPoints(of: [relationship])
      return
    }
    let (staged, seal, relationship) = (sealed.staging, sealed.staging.seal, hold.id)
    let former = try books.book.existing(relationship).recoveryPoint
    reporter.begin(.committing)
    // Where this fails the commit may stand all the same: the next start reads it, and the file stays for that.
    try books.book.commit(hold, CommitSeal(run.id, seal), keeping: sealed.kept)
    reporter.beginForward(bytes: seal.bytes)
    do throws(ResyncError) {
      let submitted = try apply(staged, &runs)
      // Not before the last is written: somebody may have come to the first meanwhile.
      for index in runs.indices {
        guard let witnesses = runs[index].witnesses else { preconditionFailure("each pair was settled") }
        try runs[index].concludeApplying(witnesses.recovery, submitted: submitted[index])
      }
    } catch {
      // What was read back is wrong, or somebody else wrote: Inconsistent. All else is finished by a repair.
      if error.cause == .mismatch || error.cause == .foreignWrite {
        try books.book.finish(hold, .inconsistent(since: .now()), completed: nil)
      } else {
        let repair = CallContext.current.typed(.repair, runs[0].names[.recovery])
        runs[0].result.notes.append("the commit stands; finish it with: \(repair)")
      }
      throw error
    }
    reporter.begin(.recording)
    try finish(hold, runs, run)
    reporter.endForward()
    try directory.remove(name)
    if let former { runs[0].result.notes.append(former.noteOfEnd(replaced: run.point != nil)) }
    runs[0].result.notes += try books.book.tidyPoints(of: [relationship])
  }

  /// Before the commit: the old replicas stand.
  borrowing func drop(_ hold: consuming RelationshipHold, _ run: RunRecord) {
    // The staging file goes first, so that nobody looks for it. What fails here is done by the next start, which
    // finds the state Resynchronizing.
    let relationship = hold.id
    do throws(ResyncError) {
      try directory.remove(run.stagingName)
      try directory.removeUndo(of: run)
      try books.book.abandon(hold)
      _ = try books.book.tidyPoints(of: [relationship])
    } catch {
      reporter.tell(.error(error, pair: 0))
    }
  }

  /// What `job terminate` leaves, for people.
  static let droppedByRequest = "what was staged was dropped, as the request said; the next run starts at 0"

  /// Step 9: Consistent or Fuzzy, durable when this returns.
  private mutating func finish(
    _ hold: consuming RelationshipHold, _ runs: [PairRun], _ run: RunRecord
  ) throws(ResyncError) {
    // What an earlier commit left is of no use now: this run has replaced all of it.
    let leftover = hold.leftover
    let images = try run.point?.imagesNow(runs.count) { (index) throws(ResyncError) in
      try DiskEvidence.File.of(runs[index].pair.recovery)
    }
    try books.book.finish(
      hold, run.ending, completed: CompletedRun(run, runs.map(\.result)), images: images)
    if let leftover { try StagingDirectory.drop(leftover, books.book.store) }
  }
}

extension StagedRun {
  /// Steps 2 to 5: compares every pair into one staging file and seals it; nil where nothing differs.
  private func stage(
    _ runs: inout [PairRun], _ beginning: inout StagedBeginning
  ) throws(ResyncError) -> SealedStaging? {
    let (run, relationship, keeper) = (beginning.run, beginning.relationship, beginning.keeper)
    var readsHoles = beginning.readsHoles
    while true {
      let writer: StagingWriter<DiskQueue>
      switch beginning.writer.take() {
      case .some(let behind): writer = consume behind
      case .none:
        var fresh = try directory.begin(
          header(runs, run.id, relationship), run.stagingName, runs.stagingEngine(lanes))
        do throws(ResyncError) {
          fresh.undo = try directory.beginUndo(run.point, runs, pairs, relationship, lanes)
        } catch {
          fresh.drop()
          throw error
        }
        writer = consume fresh
      }
      let staging = SharedStaging(writer, checkpoints: keeper.checkpoints())
      let outcome = Result<Bool, ResyncError> { () throws(ResyncError) in
        try compare(&runs, staging, keeper, readsHoles: readsHoles)
      }
      var staged = staging.takeWriter()
      let holesHold: Bool
      do throws(ResyncError) {
        holesHold = try outcome.get()
      } catch {
        staged.drop()
        throw error
      }
      guard holesHold else {
        // What was passed over proves nothing (PITFALLS G10): once more, every byte.
        staged.drop()
        try keeper.forget()
        try directory.remove(run.stagingName)
        try directory.removeUndo(of: run)
        for index in runs.indices { (runs[index].witnesses, runs[index].progress) = (nil, nil) }
        readsHoles = true
        continue
      }
      let undo = staged.undo
      let isOutOfRoom = staged.isOutOfRoom || undo?.isOutOfRoom == true
      let needed = staged.bytesNeeded.saturatingAdd(undo?.bytesNeeded ?? 0)
      do throws(ResyncError) {
        try runs.refuseUnread("commit what differs to")
        // Nobody is asked about what there is no room for.
        try runs.checkRoom(request, pairs, books)
        if isOutOfRoom {
          let file = try staged.makeDurable(evenFigures: true)
          // What could not be read and counts as different may be equal when it is compared once more.
          if let file, runs.allSatisfy(\.rewritten.isEmpty) { try keeper.keepFigures(file) }
          throw noRoom(runs, needed: needed, keeper)
        }
        try runs.checkFigures(request, completed, control, reporter)
        for index in runs.indices {
          guard let witnesses = runs[index].witnesses else { preconditionFailure("each pair was settled") }
          try runs[index].conclude(witnesses, submitted: 0)
        }
        if control.isStopping { throw control.ending() }
        if runs.allSatisfy({ $0.result.totals.bytesDifferent == 0 }) {
          staged.drop()
          return nil
        }
        for pair in runs { try pair.pair.recovery.holdStartGuard() }
      } catch {
        staged.drop()
        throw error
      }
      reporter.begin(.sealing)
      var kept: KeptContent?
      do throws(ResyncError) {
        if let undo, let point = run.point {
          kept = .undo(try directory.seal(undo, point, runs, pairs, relationship, control).seal)
        }
        if let snapshots = beginning.snapshots { kept = try snapshots.take(runs.map(\.pair)) }
      } catch {
        staged.drop()
        throw error
      }
      let seal = try staged.seal()
      // Read back before the commit: what a bad disk has made of it must not be found when it is too late.
      let validated = try directory.validate(
        run.stagingName,
        StagingExpectation(header: header(runs, run.id, relationship), seal: seal), runs[0].planned.engine,
        control)
      // That takes its time: whoever wrote meanwhile has written what nothing was compared with.
      for run in runs {
        guard let witness = run.witnesses?.recovery else { preconditionFailure("each pair was settled") }
        try checkUntouched(run.pair.recovery, run.planned.recovery, witness, submitted: nil)
      }
      // Whoever asked for the end meanwhile wants no commit.
      if control.isStopping { throw control.ending() }
      return SealedStaging(staging: validated, kept: kept)
    }
  }

  func header(_ runs: [PairRun], _ run: UniqueID, _ relationship: UniqueID) -> StagingHeader {
    StagingHeader(runs, pairs, run, relationship)
  }
}

extension StagingHeader {
  /// Of the run `run` over these pairs, as their disks are now.
  init(
    _ runs: [PairRun], _ pairs: [RelationshipState.Pair], _ run: UniqueID, _ relationship: UniqueID
  ) {
    self.init(
      run: run.bits, relationship: relationship.bits,
      pairs: zip(runs, pairs).map { run, pair in
        StagedPair(
          primary: pair.primary.identity.text, recovery: pair.recovery.identity.text,
          size: run.pair.primary.disk.identity.size, reach: run.commonSize,
          logicalBlockSize: UInt32(run.blocks.logicalBlockSize),
          recoveryBlockSize: run.pair.recovery.disk.logicalBlockSize)
      })
  }
}

extension RelationshipState.Pair {
  /// The pairs of `plan` by what is permanent about their disks.
  static func pairs(of plan: Plan) throws(ResyncError) -> [RelationshipState.Pair] {
    try pairs(of: plan.pairs.map { ($0.primary, $0.recovery) }, on: plan.host)
  }
}
