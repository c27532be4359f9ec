// Integers of a fixed layout, least significant byte first, at any place; out of bounds traps.

extension RawSpan {
  /// The integer at `place`, in bytes from the start.
  func littleEndian<Number: FixedWidthInteger & BitwiseCopyable>(
    at place: Int, as type: Number.Type = Number.self
  ) -> Number {
    // Every bit pattern is an integer, and the bounds are checked by the call itself.
    Number(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: place, as: type))
  }

  /// The bytes, copied.
  func copied() -> [UInt8] {
    // The array has its copy before the call returns.
    unsafe withUnsafeBytes { unsafe Array($0) }
  }
}

extension [UInt8] {
  /// Puts `number` at `place`, in bytes from the start.
  mutating func store<Number: FixedWidthInteger & BitwiseCopyable>(littleEndian number: Number, at place: Int)
  {
    precondition(place >= 0 && place <= count - MemoryLayout<Number>.size)
    let number = number.littleEndian
    unsafe withUnsafeMutableBytes { unsafe $0.storeBytes(of: number, toByteOffset: place, as: Number.self) }
  }

  /// The bytes, readable while `body` runs.
  ///
  /// `Span.bytes` is marked unsafe for types with padding, which a byte has none of.
  func withRawSpan<Value, Failure: Error>(_ body: (RawSpan) throws(Failure) -> Value) throws(Failure) -> Value
  {
    try body(unsafe span.bytes)
  }
}
