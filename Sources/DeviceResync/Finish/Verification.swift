import SystemPackage

/// The second comparison of `--verify`: what was written is read back, and must equal the primary.
///
/// - Parameter written: where writes were started, in cells of the disk.
/// - Returns: bytes that were read back.
/// - Throws: 32768 where the recovery still differs, naming the first difference.
func verify<Queue: BlockQueue & ~Copyable>(
  _ written: consuming MarkedCells, through queue: inout Queue, blocks: BlockGrid, size: UInt64, name: String
) throws(ResyncError) -> UInt64 {
  var sink = ReportSink(DifferenceRecorder(size: size, maxRanges: 1))
  var totals = CompareTotals()
  // A control of its own: progress counts the first comparison, and a verification is not stopped half-way.
  let ending = try comparePair(
    &written, through: &queue, into: &sink, blocks: blocks, control: RunControl(), totals: &totals)
  precondition(ending == .complete, "marked cells are no holes, and nobody stops them")
  if let first = sink.recorder.ranges.first {
    throw ResyncError(
      .mismatch, "verify", on: name, side: .recovery, range: first,
      reason: "what was read back is not what was written (\(ByteCount(totals.bytesDifferent)) differ)",
      remedy: "check the device and its log (dmesg), then run again")
  }
  return totals.bytesCompared
}
