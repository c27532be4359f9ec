/// The way back, written beside the way forward: a staging file in which old and new have changed places.
///
/// Its records hold the recovery's old bytes, their old digests are of what the run writes, and its chunks have the
/// digests of what the recovery held. So it is read, applied and proved as every staging file is. The records of a
/// chunk's piece come right before its digest and never reach beyond it: ``checkWayBack(_:pair:isStrict:through:tail:control:)``
/// puts a piece together from them.
final class UndoFile<Queue: BlockQueue & ~Copyable> {
  /// Nil once it is sealed.
  private var writer: StagingWriter<Queue>?
  /// Bytes that one digest covers at most.
  private let piece: Int

  init(_ writer: consuming StagingWriter<Queue>) {
    piece = writer.header.segmentSize
    self.writer = .some(writer)
  }

  deinit { drop() }

  /// Gives it up.
  func drop() { writer.take()?.drop() }

  /// Whether payload is left out, because there is no room for it.
  var isOutOfRoom: Bool { writer?.isOutOfRoom ?? false }
  /// Size that the sealed file needs for what was added so far, in bytes.
  var bytesNeeded: UInt64 { writer?.bytesNeeded ?? 0 }

  /// Keeps what `chunk` of the recovery holds.
  ///
  /// - Parameters:
  ///   - differing: what of it is to be written, in ascending order.
  ///   - unreadable: what of the recovery could not be read.
  ///   - primary: the chunk's bytes there.
  ///   - recovery: the chunk's bytes there.
  func keep(
    _ chunk: ByteRange, pair: Int, differing: [ByteRange], unreadable: [ByteRange], primary: RawSpan,
    recovery: RawSpan
  ) throws(ResyncError) {
    if let lost = unreadable.first { throw Self.lost(lost) }
    var next = 0
    for start in stride(from: 0, to: recovery.byteCount, by: piece) {
      let end = min(start + piece, recovery.byteCount)
      let range = ByteRange(offset: chunk.offset + UInt64(start), length: UInt64(end - start))
      while next < differing.count, differing[next].offset < range.end {
        let part = ByteRange(
          max(differing[next].offset, range.offset), upTo: min(differing[next].end, range.end))
        let place = Int(part.offset - chunk.offset)..<Int(part.end - chunk.offset)
        try writer?.addBlocks(
          pair: pair, part, primary: recovery.extracting(place), recovery: primary.extracting(place))
        if differing[next].end > range.end { break }
        next += 1
      }
      try writer?.addDigest(pair: pair, range, Checksum.of128(recovery.extracting(start..<end)))
    }
  }

  /// Keeps a hole of both sides, from what was kept of the pair so far; nothing where that is all.
  func keepHole(pair: Int, upTo end: UInt64) throws(ResyncError) {
    guard let covered = writer?.covered[pair], covered < end else { return }
    try keepHole(pair: pair, ByteRange(covered, upTo: end))
  }

  /// Keeps a hole of both sides.
  func keepHole(pair: Int, _ range: ByteRange) throws(ResyncError) {
    try writer?.addHole(pair: pair, range)
  }

  /// Keeps the last bytes of an image, which its device does not reach.
  ///
  /// - Parameter recovery: nil where they cannot be read.
  func keepTail(
    pair: Int, _ range: ByteRange, primary: [UInt8], recovery: [UInt8]?
  ) throws(ResyncError) {
    guard let recovery else { throw Self.lost(range) }
    if primary != recovery {
      try writer?.addTail(pair: pair, range, primary: recovery, recovery: primary)
    }
    try writer?.addDigest(pair: pair, range, Checksum.of128(recovery), isTail: true)
  }

  /// Closes the file: what was kept is on stable storage when this returns.
  func seal() throws(ResyncError) -> StagingSeal {
    guard let writer = writer.take() else { preconditionFailure("it is sealed once") }
    return try writer.seal()
  }

  private static func lost(_ range: ByteRange) -> ResyncError {
    ResyncError(
      .incomplete, "keep what is there of", side: .recovery, range: range,
      reason: "it cannot be read, so that there would be no way back to it; nothing was written",
      remedy: "run again without --recovery-point")
  }
}
