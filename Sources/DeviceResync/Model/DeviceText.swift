/// Text as it lies on a device: a label, a UUID, a partition's name.
///
/// It may hold any byte. What it prints as is escaped, so that it can stand in a message as it is (PITFALLS F4).
public struct DeviceText: Sendable, Hashable {
  /// The bytes, which should be UTF-8.
  public let bytes: [UInt8]

  /// Takes the bytes as they are.
  public init(bytes: [UInt8]) { self.bytes = bytes }

  /// The text itself, for an encoder and not for a terminal; bytes that are not UTF-8 become U+FFFD.
  public var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension DeviceText: CustomStringConvertible {
  /// Made safe to print.
  public var description: String { PrintableText(bytes: bytes).description }
}

extension DeviceText: ExpressibleByStringLiteral {
  /// Takes the literal's UTF-8.
  public init(stringLiteral text: String) { self.init(bytes: Array(text.utf8)) }
}

extension DeviceText: Codable {
  /// Reads a string.
  public init(from decoder: any Decoder) throws {
    self.init(bytes: Array(try decoder.singleValueContainer().decode(String.self).utf8))
  }

  /// Writes ``text``.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}
