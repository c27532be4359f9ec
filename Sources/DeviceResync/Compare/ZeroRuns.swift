extension RawSpan {
  /// Shortest run of zero blocks inside other bytes that is worth a piece of its own, in bytes.
  private static var leastZeros: Int { 64 << 10 }

  /// Where the piece that begins at `start` ends: zeros, or anything with fewer zeros in a row than is worth
  /// a piece.
  func endOfPiece(from start: Int, block: Int, isZero: Bool) -> Int {
    var end = start
    var zeros = 0
    while end < byteCount {
      let next = min(end + block, byteCount)
      let isNextZero = extracting(end..<next).isZero
      if isZero, !isNextZero { break }
      zeros = isNextZero ? zeros + next - end : 0
      end = next
      if !isZero, zeros >= Self.leastZeros { return end - zeros }
    }
    return end
  }

  /// The first piece of `run`, and whether it is zeros.
  func firstPiece(of run: Range<Int>, block: Int) -> (place: Range<Int>, isZero: Bool) {
    let bytes = extracting(run)
    let isZero = bytes.extracting(first: min(block, run.count)).isZero
    return (run.lowerBound..<run.lowerBound + bytes.endOfPiece(from: 0, block: block, isZero: isZero), isZero)
  }
}
