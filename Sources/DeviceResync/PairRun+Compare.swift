import SystemPackage

extension PairRun {
  /// Bytes that both block devices reach; an image's tail may lie beyond.
  var commonSize: UInt64 {
    let block = UInt64(blocks.logicalBlockSize)
    let devices = min(pair.primary.disk.deviceSize, pair.recovery.disk.deviceSize)
    return min(devices, pair.primary.disk.identity.size) / block * block
  }

  /// One pass over the pair: compare, write, tail, flush, read back.
  ///
  /// - Parameter submitted: bytes handed to the recovery's device; added to.
  mutating func compare(
    _ queue: inout DiskQueue, readsHoles: Bool, submitted: inout UInt64
  ) throws(ResyncError) -> CompareEnding {
    reporter.begin(.comparing)
    result.totals.bytesCompared = former?.totals.bytesCompared ?? 0
    result.totals.bytesSkipped = former?.totals.bytesSkipped ?? 0
    result.totals.bytesContinued = former?.totals.bytesContinued ?? 0
    result.totals.bytesUnread = 0
    unread = ReadFaults()
    if !request.writes {
      // What a pass that proves nothing found is found again; what it wrote is not.
      result.totals.bytesDifferent = 0
      result.totals.bytesMoving = 0
      result.totals.differentRanges = 0
    }
    let recorder = makeRecorder()
    if request.writes { return try compareInPlace(&queue, recorder, readsHoles, &submitted) }
    var sink = ReportSink(recorder)
    let outcome = compare(&queue, &sink, readsHoles)
    note(sink.recorder)
    if try outcome.ending.get() == .complete { try compareTail(writing: false) }
    if request.operation == .resync { result.totals.bytesToWrite = result.totals.bytesDifferent }
    return try outcome.ending.get()
  }

  /// How a pass ended, and what it did in any case.
  struct Outcome {
    let ending: Result<CompareEnding, ResyncError>
    let totals: CompareTotals
  }

  mutating func compare<Sink: DifferenceSink & ~Copyable>(
    _ queue: inout DiskQueue, _ sink: inout Sink, _ readsHoles: Bool
  ) -> Outcome {
    var totals = CompareTotals()
    let ending: Result<CompareEnding, ResyncError>
    do throws(ResyncError) {
      ending = .success(
        readsHoles || former?.known != nil
          ? try compareAll(&queue, &sink, &totals) : try compareData(&queue, &sink, &totals))
    } catch {
      ending = .failure(error)
    }
    result.totals.bytesCompared += totals.bytesCompared
    result.totals.bytesSkipped += totals.bytesSkipped
    result.totals.bytesDifferent += totals.bytesDifferent
    result.totals.bytesMoving += totals.bytesMoving
    result.totals.bytesWritten += totals.bytesWritten
    result.totals.bytesZeroed += totals.bytesZeroed
    result.totals.differentRanges += totals.differences
    addFaults(totals)
    reporter.tell(.differences(bytes: result.totals.bytesDifferent, pair: index))
    return Outcome(ending: ending, totals: totals)
  }

  private func compareAll<Sink: DifferenceSink & ~Copyable>(
    _ queue: inout DiskQueue, _ sink: inout Sink, _ totals: inout CompareTotals
  ) throws(ResyncError) -> CompareEnding {
    if let known = former?.known {
      var source = try known.ranges(of: index, kept?.digests)
      return try comparePair(
        &source, through: &queue, into: &sink, blocks: blocks, rules: faultRules, control: control,
        totals: &totals)
    }
    var source = WholeRange(size: commonSize, window: window, from: start, blocks: blocks)
    return try comparePair(
      &source, through: &queue, into: &sink, blocks: blocks, confirming: planned.sourceMode == .running,
      rules: faultRules, control: control, totals: &totals)
  }

  private func compareData<Sink: DifferenceSink & ~Copyable>(
    _ queue: inout DiskQueue, _ sink: inout Sink, _ totals: inout CompareTotals
  ) throws(ResyncError) -> CompareEnding {
    var source = DataUnion(
      primary: DataUnion.Image(file: try imageCopy(.primary), start: 0),
      recovery: DataUnion.Image(file: try imageCopy(.recovery), start: 0), size: commonSize, from: start,
      blocks: blocks)
    return try comparePair(
      &source, through: &queue, into: &sink, blocks: blocks, confirming: planned.sourceMode == .running,
      rules: faultRules, control: control, totals: &totals)
  }

  private func imageCopy(_ side: Side) throws(ResyncError) -> OwnedDescriptor {
    func copy(_ disk: borrowing OpenedDisk) throws(ResyncError) -> OwnedDescriptor {
      try attempt("duplicate the descriptor of", on: disk.identity.path, side: side, .setUp) {
        () throws(Errno) in
        switch disk.image {
        case .some(let image): try image.duplicate()
        case .none: throw Errno.badFileDescriptor
        }
      }
    }
    return side == .primary ? try copy(pair.primary.disk) : try copy(pair.recovery.disk)
  }

  /// Says where zeros did not become what was planned.
  mutating func noteZeros(wasPunching: Bool) {
    guard planned.zero == .thin, !wasPunching else { return }
    result.zero = .data
    result.notes.append("the recovery's device does not punch zeros out: they are written as data")
  }

  func makeRecorder() -> DifferenceRecorder {
    guard request.streamsRanges else {
      return DifferenceRecorder(size: commonSize, maxRanges: request.maxRanges)
    }
    let (reporter, index) = (reporter, index)
    return DifferenceRecorder(size: commonSize, maxRanges: request.maxRanges) {
      (ranges) throws(ResyncError) in
      reporter.tell(.ranges(ranges, pair: index))
    }
  }

  mutating func note(_ recorder: borrowing DifferenceRecorder) {
    result.ranges = recorder.ranges
    result.rangesOmitted = recorder.omitted
    result.map = recorder.map
  }
}
