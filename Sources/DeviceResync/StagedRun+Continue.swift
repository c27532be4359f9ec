import Synchronization
import SystemPackage

/// How a staged run begins: at 0, or where a stopped one was.
struct StagedBeginning: ~Copyable {
  private var hold: RelationshipHold?
  let relationship: UniqueID
  let run: RunRecord
  let keeper: CheckpointKeeper
  /// What is cloned; nil for nothing.
  var snapshots: Snapshots?
  /// Stands behind what a stopped run has staged; nil at 0.
  var writer: StagingWriter<DiskQueue>?
  /// Whether holes are read too.
  let readsHoles: Bool

  init(_ hold: consuming RelationshipHold, _ run: RunRecord, _ keeper: CheckpointKeeper, readsHoles: Bool) {
    relationship = hold.id
    self.hold = consume hold
    self.run = run
    self.keeper = keeper
    self.readsHoles = readsHoles
  }

  /// The hold on the relationship, once.
  mutating func takeHold() -> RelationshipHold {
    guard let hold = hold.take() else { preconditionFailure("it is taken once") }
    return hold
  }
}

extension StagedRun {
  /// Step 1: goes on with a stopped run where both sides are shown to be unchanged, else begins a new one.
  borrowing func begin(_ runs: inout [PairRun]) throws(ResyncError) -> StagedBeginning {
    if let continued, let beginning = try takeUp(continued, &runs) { return beginning }
    let id = UniqueID.random()
    var run = try RunRecord.ours(.staged, staging: try directory.place("\(id)"), id: id)
    let isFuzzy = runs.contains { $0.planned.sourceMode == .running }
    run.isFuzzy = isFuzzy
    run.point = try plannedPoint(runs)
    let hold = try books.book.begin(run, on: pairs, named: request.relationship)
    // What could not be read is known to the run only that met it.
    let keeper = CheckpointKeeper(
      books, id, in: hold.id,
      isFuzzy || request.onReadError == .record || run.point != nil
        ? nil : CheckpointClock(request.checkpoints))
    return StagedBeginning(hold, run, keeper, readsHoles: request.readsHoles)
  }

  /// Goes on with a stopped run; nil, with a note, where a part of the proof fails: what it staged is dropped then.
  private borrowing func takeUp(
    _ continued: Continued, _ runs: inout [PairRun]
  ) throws(ResyncError) -> StagedBeginning? {
    let stopped = continued.relationship
    guard case .resynchronizing(let former, _) = stopped.consistency, let checkpoint = former.checkpoint,
      let place = former.staging
    else { return nil }
    var run = try RunRecord.ours(.staged, staging: place, id: former.id)
    run.began = former.began
    run.checkpoint = checkpoint
    guard let hold = try books.book.resume(stopped, as: run, on: pairs, continued.terms) else {
      throw ResyncError.recordChanged(stopped)
    }
    let keeper = CheckpointKeeper(
      books, run.id, in: hold.id, request.onReadError == .record ? nil : CheckpointClock(request.checkpoints),
      after: checkpoint,
      sizes: runs.map { $0.pair.primary.disk.identity.size })
    var beginning = StagedBeginning(hold, run, keeper, readsHoles: checkpoint.readsHoles)
    let obstacle: String?
    do throws(ResyncError) {
      obstacle = try prove(checkpoint, place, &runs, &beginning)
    } catch {
      // What was staged stands as it did, unless nobody wants it.
      let hold = beginning.takeHold()
      guard !control.dropsWork else {
        drop(hold, run)
        runs[0].result.notes.append(Self.droppedByRequest)
        throw error
      }
      if error.isStop { runs[0].result.notes.append(keeper.note(runs[0].names[.recovery])) }
      hold.release()
      throw error
    }
    guard let obstacle else {
      for index in runs.indices {
        if let progress = runs[index].progress { runs[index].result.notes.append(progress.note) }
      }
      return beginning
    }
    for index in runs.indices { (runs[index].progress, runs[index].witnesses) = (nil, nil) }
    runs[0].result.notes.append(former.notContinued(obstacle))
    try StagingDirectory.drop(place, books.book.store)
    try books.book.abandon(beginning.takeHold())
    return nil
  }

  /// Settles the disks that the stopped run had begun to read, and looks whether they are what it read, and whether
  /// its staging file is what it wrote (PITFALLS G3).
  ///
  /// - Returns: which part of the proof failed, as a sentence without a full stop; nil where none did.
  private borrowing func prove(
    _ checkpoint: Checkpoint, _ place: StagingPlace, _ runs: inout [PairRun],
    _ beginning: inout StagedBeginning
  ) throws(ResyncError) -> String? {
    let (name, run) = (beginning.run.stagingName, beginning.run)
    guard let staged = checkpoint.staged, place.path == directory.path.appending(name).string
    else { return "its staging file lies in another place" }
    var offsets = [UInt64](repeating: 0, count: runs.count)
    var progress = [StagedProgress?](repeating: nil, count: runs.count)
    for former in checkpoint.pairs {
      (offsets[former.index], progress[former.index]) = (former.offset, StagedProgress(runs[former.index]))
    }
    if let obstacle = try runs.prove(checkpoint, pairs, reporter) { return obstacle }
    let mark = StagedMark(
      offsets: offsets, segments: staged.segments, length: staged.length, hash: staged.hash)
    do throws(ResyncError) {
      beginning.writer = try directory.resume(
        header(runs, run.id, beginning.relationship), name, mark, runs.stagingEngine(lanes), control
      ) { (entry) throws(ResyncError) in
        // The reader lets none through of a pair that the file does not have.
        guard let progress = progress[entry.pair] else {
          throw StagingFault.incomplete(pair: entry.pair).error(on: name)
        }
        try progress.take(entry)
      }
    } catch  where !error.isStop {
      return "its staging file cannot be used: \(error.withoutRemedy)"
    }
    guard progress.allSatisfy({ $0?.canGoOn ?? true }) else { return "its checkpoint lies within a block" }
    for index in runs.indices { runs[index].progress = progress[index] }
    return nil
  }
}

/// What a stopped run had come to in one pair, read back from its staging file.
final class StagedProgress {
  private(set) var totals = RunTotals()
  /// Where the last difference ends; nil without one.
  private(set) var lastDifference: UInt64?
  private var tailDiffers = false
  let growth: HoleGrowth?
  private var recorder: DifferenceRecorder?
  private let size: UInt64
  private let reach: UInt64
  private let block: UInt64

  init(_ run: PairRun) {
    growth = HoleGrowth.of(run.pair.recovery, run.planned.recovery)
    recorder = run.makeRecorder()
    size = run.pair.primary.disk.identity.size
    reach = run.commonSize
    block = UInt64(run.blocks.blockSize)
  }

  /// How far it had come, in bytes.
  var offset: UInt64 { totals.bytesContinued }

  /// Whether it had come to the pair's end, with all that is looked at there.
  var isWhole: Bool { offset == size }

  /// Whether a comparison may begin there.
  var canGoOn: Bool { offset.isMultiple(of: block) || offset == reach || isWhole }

  /// For people.
  var note: String { "continued at \(ByteCount(offset)) of \(ByteCount(size))" }

  /// Counts one entry; they come in ascending order.
  func take(_ entry: StagedEntry) throws(ResyncError) {
    switch entry.kind {
    case .bytes, .zeros:
      totals.bytesDifferent += entry.range.length
      if lastDifference != entry.range.offset { totals.differentRanges += 1 }
      lastDifference = entry.range.end
      growth?.add(entry.range)
      try recorder?.record(entry.range)
    case .tail:
      totals.bytesDifferent += entry.range.length
      totals.differentRanges += 1
      tailDiffers = true
    case .digest, .tailDigest:
      totals.bytesCompared += entry.range.length
      totals.bytesContinued += entry.range.length
    case .hole:
      totals.bytesSkipped += entry.range.length
      totals.bytesContinued += entry.range.length
    }
  }

  /// The same without an image's tail, which begins at `reach`.
  func totals(upTo reach: UInt64) -> RunTotals {
    var totals = totals
    let tail = size - min(reach, size)
    guard tail > 0 else { return totals }
    totals.bytesCompared -= min(tail, totals.bytesCompared)
    totals.bytesContinued -= min(tail, totals.bytesContinued)
    if tailDiffers {
      totals.bytesDifferent -= tail
      totals.differentRanges -= 1
    }
    return totals
  }

  /// What the differences so far were noted in, once.
  func takeRecorder() -> DifferenceRecorder {
    guard let recorder = recorder.take() else { preconditionFailure("it is taken once") }
    return recorder
  }
}

extension PairRun {
  /// Takes over a pair that a stopped run had compared whole.
  mutating func takeOver(_ progress: StagedProgress) throws(ResyncError) {
    result.engine = planned.engine.rawValue
    begin(behind: progress)
    var recorder = progress.takeRecorder()
    try recorder.finish()
    note(recorder)
    reporter.tell(.differences(bytes: result.totals.bytesDifferent, pair: index))
  }

  /// Counts what a stopped run had come to, and lets the comparison begin behind it.
  mutating func begin(behind progress: StagedProgress) {
    start = progress.offset
    result.totals = progress.totals
    growth = progress.growth
    control.count(done: progress.offset)
    control.bytesDifferent.wrappingAdd(progress.totals.bytesDifferent, ordering: .relaxed)
  }
}
