/// A value that JSON holds as one string.
public protocol TextCodable: Codable {
  /// Reads the string; nil where it is none of these.
  init?(coded text: String)
  /// The string.
  var codedText: String { get }
}

extension TextCodable {
  /// Reads the string.
  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let value = Self(coded: text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "no \(Self.self): \(text)"))
    }
    self = value
  }

  /// Writes the string.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(codedText)
  }
}
