import SystemPackage

/// Finishes or drops what stopped runs have left, before anything else is begun (DESIGN 6).
struct Unfinished: ~Copyable {
  var book: StateBook<DirectoryStore>
  /// What moves the bytes.
  let engine: Engine
  /// Most recoveries that move bytes at once.
  private let parallel: Int
  /// Whether any were moved.
  var movedBytes = false
  let control: RunControl
  let reporter: RunReporter
  /// Whether nothing on the recoveries is of worth: what cannot be finished is given up.
  var isWorthless = false
  /// Whether nothing may be begun: a stopped run is gone on with, or the call refused and what it left kept.
  var mustContinue = false
  /// Whether the run that starts keeps what is there before it writes.
  var keepsOld = false
  /// What the run that starts wants; nil where it never goes on with a stopped one.
  private let terms: ContinuationTerms?
  /// A stopped run that it may go on with.
  private(set) var continued: Continued?
  /// What was done, for people.
  var notes: [String] = []

  init(
    _ book: consuming StateBook<DirectoryStore>, _ engine: Engine, parallel: Int,
    terms: ContinuationTerms? = nil, _ control: RunControl, _ reporter: RunReporter
  ) {
    self.book = book
    self.terms = terms
    self.engine = engine
    self.parallel = parallel
    self.control = control
    self.reporter = reporter
  }

  /// Gives the book back.
  consuming func take() -> StateBook<DirectoryStore> { book }

  /// Settles all that concerns `pairs`.
  ///
  /// - Throws: where a disk may not be used: 32775 with the way out, 32774 where another run works on it.
  mutating func settle(_ pairs: [RelationshipState.Pair], for purpose: StartFacts.Purpose) throws(ResyncError)
  {
    // Each round settles one, or finds that another run has just changed it.
    for _ in 0..<RelationshipState.mostPairs {
      let found = try book.lookUp(Set(pairs.flatMap { [$0.primary.identity, $0.recovery.identity] }))
      var staging: [UniqueID: StartFacts.Staging] = [:]
      for relationship in found.relationships { staging[relationship.id] = look(for: relationship, purpose) }
      let facts = StartFacts(
        purpose: purpose, pairs: pairs, relationships: found.relationships,
        unrecognizable: found.unrecognizable, disks: found.disks,
        held: try book.held(among: found.relationships), terms: terms, staging: staging)
      switch facts.decide() {
      case .proceed:
        if try goBackFirst(pairs, found) { continue }
        let touched = found.relationships.filter { one in
          pairs.contains { one.has($0.recovery.identity, as: .recovery) }
        }
        notes += try book.tidyPoints(of: touched.map(\.id)) + book.tidyExpired()
        return try noteStopped(found, pairs)
      case .dropStaging(let run, let relationship):
        // What was stopped is dropped for the sake of a run only that goes on.
        if mustContinue, !facts.canContinue { throw notContinued(relationship, run, pairs) }
        try drop(run, relationship, pairs)
      case .continueRun(let relationship):
        continued = terms.map { Continued(relationship: relationship, terms: $0) }
        return
      case .rollForward(let relationship):
        try rollForward(relationship, pairs)
        // The commit was what there was to go on with.
        mustContinue = false
      case .giveUp(let relationship, let error):
        guard let hold = try book.takeOver(relationship) else { continue }
        try book.finish(hold, .inconsistent(since: .now()), completed: nil)
        throw error
      case .refuse(let error): throw error
      }
    }
    throw ResyncError(
      .inUse, "settle what is unfinished on", on: pairs.first?.recovery.path, side: .recovery,
      reason: "other runs change its records all the time", remedy: "run again when they have ended")
  }

  /// Says of a run in place that was stopped why it is not gone on with.
  private mutating func noteStopped(
    _ found: RememberedDisks, _ pairs: [RelationshipState.Pair]
  ) throws(ResyncError) {
    guard let relationship = found.relationships.first(where: { $0.isOf(pairs) }),
      case .settled(.inconsistent(let left)) = relationship.consistency, left.seal == nil
    else {
      if mustContinue { throw Self.nothingStopped(pairs) }
      return
    }
    if mustContinue { throw notContinued(relationship, left.run, pairs) }
    guard left.run.checkpoint != nil, let terms, let obstacle = relationship.obstacle(to: left.run, terms)
    else { return }
    notes.append(left.run.notContinued(obstacle))
  }

  private static func nothingStopped(_ pairs: [RelationshipState.Pair]) -> ResyncError {
    ResyncError(
      .invalidState, "go on with a run on", on: pairs.first?.recovery.path, side: .recovery,
      reason: "none of these pairs was stopped",
      remedy: "begin one with: \(CallContext.current.typedAgain(.resync))")
  }

  private func notContinued(
    _ relationship: RelationshipState, _ run: RunRecord, _ pairs: [RelationshipState.Pair]
  ) -> ResyncError {
    guard relationship.isOf(pairs) else {
      return ResyncError(
        .invalidState, "go on with a run on", on: pairs.first?.recovery.path, side: .recovery,
        reason: "what was stopped is a run of other pairs, or of these in another order: it writes "
          + relationship.recoveryNames,
        remedy: "name the pairs of that run, in its order")
    }
    let obstacle = terms.flatMap { relationship.obstacle(to: run, $0) }
    return ResyncError(
      .invalidState, "go on with the run on", on: relationship.recoveryNames, side: .recovery,
      reason: obstacle ?? "another run has written there since",
      remedy: "begin anew with: \(CallContext.current.typedAgain(.resync))")
  }

  /// Whether the staging file of an unfinished commit is there, whole and the one that was committed; one that was
  /// given up is a repair's only.
  private func look(
    for relationship: RelationshipState, _ purpose: StartFacts.Purpose
  ) -> StartFacts.Staging? {
    guard let (run, seal) = relationship.consistency.commit else { return nil }
    if case .settled = relationship.consistency, purpose != .repair { return nil }
    do throws(ResyncError) {
      _ = try validate(run, seal, relationship)
      return .sealed
    } catch {
      return .unusable("\(error)")
    }
  }

  func validate(
    _ run: RunRecord, _ seal: CommitSeal, _ relationship: RelationshipState
  ) throws(ResyncError) -> ValidatedStaging {
    let directory = try directory(of: run)
    let header = try directory.header(of: run.stagingName)
    let isOurs =
      header.run == run.id.bits && header.relationship == relationship.id.bits
      && header.pairs.map(\.recovery) == relationship.pairs.map(\.recovery.identity.text)
      && header.pairs.map(\.primary) == relationship.pairs.map(\.primary.identity.text)
    guard isOurs else {
      throw ResyncError(
        .invalidState, "use the staging file", on: run.stagingName,
        reason: "it is of other disks or another run")
    }
    let expected = StagingSeal(
      run: seal.run.bits, records: seal.records, bytes: seal.bytes, segments: seal.segments, hash: seal.hash)
    return try directory.validate(
      run.stagingName, StagingExpectation(header: header, seal: expected), engine, control)
  }
}

extension Unfinished {
  func directory(of run: RunRecord) throws(ResyncError) -> StagingDirectory {
    guard let place = run.staging else {
      throw ResyncError(.invalidState, "use the staging file", reason: "the run's record names none")
    }
    return try StagingDirectory(of: place, book.store)
  }

  /// Nothing was committed: what was before stands, and what was staged is of no use without its run.
  private mutating func drop(
    _ run: RunRecord, _ relationship: RelationshipState, _ pairs: [RelationshipState.Pair]
  ) throws(ResyncError) {
    guard let hold = try book.takeOver(relationship) else { return }
    if let place = run.staging { try StagingDirectory.drop(place, book.store) }
    try book.abandon(hold)
    var left = "the recovery stands"
    if case .resynchronizing(_, .inconsistent(let before)) = relationship.consistency {
      left = "the recovery is Inconsistent since \(before.since), as before"
    }
    let was = run.writeBack == .staged ? "committed nothing: its staging file was dropped" : "written nothing"
    notes.append("a run of \(run.began) had \(was), \(left)")
    guard let terms, relationship.isOf(pairs), let obstacle = relationship.obstacle(to: run, terms) else {
      return
    }
    notes.append("it starts at 0: \(obstacle)")
  }

  /// Applies what was committed, without the primary, and proves it.
  ///
  /// - Parameter named: disks by the names that they have now.
  private mutating func rollForward(
    _ relationship: RelationshipState, _ named: [RelationshipState.Pair]
  ) throws(ResyncError) {
    guard let (run, seal) = relationship.consistency.commit,
      let hold = try book.takeOver(relationship)
    else { return }
    let staging = try validate(run, seal, relationship)
    if CallContext.current.disks == nil { CallContext.current.disks = relationship.disks }
    movedBytes = true
    try book.recommit(hold)
    let recoveries = try ClaimedRecoveries.claim(relationship.calling(named), control)
    reporter.beginForward(bytes: seal.bytes)
    defer { control.goForward(false) }
    let written: UInt64
    do throws(ResyncError) {
      written = try recoveries.finish(
        staging, from: SharedDirectory(directory(of: run)), engine, parallel: parallel, control, reporter)
    } catch {
      // Not proved, or not to be written: a run from the primary may heal it, and needs no roll-forward first.
      let givesUp = isWorthless && error.cause == .invalidState
      if givesUp || error.leavesInconsistent {
        try book.finish(hold, .inconsistent(since: .now()), completed: nil)
      }
      guard givesUp else { throw error }
      notes.append("the commit of \(run.began) was given up, as --initial says: \(error.withoutRemedy)")
      return
    }
    if relationship.isGoingBack {
      try book.finishRollback(hold)
    } else {
      let images = try relationship.recoveryPoint?.files.imagesNow(recoveries.all.count) {
        (index) throws(ResyncError) in try DiskEvidence.File.of(recoveries.all[index].device)
      }
      try book.finish(
        hold, run.isFuzzy == true ? run.fuzzy : .consistent(at: run.began), completed: nil, images: images)
    }
    reporter.endForward()
    if let place = run.staging { try StagingDirectory.drop(place, book.store) }
    notes += try book.tidyPoints(of: [relationship.id])
    notes.append(
      "the \(relationship.isGoingBack ? "rollback" : "commit") of \(run.began) was finished: "
        + "\(ByteCount(written)) written, all of it read back")
  }
}

extension ResyncError {
  /// Whether a replay that ended so shall not be tried again before every run.
  var leavesInconsistent: Bool {
    switch cause {
    case .mismatch, .foreignWrite: true
    case .kernel(_, .transfer): side == .recovery
    default: false
    }
  }
}

extension RelationshipState {
  /// The same, with its recoveries under the names that `pairs` have for them: a name may lead elsewhere since.
  func calling(_ pairs: [Pair]) -> RelationshipState {
    var renamed = self
    for index in renamed.pairs.indices {
      let now = pairs.first { $0.recovery.identity == renamed.pairs[index].recovery.identity }
      if let now { renamed.pairs[index].recovery.path = now.recovery.path }
    }
    return renamed
  }
}

extension Consistency {
  /// The commit that is not known to be applied whole.
  fileprivate var commit: (RunRecord, CommitSeal)? {
    switch self {
    case .applying(let run, let seal): (run, seal)
    case .settled(.inconsistent(let left)): left.seal.map { (left.run, $0) }
    case .settled, .resynchronizing: nil
    }
  }
}
