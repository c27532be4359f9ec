@testable import DeviceResync

/// The buffers of a queue in memory.
struct MemorySlab {
  let geometry: QueueGeometry
  private(set) var bytes: [UInt8]

  init(_ geometry: QueueGeometry) {
    self.geometry = geometry
    bytes = [UInt8](repeating: 0xee, count: geometry.slabSize)
  }

  /// Where a request's bytes lie: what changes the recovery comes from the primary's half.
  func range(of request: BlockRequest) -> Range<Int> {
    let half: Side = request.changesBytes ? .primary : request.side
    let start = geometry.place(of: half, in: request.slot) + request.place
    return start..<start + Int(request.range.length)
  }

  subscript(request: BlockRequest) -> [UInt8] { Array(bytes[range(of: request)]) }

  /// Puts what was read for `request`, from the start of its place; it may be less than was asked for.
  mutating func put(_ read: [UInt8], for request: BlockRequest) {
    replace(range(of: request).lowerBound, read)
  }

  /// Puts `span` at `place` of the primary's half of `slot`.
  ///
  /// - Returns: where.
  @discardableResult
  mutating func put(_ span: RawSpan, into slot: Int, at place: Int) -> Range<Int> {
    let start = geometry.place(of: .primary, in: slot) + place
    replace(start, span.withUnsafeBytes { Array($0) })
    return start..<start + span.byteCount
  }

  private mutating func replace(_ start: Int, _ new: [UInt8]) {
    bytes.replaceSubrange(start..<start + new.count, with: new)
  }

  func withBytes<Value, Failure: Error>(
    of slot: Int, count: Int, _ body: (RawSpan, RawSpan) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let bytes = bytes.span.bytes
    let primary = geometry.place(of: .primary, in: slot)
    let recovery = geometry.place(of: .recovery, in: slot)
    return try body(
      bytes.extracting(primary..<primary + count), bytes.extracting(recovery..<recovery + count))
  }
}
