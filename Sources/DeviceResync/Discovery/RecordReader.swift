/// Reads the fields of a record one after the other, little-endian; whoever wrote it is not trusted.
struct RecordReader {
  /// Why a record is refused.
  enum Refusal: Error, Equatable {
    /// It ends inside a field, or after the last one comes more.
    case length
    /// A field holds what it never holds.
    case field(String)
  }

  private let bytes: [UInt8]
  private(set) var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// An integer of as many bytes as its type has.
  mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type = Value.self
  ) throws(Refusal) -> Value {
    var value: Value = 0
    for byte in try take(Value.bitWidth / 8).reversed() { value = value << 8 | Value(byte) }
    return value
  }

  /// A byte that is 0 or 1.
  mutating func flag(_ name: String) throws(Refusal) -> Bool {
    let value = try integer(UInt8.self)
    guard value <= 1 else { throw .field(name) }
    return value == 1
  }

  /// A length of 16 bits and `capacity` bytes, of which those behind the length are zero.
  mutating func sized(_ name: String, capacity: Int) throws(Refusal) -> ArraySlice<UInt8> {
    let length = Int(try integer(UInt16.self))
    let field = try take(capacity)
    guard length <= capacity, field.dropFirst(length).allSatisfy({ $0 == 0 }) else { throw .field(name) }
    return field.prefix(length)
  }

  /// Such a field as text, which has no zero byte; nil where it is empty.
  mutating func text(_ name: String, capacity: Int) throws(Refusal) -> DeviceText? {
    let bytes = try sized(name, capacity: capacity)
    guard !bytes.contains(0) else { throw .field(name) }
    return bytes.isEmpty ? nil : DeviceText(bytes: Array(bytes))
  }

  /// Ends the record: nothing may be left.
  func end() throws(Refusal) {
    guard position == bytes.count else { throw .length }
  }

  private mutating func take(_ count: Int) throws(Refusal) -> ArraySlice<UInt8> {
    guard count <= bytes.count - position else { throw .length }
    defer { position += count }
    return bytes[position..<position + count]
  }
}
