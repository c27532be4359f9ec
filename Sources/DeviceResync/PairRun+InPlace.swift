import Synchronization
import SystemPackage

/// What a stopped run in place had come to in one pair.
struct InPlaceProgress {
  /// All before it is dealt with, in bytes.
  let offset: UInt64
  /// What was found there.
  let totals: RunTotals
  /// Where the last difference ends; nil without one.
  let lastDifference: UInt64?
  /// Whether holes were read too.
  let readsHoles: Bool
  /// Whether the pair was dealt with to its end.
  let isWhole: Bool
  /// What is known to differ, where only that is to be compared once more and written; nil for all that follows.
  var known: KnownDifferences?
}

extension InPlaceProgress {
  /// Of a pair of `size` bytes, as its checkpoint says.
  init(_ pair: Checkpoint.Pair, size: UInt64, readsHoles: Bool) {
    var totals = RunTotals()
    // Where nobody needs to know what was found, nothing was written.
    totals.bytesCompared = pair.found?.bytesCompared ?? pair.offset
    totals.bytesSkipped = pair.offset - totals.bytesCompared
    totals.bytesDifferent = pair.found?.bytesDifferent ?? 0
    totals.bytesWritten = totals.bytesDifferent
    totals.bytesZeroed = pair.found?.bytesZeroed ?? 0
    totals.differentRanges = pair.found?.differentRanges ?? 0
    totals.bytesContinued = pair.offset
    self.init(
      offset: pair.offset, totals: totals, lastDifference: pair.found?.lastDifference, readsHoles: readsHoles,
      isWhole: pair.offset == size)
  }
}

extension PairRun {
  /// Where a run in place stands with its pair.
  struct Standing {
    /// Taken when the pair was settled.
    let witnesses: Witnesses
    /// Bytes handed to the recovery since.
    var submitted: UInt64 = 0
    /// How far all is compared, written and flushed; nil where that is not known.
    var reached: Reached?
  }

  /// A place behind which all is compared, written and flushed.
  struct Reached {
    let offset: UInt64
    let found: Checkpoint.Found

    /// The end of a pair that went through.
    static func whole(_ result: PairResult) -> Reached {
      let totals = result.totals
      return Reached(
        offset: result.primary.size,
        found: Checkpoint.Found(
          bytesCompared: totals.bytesCompared, bytesDifferent: totals.bytesDifferent,
          bytesZeroed: min(totals.bytesZeroed, totals.bytesDifferent),
          differentRanges: totals.differentRanges, lastDifference: nil))
    }
  }

  /// Takes over what a stopped run had come to.
  mutating func takeOver(_ progress: InPlaceProgress) {
    former = progress
    start = progress.known == nil ? progress.offset : 0
    result.totals = progress.totals
    result.engine = planned.engine.rawValue
    allowance?.count(written: progress.totals.bytesWritten)
    let left = progress.known == nil ? 0 : progress.totals.bytesDifferent
    control.count(done: progress.totals.bytesContinued - left)
    control.bytesDifferent.wrappingAdd(progress.totals.bytesWritten, ordering: .relaxed)
    control.bytesWritten.wrappingAdd(progress.totals.bytesWritten, ordering: .relaxed)
    reporter.tell(.differences(bytes: result.totals.bytesDifferent, pair: index))
  }

  /// One pass over the pair that writes each difference as it is found.
  mutating func compareInPlace(
    _ queue: inout DiskQueue, _ recorder: consuming DifferenceRecorder, _ readsHoles: Bool,
    _ submitted: inout UInt64
  ) throws(ResyncError) -> CompareEnding {
    let (pair, journal, run) = (pair, journal, self)
    var sink = InPlaceSink(
      recorder, marks: MarkedCells(size: commonSize, chunk: queue.geometry.chunk),
      marksWrites: request.readsBack,
      punchesZeros: planned.zero == .thin && pair.recovery.disk.takesPunches(planned.recovery),
      allowance: allowance, kept: kept?.digests,
      beforeFirstWrite: { () throws(ResyncError) in
        // The last look before the point from which the recovery is mixed.
        try pair.primary.disk.checkUnchanged(.primary)
        try pair.recovery.disk.checkUnchanged(.recovery)
        try pair.recovery.holdStartGuard()
        // From our own first write on an image's times tell of nobody else's.
        if let witness = run.witnesses?.recovery {
          try checkUntouched(pair.recovery, run.planned.recovery, witness, submitted: nil)
        }
        try journal?.willWrite()
      },
      progress: { (part) throws(ResyncError) in
        guard let journal, let end = part.end, run.former?.known == nil else { return }
        try journal.advance(run.index, to: end) { () throws(ResyncError) in try run.flushWrites() }
      })
    let before = result.totals
    let outcome = compare(&queue, &sink, readsHoles)
    note(sink.recorder)
    noteZeros(wasPunching: sink.punchesZeros && !outcome.totals.refusedPunch)
    submitted += outcome.totals.bytesSubmitted
    if let former, former.known == nil {
      result.rangesOmitted += former.totals.differentRanges
      // A difference that goes on behind the checkpoint is one.
      if let first = sink.written?.offset, first == former.lastDifference {
        result.totals.differentRanges -= 1
      }
    }
    if let former, former.known != nil {
      if kept == nil { result.rangesOmitted = former.totals.differentRanges }
      // It was compared and counted before.
      let written = result.totals
      result.totals = before
      (result.totals.bytesWritten, result.totals.bytesZeroed) = (written.bytesWritten, written.bytesZeroed)
    }
    try finishWriting(outcome, sink.written, sink.marks, &queue)
    return try outcome.ending.get()
  }

  /// Where a pass that was not complete stands, once all that it wrote is flushed.
  func reached(_ part: SettledPart) -> Reached {
    let offset = part.end ?? former?.offset ?? 0
    var found = Checkpoint.Found(
      bytesCompared: part.bytesCompared, bytesDifferent: part.bytesDifferent, bytesZeroed: 0,
      differentRanges: part.differences, lastDifference: part.lastDifference ?? former?.lastDifference)
    if let former, former.known == nil {
      found.bytesCompared += former.totals.bytesCompared
      found.bytesDifferent += former.totals.bytesDifferent
      found.differentRanges += former.totals.differentRanges
    } else if former != nil {
      // What lies between the differences was compared when they were found.
      found.bytesCompared = offset
    }
    found.bytesZeroed = min(result.totals.bytesZeroed, found.bytesDifferent)
    return Reached(offset: offset, found: found)
  }

  /// Brings to stable storage what has been written so far, while the run goes on.
  ///
  /// Meanwhile the device's own counts tell whether it answers; no longer, since others' use of it would hide a stall.
  func flushWrites() throws(ResyncError) {
    reporter.wait(for: [pair.recovery.disk.number])
    defer { reporter.wait(for: []) }
    try attempt("flush", on: names[.recovery], side: .recovery, .transfer) { () throws(Errno) in
      try pair.recovery.disk.device.synchronizeData()
    }
  }
}
