import SystemPackage

/// The relationship's record while a run writes in place.
///
/// Its checkpoint moves only after a flush. Once something is written, what was seen of the recovery before shows
/// nothing any more: only a run that ends in order leaves a checkpoint that can be proved (PITFALLS G3).
final class InPlaceJournal: @unchecked Sendable {
  /// What follows is touched by who has the turn, and by the run's own thread while no pair is worked on.
  private let turn = Turn()
  private let books: BookBox
  private var hold: RelationshipHold?
  private let run: RunRecord
  /// Tells when the next checkpoint is due; nil where a run like this cannot be gone on with.
  private var clock: CheckpointClock?
  private let readsHoles: Bool
  private var isMarked = false
  /// What takes the clones, and of what; nil where none are.
  private var snapshots: Snapshots?
  private var kept: [OpenedPair] = []
  /// The undo file that holds the old bytes; nil where none does.
  private var undo: CommitSeal?
  /// What one could go back by before the first write.
  private var former: RecoveryPoint?
  /// The pairs that were begun, by their number.
  private(set) var pairs: [Int: Checkpoint.Pair] = [:]
  /// Up to where the clock was told of, in bytes of each.
  private var counted: [Int: UInt64] = [:]

  /// - Parameter checkpoint: of the stopped run that is gone on with.
  init(
    _ books: BookBox, _ hold: consuming RelationshipHold, _ run: RunRecord, _ clock: CheckpointClock?,
    readsHoles: Bool, after checkpoint: Checkpoint? = nil
  ) {
    self.books = books
    self.hold = consume hold
    self.run = run
    self.clock = clock
    self.readsHoles = readsHoles
    for pair in checkpoint?.pairs ?? [] {
      pairs[pair.index] = pair
      counted[pair.index] = pair.offset
    }
  }

  /// Takes clones of the recoveries of `pairs` before the first write.
  func keep(_ snapshots: Snapshots?, of pairs: [OpenedPair]) {
    (self.snapshots, kept) = (snapshots, pairs)
  }

  /// The old bytes of all that is to be written are in an undo file, on stable storage.
  func keep(_ undo: CommitSeal) { self.undo = undo }

  /// Whether there is a way back over what was written.
  var leadsBack: Bool { turn.during { isMarked && run.point != nil } }

  /// The relationship on which the run works.
  var relationship: UniqueID { turn.during { id } }

  /// Whether this run may be gone on with.
  var keepsCheckpoints: Bool { clock != nil }

  /// A pair is about to be compared, and is settled.
  func begin(_ pair: PairRun) throws(ResyncError) {
    guard turn.during({ clock != nil && pairs[pair.index] == nil }) else { return }
    let seen = try pair.evidenceWithoutWriters()
    turn.during {
      pairs[pair.index] = Checkpoint.Pair(
        index: pair.index, offset: 0, primary: seen.primary, recovery: seen.recovery)
    }
  }

  /// Inconsistent, durable when this returns; before the first write of the first pair, and at once after that.
  func willWrite() throws(ResyncError) {
    turn.take()
    defer { turn.giveBack() }
    guard !isMarked else { return }
    switch hold {
    case .some(let hold):
      former = try books.book.existing(hold.id).recoveryPoint
      var content = undo.map(KeptContent.undo)
      if content == nil { content = try snapshots?.take(kept) }
      try books.book.markInconsistent(hold, since: .now(), keeping: content)
    case .none: preconditionFailure("nothing is written after the end")
    }
    isMarked = true
  }

  /// All of a pair before `offset` is compared and written: where a checkpoint is due, `flush` brings it to stable
  /// storage, and then it is remembered.
  func advance(
    _ index: Int, to offset: UInt64, flush: () throws(ResyncError) -> Void
  ) throws(ResyncError) {
    let isDue = turn.during {
      guard let clock, pairs[index] != nil else { return false }
      let more = offset - min(offset, counted[index] ?? 0)
      counted[index] = offset
      return clock.isDue(after: more)
    }
    guard isDue else { return }
    // Pairs beside this one go on meanwhile.
    try flush()
    turn.take()
    defer { turn.giveBack() }
    guard let clock else { return }
    pairs[index]?.offset = offset
    pairs[index]?.found = nil
    if let checkpoint = checkpoint(of: pairs) {
      try books.book.setCheckpoint(isMarked ? checkpoint.whileWriting() : checkpoint, of: run.id, in: id)
    }
    clock.reset()
  }

  /// What was found of a pair proves nothing: it is compared from its start, and this run is not gone on with.
  func startAgain() throws(ResyncError) {
    turn.take()
    defer { turn.giveBack() }
    (clock, pairs) = (nil, [:])
    try books.book.setCheckpoint(nil, of: run.id, in: id)
  }

  private var id: UniqueID {
    switch hold {
    case .some(let hold): hold.id
    case .none: preconditionFailure("a run ends once")
    }
  }

  /// Nil where nothing is dealt with: of such a pair nothing needs proof.
  private func checkpoint(of pairs: [Int: Checkpoint.Pair]) -> Checkpoint? {
    let begun = pairs.values.filter { $0.offset > 0 }.sorted { $0.index < $1.index }
    return begun.isEmpty ? nil : Checkpoint(readsHoles: readsHoles, pairs: begun, staged: nil)
  }

  /// The end of a run that did not go through, and may be gone on with where `pairs` say; durable when this returns.
  ///
  /// - Returns: the checkpoint, and what became of recovery points, for people.
  func leave(_ pairs: [Int: Checkpoint.Pair]) throws(ResyncError) -> (left: Checkpoint?, notes: [String]) {
    guard let checkpoint = checkpoint(of: pairs) else { return (nil, try end(nil)) }
    try books.book.setCheckpoint(checkpoint, of: run.id, in: id)
    // What was not written to is as it was, and is looked after by the next run.
    hold.take()?.release()
    return (checkpoint, notesOfPoints)
  }

  private var notesOfPoints: [String] { former.map { [$0.noteOfEnd(replaced: run.point != nil)] } ?? [] }

  /// The final state.
  ///
  /// - Parameter completed: what the run found; nil where it did not go through: what was written to stays
  ///   Inconsistent, and what was not is as it was.
  /// - Returns: what became of recovery points, for people.
  func end(_ completed: CompletedRun?) throws(ResyncError) -> [String] {
    guard let hold = hold.take() else { preconditionFailure("a run ends once") }
    let id = hold.id
    guard let completed else {
      try books.book.abandon(hold)
      return notesOfPoints + (try books.book.tidyPoints(of: [id]))
    }
    let leftover = hold.leftover
    let images = try run.point?.imagesNow(kept.count) { (index) throws(ResyncError) in
      try DiskEvidence.File.of(kept[index].recovery)
    }
    try books.book.finish(hold, run.ending, completed: completed, images: images)
    // What an earlier commit left is of no use now: this run has replaced all of it.
    if let leftover { try StagingDirectory.drop(leftover, books.book.store) }
    return notesOfPoints + (try books.book.tidyPoints(of: [id]))
  }
}

extension RunRecord {
  /// How a run of this record ends that went through.
  var ending: RunEnding { isFuzzy == true ? fuzzy : .consistent(at: .now()) }

  /// The same of a running source; the clock may have been set back since the run began.
  var fuzzy: RunEnding { .fuzzy(from: began, to: max(began, .now())) }
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
