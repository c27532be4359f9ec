import SystemPackage

/// Finishes or drops what stopped runs have left, before anything else is begun (DESIGN 6).
struct Unfinished: ~Copyable {
  var book: StateBook<DirectoryStore>
  private let control: RunControl
  private let reporter: RunReporter
  /// What was done, for people.
  private(set) var notes: [String] = []

  init(_ book: consuming StateBook<DirectoryStore>, _ control: RunControl, _ reporter: RunReporter) {
    self.book = book
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
    // Each round settles one; more rounds than relationships would be a defect, not work.
    for _ in 0..<RelationshipState.mostPairs {
      let found = try book.lookUp(Set(pairs.flatMap { [$0.primary.identity, $0.recovery.identity] }))
      var staging: [UniqueID: StartFacts.Staging] = [:]
      for relationship in found.relationships { staging[relationship.id] = look(for: relationship) }
      let facts = StartFacts(
        purpose: purpose, pairs: pairs, relationships: found.relationships,
        unrecognizable: found.unrecognizable,
        disks: found.disks, held: try book.held(among: found.relationships), staging: staging)
      switch facts.decide() {
      case .proceed: return
      case .dropStaging(let run, let relationship): try drop(run, relationship)
      case .rollForward(let relationship): try rollForward(relationship)
      case .giveUp(let relationship, let error):
        let hold = try book.takeOver(relationship.id)
        try book.finish(hold, .inconsistent(since: .now()), completed: nil)
        throw error
      case .refuse(let error): throw error
      }
    }
  }

  /// Whether the staging file of an unfinished commit is there, whole and the one that was committed.
  private func look(for relationship: RelationshipState) -> StartFacts.Staging? {
    guard let (run, seal) = relationship.consistency.commit else { return nil }
    do throws(ResyncError) {
      _ = try validate(run, seal, relationship)
      return .sealed
    } catch {
      return .unusable("\(error)")
    }
  }

  private func validate(
    _ run: RunRecord, _ seal: CommitSeal, _ relationship: RelationshipState
  ) throws(ResyncError) -> ValidatedStaging {
    let header = try readHeader(run.stagingName)
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
    return try StagedRun.validate(
      book.store, run.stagingName, StagingExpectation(header: header, seal: expected), control)
  }

  private func readHeader(_ name: String) throws(ResyncError) -> StagingHeader {
    let bytes = try attempt("read the staging file", on: name, .setUp) { () throws(Errno) in
      let file = try book.store.staging.opening(name, [.readOnly])
      return try file.read(StagingFormat.segmentSize, at: 0)
    }
    return try refusing(name) { () throws(StagingFault) in
      let length = try bytes.withRawSpan { (span) throws(StagingFault) in try StagingHeader.length(from: span)
      }
      guard length <= bytes.count else { throw .wrongSize }
      return try bytes.withRawSpan { (span) throws(StagingFault) in
        try StagingHeader(decoding: span.extracting(first: length))
      }
    }
  }
}

extension Unfinished {
  /// Nothing was committed: the old replica stands, and what was staged is of no use without its run.
  private mutating func drop(_ run: RunRecord, _ relationship: RelationshipState) throws(ResyncError) {
    let hold = try book.takeOver(relationship.id)
    try StagedRun.removeStaging(book.store, run.stagingName)
    try book.abandon(hold)
    notes.append(
      run.writeBack == .staged
        ? "a run of \(run.began) had committed nothing: its staging file was dropped, the recovery stands"
        : "a run of \(run.began) had written nothing: the recovery stands")
  }

  /// Applies what was committed, without the primary, and proves it.
  private mutating func rollForward(_ relationship: RelationshipState) throws(ResyncError) {
    guard let (run, seal) = relationship.consistency.commit else { return }
    let hold = try book.takeOver(relationship.id)
    let staging = try validate(run, seal, relationship)
    if case .settled = relationship.consistency { try book.recommit(hold) }
    let recoveries = try ClaimedRecoveries.claim(relationship, control)
    var written: UInt64 = 0
    for (index, recovery) in recoveries.all.enumerated() {
      try DeviceResync.settle(
        recovery.device.disk, recovery.planned.related, .recovery, droppingCaches: true)
      try recovery.device.holdStartGuard()
      do throws(ResyncError) {
        written += try applyCommitted(
          staging, from: book.store, to: recovery.device, recovery.planned, pair: index, mode: .replay,
          proves: true, control, reporter
        ).written
      } catch {
        if error.cause == .mismatch { try book.finish(hold, .inconsistent(since: .now()), completed: nil) }
        throw error
      }
    }
    try book.finish(
      hold, run.isFuzzy == true ? .fuzzy(from: run.began, to: .now()) : .consistent(at: run.began),
      completed: nil)
    try StagedRun.removeStaging(book.store, run.stagingName)
    notes.append(
      "the commit of \(run.began) was finished: \(ByteCount(written)) written, all of it read back")
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
