import Synchronization
import SystemPackage

/// A stopped run that may be gone on with, by what its record says; the proof is still to come.
struct Continued: Sendable {
  let relationship: RelationshipState
  let terms: ContinuationTerms
}

extension Plan {
  /// What the run wants, as far as a stopped one may be gone on with.
  var terms: ContinuationTerms? {
    get throws(ResyncError) {
      guard let writeBack = request.writeBack else { return nil }
      return ContinuationTerms(
        boot: try attempt("look at", on: "this host", .setUp) { () throws(Errno) in try bootID() },
        writeBack: writeBack, readsHoles: request.readsHoles,
        isFuzzy: pairs.contains { $0.sourceMode == .running }, recoveryPoint: request.recoveryPoint)
    }
  }
}

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
  /// What that run had come to, for each pair that it had begun.
  var progress: [StagedProgress] = []
  /// Of the same pairs.
  var witnesses: [PairRun.Witnesses] = []
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
    let hold = try books.book.begin(run, on: pairs)
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
      throw ResyncError(
        .inUse, "go on with the run on", on: stopped.recoveryNames,
        reason: "another run has just changed its record", remedy: "run again")
    }
    let keeper = CheckpointKeeper(
      books, run.id, in: hold.id, request.onReadError == .record ? nil : CheckpointClock(request.checkpoints),
      after: checkpoint,
      sizes: runs.prefix(checkpoint.pairs.count).map { $0.pair.primary.disk.identity.size })
    var beginning = StagedBeginning(hold, run, keeper, readsHoles: checkpoint.readsHoles)
    let obstacle: String?
    do throws(ResyncError) {
      obstacle = try prove(checkpoint, place, &runs, &beginning)
    } catch {
      // What was staged stands as it did.
      beginning.takeHold().release()
      throw error
    }
    guard let obstacle else {
      for (index, progress) in beginning.progress.enumerated() {
        runs[index].result.notes.append(progress.note)
      }
      return beginning
    }
    runs[0].result.notes.append("the run of \(former.began) is not gone on with, it starts at 0: \(obstacle)")
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
    guard let staged = checkpoint.staged, let last = checkpoint.pairs.last,
      place.path == directory.path.appending(name).string
    else { return "its staging file lies in another place" }
    for (index, former) in checkpoint.pairs.enumerated() {
      reporter.begin(pair: index)
      // The witnesses first: what is written from then on they see, what was written before the evidence shows.
      beginning.witnesses.append(try runs[index].prepare())
      let now = try runs[index].evidence()
      for (side, seen) in [(Side.primary, now.primary), (.recovery, now.recovery)] {
        if let change = seen.change(since: former[side]) { return pairs[index].unproven(side, change) }
      }
    }
    let mark = StagedMark(
      pair: checkpoint.pairs.count - 1, offset: last.offset, segments: staged.segments, length: staged.length,
      hash: staged.hash)
    let progress = runs.prefix(checkpoint.pairs.count).map(StagedProgress.init)
    do throws(ResyncError) {
      beginning.writer = try directory.resume(
        header(runs, run.id, beginning.relationship), name, mark, runs[0].planned.engine, control
      ) { (entry) throws(ResyncError) in
        guard progress.indices.contains(entry.pair) else {
          throw StagingFault.malformed(.header).error(on: name)
        }
        try progress[entry.pair].take(entry)
      }
    } catch  where !error.isStop {
      return "its staging file cannot be used: \(error.withoutRemedy)"
    }
    guard progress.last?.canGoOn == true else { return "its checkpoint lies within a block" }
    beginning.progress = progress
    return nil
  }
}

/// What a stopped run had come to in one pair, read back from its staging file.
final class StagedProgress {
  private(set) var totals = RunTotals()
  /// Where the last difference ends; nil without one.
  private(set) var lastDifference: UInt64?
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

  /// Whether a comparison may begin there.
  var canGoOn: Bool { offset.isMultiple(of: block) || offset == reach }

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
    case .digest, .tailDigest:
      totals.bytesCompared += entry.range.length
      totals.bytesContinued += entry.range.length
    case .hole:
      totals.bytesSkipped += entry.range.length
      totals.bytesContinued += entry.range.length
    }
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
    control.bytesDone.wrappingAdd(progress.offset, ordering: .relaxed)
    control.bytesDifferent.wrappingAdd(progress.totals.bytesDifferent, ordering: .relaxed)
  }
}
