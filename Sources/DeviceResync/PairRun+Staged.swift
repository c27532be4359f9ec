import Synchronization
import SystemPackage

extension PairRun {
  /// Compares the pair into the staging file, beside others: the recovery is not written.
  ///
  /// - Returns: false where a hole was not one: everything must be compared again, holes too.
  mutating func stage(_ staging: SharedStaging<DiskQueue>, readsHoles: Bool) throws(ResyncError) -> Bool {
    beginAside()
    var recorder = makeRecorder()
    if let progress {
      begin(behind: progress)
      recorder = progress.takeRecorder()
    }
    let checksum: RunningChecksum
    do throws(Errno) {
      checksum = try RunningChecksum()
    } catch {
      throw ResyncError(.kernel(error, .setUp), "compare", on: names[.primary])
    }
    var sink = StagedSink(
      recorder, staging, pair: index, checksum: checksum, growth: growth, from: start)
    let outcome = compareAside(&sink, readsHoles: readsHoles)
    note(sink.recorder)
    guard try outcome.get() else { return false }
    // A difference that goes on behind the checkpoint is one.
    if let first = sink.firstDifference, first == progress?.lastDifference {
      result.totals.differentRanges -= 1
    }
    try stageTail(&sink)
    // What is said of a recovery that could not be read would be forgotten.
    if !rewritten.isEmpty { staging.forgetCheckpoints() }
    return true
  }

  private mutating func stageTail(_ sink: inout StagedSink<DiskQueue>) throws(ResyncError) {
    let size = pair.primary.disk.identity.size
    if let bytes = try readTailAside(ByteRange(min(commonSize, size), upTo: size)) {
      try sink.complete(primaryTail: bytes.primary, recoveryTail: bytes.recovery)
    }
  }

  /// A comparison begins that writes to no disk, at 0.
  mutating func beginAside() {
    reporter.begin(.comparing)
    result.engine = planned.engine.rawValue
    result.totals = RunTotals()
    unread = ReadFaults()
    rewritten = ReadFaults()
    growth = HoleGrowth.of(pair.recovery, planned.recovery)
    start = 0
  }

  /// Compares the pair into a sink that writes to no disk.
  ///
  /// - Returns: false where a hole was not one.
  mutating func compareAside<Sink: DifferenceSink & ~Copyable>(
    _ sink: inout Sink, readsHoles: Bool
  ) -> Result<Bool, ResyncError> {
    do throws(ResyncError) {
      var queue = try makeQueue()
      let before = imageStatuses()
      switch try compare(&queue, &sink, readsHoles || !tellsHoles).ending.get() {
      case .stopped: throw control.ending()
      case .holeHoldsData: return .success(false)
      case .complete: break
      }
      return .success(
        result.totals.bytesSkipped == 0 || before.holds(imageStatuses(), recoveryToo: true))
    } catch {
      return .failure(error)
    }
  }

  /// Compares the tail of an image, and counts it.
  ///
  /// - Returns: its bytes on both sides, empty where there is none; nil where the primary's cannot be read: what was not
  ///   read is never committed, and the file needs no end.
  mutating func readTailAside(
    _ tail: ByteRange
  ) throws(ResyncError) -> (primary: [UInt8], recovery: [UInt8]?)? {
    guard !tail.isEmpty else { return ([], []) }
    let bytes = (primary: try readTail(.primary, tail), recovery: try readTail(.recovery, tail))
    guard let primary = bytes.primary else {
      result.totals.bytesUnread += tail.length
      return nil
    }
    result.totals.bytesCompared += tail.length
    if primary != bytes.recovery {
      result.totals.bytesDifferent += tail.length
      result.totals.differentRanges += 1
    }
    return (primary, bytes.recovery)
  }

  /// Step 7, and 8 where it reads: writes what was committed, flushes, and reads it back where asked.
  ///
  /// - Returns: bytes that were handed to the recovery's device.
  mutating func apply(
    _ staging: ValidatedStaging, _ directory: borrowing StagingDirectory, verifies: Bool
  ) throws(ResyncError) -> UInt64 {
    // What could not be read may have been healed, or not.
    let proves = verifies || !rewritten.isEmpty
    let applied = try applyCommitted(
      staging, from: directory, to: pair.recovery, planned.recovery, pair: index, mode: .first,
      proves: proves,
      planned.engine, planned.zero, control, reporter)
    result.totals.bytesWritten = applied.written
    result.totals.bytesZeroed = applied.zeroed
    result.totals.bytesVerified = applied.proved
    noteZeros(wasPunching: applied.isThin)
    return applied.submitted
  }

  /// The rest of step 8, when all pairs are applied: nobody else wrote to the recovery, or is about to.
  mutating func concludeApplying(_ witness: Witness, submitted: UInt64) throws(ResyncError) {
    // The primary may be started by now: it is the recovery that must not have been written by others.
    _ = try checkUsers(of: [.recovery])
    let finding = try checkUntouched(
      pair.recovery, planned.recovery, witness, submitted: submitted)
    result.witness.recoveryBytes = finding.foreignBytes
    try checkCompleteness()
  }
}
