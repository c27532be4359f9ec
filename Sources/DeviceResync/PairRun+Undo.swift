import Synchronization
import SystemPackage

/// What one pair was found to be while its old bytes were kept.
struct KeptComparison: Sendable {
  /// Whether every hole that was passed over was one; else everything must be compared again, holes too.
  let holesHold: Bool
  /// Without an image's tail.
  var totals = RunTotals()
  /// The last bytes of the primary's image, which its device does not reach.
  var tail: [UInt8] = []
}

/// What a run in place that keeps old bytes writes to one pair.
final class KeptPair {
  /// What is in the undo file, and no more.
  let digests: KeptDigests
  /// The last bytes of the primary's image, which its device does not reach.
  let tail: [UInt8]

  init(_ digests: KeptDigests, tail: [UInt8]) {
    self.digests = digests
    self.tail = tail
  }
}

extension PairRun {
  /// Compares the pair into the undo file, beside others: the recovery is not written.
  mutating func keepOld(
    in undo: SharedUndo<DiskQueue>, readsHoles: Bool
  ) throws(ResyncError) -> KeptComparison {
    if control.isStopping { throw control.ending() }
    if witnesses == nil { witnesses = try prepare() }
    beginAside()
    // Ranges are streamed when they are written.
    var sink = UndoSink(
      DifferenceRecorder(size: commonSize, maxRanges: request.maxRanges), undo, pair: index, growth: growth)
    let outcome = compareAside(&sink, readsHoles: readsHoles)
    note(sink.recorder)
    guard try outcome.get() else { return KeptComparison(holesHold: false) }
    var found = KeptComparison(holesHold: true, totals: result.totals)
    let size = pair.primary.disk.identity.size
    let tail = ByteRange(min(commonSize, size), upTo: size)
    if let bytes = try readTailAside(tail) {
      found.tail = bytes.primary
      try undo.complete(pair: index, tail: tail, primary: bytes.primary, recovery: bytes.recovery)
    }
    return found
  }

  /// From here on what was found is compared once more, range by range, and written.
  mutating func write(
    _ found: KeptComparison, _ known: KnownDifferences, readsHoles: Bool
  ) {
    kept = KeptPair(KeptDigests(unit: known.digestUnit(of: index)), tail: found.tail)
    former = InPlaceProgress(
      offset: 0, totals: found.totals, lastDifference: nil, readsHoles: readsHoles, isWhole: false,
      known: known)
    result.totals = found.totals
    // It is counted as it is written.
    control.bytesDifferent.wrappingSubtract(found.totals.bytesDifferent, ordering: .relaxed)
  }

  /// Nothing of any pair differs: there is nothing to write.
  mutating func leaveAsItIs(readsHoles: Bool) {
    former = InPlaceProgress(
      offset: result.primary.size, totals: result.totals, lastDifference: nil, readsHoles: readsHoles,
      isWhole: true)
  }

  /// Fails where the tail of the primary is not what was there when the old bytes were kept.
  func checkKept(_ tail: ByteRange, _ primary: [UInt8]) throws(ResyncError) {
    if let kept, kept.tail != primary { throw .moved(tail) }
  }
}

extension ResyncError {
  /// The primary holds other bytes than those for which the recovery's were kept: written, there would be no way back.
  static func moved(_ range: ByteRange? = nil) -> ResyncError {
    ResyncError(
      .foreignWrite, "write what is there of", side: .primary, range: range,
      reason: "it is not what was there when the old bytes were kept: somebody has written to it during the "
        + "run",
      remedy: "find the writer with: \(CallContext.current.typed(.devices)); stop it, then run again")
  }
}
