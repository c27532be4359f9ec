import SystemPackage

/// The records of a run, shared by those of its parts that write them; all on one thread.
final class BookBox {
  var book: StateBook<DirectoryStore>

  init(_ book: consuming StateBook<DirectoryStore>) { self.book = book }
}

/// Remembers how far a staged run has come, with what was seen of its disks before the first byte was compared.
final class CheckpointKeeper {
  private let books: BookBox
  private let run: UniqueID
  private let relationship: UniqueID
  /// Tells when the next one is due; nil where a run like this cannot be continued.
  private let clock: CheckpointClock?
  private var readsHoles = false
  private var pairs: [Checkpoint.Pair]
  /// Bytes of each pair that was begun.
  private var sizes: [UInt64] = []
  /// What the record says.
  private var latest: Checkpoint?

  /// - Parameters:
  ///   - checkpoint: of the stopped run that is continued.
  ///   - sizes: bytes of its pairs.
  init(
    _ books: BookBox, _ run: UniqueID, in relationship: UniqueID, _ clock: CheckpointClock?,
    after checkpoint: Checkpoint? = nil, sizes: [UInt64] = []
  ) {
    self.books = books
    self.run = run
    self.relationship = relationship
    self.clock = clock
    latest = checkpoint
    readsHoles = checkpoint?.readsHoles ?? false
    pairs = checkpoint?.pairs ?? []
    self.sizes = sizes
  }

  /// Whether the next run may go on where this one was last remembered.
  var canContinue: Bool { latest?.isProvable == true }

  /// Whether all that differs is known, and was not staged whole.
  var knowsWhere: Bool { latest?.staged?.lacksBytes == true }

  /// A pair is about to be compared, and is settled.
  func begin(_ run: PairRun, readsHoles: Bool) throws(ResyncError) {
    self.readsHoles = readsHoles
    guard clock != nil else { return }
    let seen = try run.evidenceWithoutWriters()
    pairs.append(Checkpoint.Pair(offset: 0, primary: seen.primary, recovery: seen.recovery))
    sizes.append(run.pair.primary.disk.identity.size)
  }

  /// What makes checkpoints of the pair that was begun last; nil where none is wanted.
  func checkpoints() -> StagedCheckpoints? {
    guard let clock else { return nil }
    return StagedCheckpoints(clock: clock) { [self] (mark) throws(ResyncError) in
      for index in pairs.indices { pairs[index].offset = index < mark.pair ? sizes[index] : mark.offset }
      let checkpoint = Checkpoint(
        readsHoles: readsHoles, pairs: pairs,
        staged: Checkpoint.Staged(segments: mark.segments, length: mark.length, hash: mark.hash))
      try books.book.setCheckpoint(checkpoint, of: run, in: relationship)
      latest = checkpoint
      // What proves nothing is said once, so that the next run can say why it starts at 0.
      return checkpoint.isProvable
    }
  }

  /// Remembers what differs, of which the bytes had no room: all pairs are compared whole.
  func keepFigures(_ file: (segments: UInt64, length: UInt64, hash: UInt128)) throws(ResyncError) {
    guard clock != nil else { return }
    for index in pairs.indices { pairs[index].offset = sizes[index] }
    let checkpoint = Checkpoint(
      readsHoles: readsHoles, pairs: pairs,
      staged: Checkpoint.Staged(
        lacksBytes: true, segments: file.segments, length: file.length, hash: file.hash))
    try books.book.setCheckpoint(checkpoint, of: run, in: relationship)
    latest = checkpoint
  }

  /// What the checkpoint stands for is about to go; durable when this returns.
  func forget() throws(ResyncError) {
    try books.book.setCheckpoint(nil, of: run, in: relationship)
    (latest, pairs, sizes) = (nil, [], [])
  }

  /// What a person may do next.
  ///
  /// - Parameter recovery: the name of one.
  func note(_ recovery: String) -> String {
    let last = latest?.pairs.last
    return "the same command goes on at \(ByteCount(last?.offset ?? 0)) of \(ByteCount(sizes.last ?? 0)), "
      + "if nobody writes to the disks until then; drop it with: vmresync repair \(ShellWord(recovery))"
  }
}
