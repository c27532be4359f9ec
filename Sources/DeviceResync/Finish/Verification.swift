import SystemPackage

/// The second comparison of `--verify`: what was written is read back, and must equal the primary.
///
/// - Parameters:
///   - written: where writes were started, in cells of the disk.
///   - judges: whether what differs is wrong; a running primary may have changed again.
///   - rules: what becomes of bytes that cannot be read.
///   - control: is looked at, and told of every completion, as in the first comparison.
/// - Returns: bytes that were read back.
/// - Throws: 32768 where the recovery still differs, naming the first difference.
func verify<Queue: BlockQueue & ~Copyable>(
  _ written: consuming MarkedCells, through queue: inout Queue, blocks: BlockGrid, size: UInt64, name: String,
  judges: Bool = true, rules: ReadFaultRules = ReadFaultRules(), control: RunControl
) throws(ResyncError) -> UInt64 {
  var sink = ReportSink(DifferenceRecorder(size: size, maxRanges: 1))
  var totals = CompareTotals()
  let ending = try comparePair(
    &written, through: &queue, into: &sink, blocks: blocks, rules: rules, control: control, totals: &totals)
  if ending == .stopped {
    throw control.ending(
      "verify", on: name, side: .recovery, "all is written and flushed, not all was read back")
  }
  if judges, let first = sink.recorder.ranges.first {
    throw mismatch(on: name, at: first, bytes: totals.bytesDifferent)
  }
  return totals.bytesCompared
}

/// What `--verify` says of `bytes` that came back otherwise, the first of them in `range`.
func mismatch(on name: String, at range: ByteRange, bytes: UInt64) -> ResyncError {
  ResyncError(
    .mismatch, "verify", on: name, side: .recovery, range: range,
    reason: "what was read back is not what was written (\(ByteCount(bytes)) differ)",
    remedy: "check the device and its log (dmesg), then run again")
}
