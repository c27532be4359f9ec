/// A range to compare.
struct WorkRange: Sendable, Equatable {
  let range: ByteRange
  /// Whether both sides say that nothing but zeros is there: a hole that is read all the same, to see whether
  /// that is true (PITFALLS G10).
  var mustBeZero = false
}

/// Which ranges of a pair are compared: in ascending order, in whole blocks, in constant memory.
protocol RangeSource: ~Copyable {
  /// The next range; nil after the last.
  mutating func next() throws(ResyncError) -> WorkRange?
  /// Bytes passed over so far because both sides have a hole there.
  var bytesSkipped: UInt64 { get }
}

/// Every byte of the pair, or of a window.
struct WholeRange: RangeSource {
  private var rest: ByteRange?
  var bytesSkipped: UInt64 { 0 }

  /// - Parameters:
  ///   - size: the primary's, in bytes.
  ///   - window: what the user asked for; it is widened to whole blocks. Nil for everything.
  ///   - start: where to begin without a window: the end of a block.
  init(size: UInt64, window: ByteRange? = nil, from start: UInt64 = 0, blocks: BlockGrid) {
    let range = window.map { blocks.widened($0, within: size) } ?? ByteRange(min(start, size), upTo: size)
    rest = range.isEmpty ? nil : range
  }

  mutating func next() -> WorkRange? {
    defer { rest = nil }
    return rest.map { WorkRange(range: $0) }
  }
}
