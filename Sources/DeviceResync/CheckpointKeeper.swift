import SystemPackage

/// The records of a run, shared by those of its parts that write them; one of them at a time.
final class BookBox {
  var book: StateBook<DirectoryStore>

  init(_ book: consuming StateBook<DirectoryStore>) { self.book = book }
}

/// Remembers how far a staged run has come, with what was seen of its disks before the first byte was compared.
///
/// The book is touched by who makes a checkpoint, one at a time, and by nobody else meanwhile.
final class CheckpointKeeper: @unchecked Sendable {
  private struct State {
    var readsHoles: Bool
    /// The pairs that were begun, by their numbers.
    var pairs: [Int: Checkpoint.Pair] = [:]
    /// Bytes of each.
    var sizes: [Int: UInt64] = [:]
    /// What the record says.
    var latest: Checkpoint?
  }

  private let books: BookBox
  private let run: UniqueID
  private let relationship: UniqueID
  /// Tells when the next one is due; nil where a run like this cannot be continued.
  private let clock: CheckpointClock?
  private let state: Guarded<State>

  /// - Parameters:
  ///   - checkpoint: of the stopped run that is continued.
  ///   - sizes: bytes of every pair.
  init(
    _ books: BookBox, _ run: UniqueID, in relationship: UniqueID, _ clock: CheckpointClock?,
    after checkpoint: Checkpoint? = nil, sizes: [UInt64] = []
  ) {
    self.books = books
    self.run = run
    self.relationship = relationship
    self.clock = clock
    var state = State(readsHoles: checkpoint?.readsHoles ?? false, latest: checkpoint)
    for pair in checkpoint?.pairs ?? [] {
      state.pairs[pair.index] = pair
      state.sizes[pair.index] = sizes[pair.index]
    }
    self.state = Guarded(state)
  }

  /// Whether the next run may go on where this one was last remembered.
  var canContinue: Bool { state.withLock { $0.latest?.isProvable == true } }

  /// Whether all that differs is known, and was not staged whole.
  var knowsWhere: Bool { state.withLock { $0.latest?.staged?.lacksBytes == true } }

  /// A pair is about to be compared, and is settled.
  func begin(_ run: PairRun, readsHoles: Bool) throws(ResyncError) {
    guard clock != nil else { return }
    let seen = try run.evidenceWithoutWriters()
    state.withLock { state in
      state.readsHoles = readsHoles
      state.pairs[run.index] = Checkpoint.Pair(
        index: run.index, offset: 0, primary: seen.primary, recovery: seen.recovery)
      state.sizes[run.index] = run.pair.primary.disk.identity.size
    }
  }

  /// What makes checkpoints; nil where none is wanted.
  func checkpoints() -> StagedCheckpoints? {
    guard let clock else { return nil }
    return StagedCheckpoints(clock: clock) { [self] (mark) throws(ResyncError) in
      let checkpoint = state.withLock { state in
        // Of a pair of which nothing is in the file yet nothing needs proof.
        let pairs = mark.offsets.enumerated().compactMap { index, offset -> Checkpoint.Pair? in
          guard offset > 0, var pair = state.pairs[index] else { return nil }
          pair.offset = offset
          return pair
        }
        return Checkpoint(
          readsHoles: state.readsHoles, pairs: pairs,
          staged: Checkpoint.Staged(segments: mark.segments, length: mark.length, hash: mark.hash))
      }
      try books.book.setCheckpoint(checkpoint, of: run, in: relationship)
      state.withLock { $0.latest = checkpoint }
      // What proves nothing is said once, so that the next run can say why it starts at 0.
      return checkpoint.isProvable
    }
  }

  /// Remembers what differs, of which the bytes had no room: all pairs are compared whole.
  func keepFigures(_ file: (segments: UInt64, length: UInt64, hash: UInt128)) throws(ResyncError) {
    guard clock != nil else { return }
    let checkpoint = state.withLock { state in
      let pairs = state.pairs.values.sorted { $0.index < $1.index }.map { pair in
        var whole = pair
        whole.offset = state.sizes[pair.index] ?? 0
        return whole
      }
      return Checkpoint(
        readsHoles: state.readsHoles, pairs: pairs,
        staged: Checkpoint.Staged(
          lacksBytes: true, segments: file.segments, length: file.length, hash: file.hash))
    }
    try books.book.setCheckpoint(checkpoint, of: run, in: relationship)
    state.withLock { $0.latest = checkpoint }
  }

  /// What the checkpoint stands for is about to go; durable when this returns.
  func forget() throws(ResyncError) {
    try books.book.setCheckpoint(nil, of: run, in: relationship)
    state.withLock { ($0.latest, $0.pairs, $0.sizes) = (nil, [:], [:]) }
  }

  /// What a person may do next.
  ///
  /// - Parameter recovery: the name of one.
  func note(_ recovery: String) -> String {
    let onward = state.withLock { state in state.latest?.onward { state.sizes[$0] ?? 0 } }
    return "\(onward ?? "nothing is kept"); drop it with: \(CallContext.current.typed(.repair, recovery))"
  }
}
