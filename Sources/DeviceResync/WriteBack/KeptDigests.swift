/// What a run in place may write to one pair: the bytes that its undo file has digests of, and no others.
///
/// So whatever ends the run, each block holds what the undo file knows: its old bytes, or these. It belongs to the thread
/// that compares: the source adds each record, the sink looks at each difference, both in ascending order.
final class KeptDigests {
  private struct Record {
    let range: ByteRange
    let digests: [UInt64]
  }

  /// Those that the sink has not come behind yet.
  private var records: [Record] = []
  /// Bytes that a digest is of.
  private let unit: Int

  init(unit: Int) { self.unit = unit }

  /// Takes the next record, with the digests of what the run writes there.
  func add(_ range: ByteRange, _ digests: [UInt64]) {
    records.append(Record(range: range, digests: digests))
  }

  /// The first block of `range` that is not what was kept for; nil where all are.
  ///
  /// - Parameter bytes: what is about to be written there.
  func misfit(_ range: ByteRange, _ bytes: RawSpan) -> ByteRange? {
    records.removeAll { $0.range.end <= range.offset }
    var place = 0
    while place < bytes.byteCount {
      let end = min(place + unit, bytes.byteCount)
      let block = ByteRange(offset: range.offset + UInt64(place), length: UInt64(end - place))
      guard let record = records.first(where: { $0.range.overlaps(block) }),
        block.offset >= record.range.offset,
        block.end <= record.range.end
      else { return block }
      let number = Int(block.offset - record.range.offset) / unit
      guard record.digests[number] == Checksum.of64(bytes.extracting(place..<end)) else { return block }
      place = end
    }
    return nil
  }
}
