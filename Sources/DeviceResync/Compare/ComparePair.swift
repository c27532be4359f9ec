/// Compares what `source` names of a disk pair, in order, and hands the differences to `sink`.
///
/// Both sides are read through `queue`, some chunks ahead; chunks are compared strictly in order, whatever order
/// the reads end in, so that differences come out ascending. A slot is read into again only when its bytes are
/// compared and every write from it has ended. Whatever happens, nothing is in flight when this returns.
///
/// After the first chunk nothing is allocated.
///
/// - Parameters:
///   - source: which ranges, in ascending order.
///   - queue: the pair's devices; nothing may be in flight.
///   - sink: takes each difference with its bytes.
///   - blocks: how both devices are cut into blocks; a chunk of the queue is a multiple of a block.
///   - confirming: whether each differing chunk is read again on both sides, for a running primary: only blocks
///     that differ both times count as different, with the second reading's bytes; the others are `moving`.
///   - rules: what becomes of bytes that cannot be read.
///   - control: is looked at, and told of progress, once a chunk. Its byte counts are added to, never reset.
///   - totals: what was done, also where this throws; starts at zero.
/// - Throws: the first failed request, with its side and range, or what the source or the sink threw.
func comparePair<
  Source: RangeSource & ~Copyable, Queue: BlockQueue & ~Copyable, Sink: DifferenceSink & ~Copyable
>(
  _ source: inout Source, through queue: inout Queue, into sink: inout Sink, blocks: BlockGrid,
  confirming: Bool = false, rules: ReadFaultRules = ReadFaultRules(), control: RunControl,
  totals: inout CompareTotals
) throws(ResyncError) -> CompareEnding {
  var comparison = PairComparison(
    geometry: queue.geometry, blocks: blocks, confirming: confirming, rules: rules, control: control)
  var outcome: Result<CompareEnding, ResyncError>
  do throws(ResyncError) {
    outcome = .success(try comparison.run(&source, &queue, &sink))
  } catch {
    outcome = .failure(error)
  }
  if let failure = comparison.drain(&queue), case .success = outcome { outcome = .failure(failure) }
  comparison.settle()
  do throws(ResyncError) {
    try sink.finish()
  } catch {
    if case .success = outcome { outcome = .failure(error) }
  }
  comparison.tellProgress(skipped: source.bytesSkipped)
  totals = comparison.totals
  totals.refusedPunch = comparison.punching.wasRefused
  return try outcome.get()
}
