import FoundationEssentials

/// Decoded JSON of any form; what is not there is `missing`.
enum JSONValue: Decodable, Equatable, Sendable {
  case missing
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  /// Decodes exactly one value.
  init(parsing text: String) throws {
    self = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
  }

  subscript(key: String) -> JSONValue {
    if case .object(let members) = self { return members[key] ?? .missing }
    return .missing
  }

  subscript(index: Int) -> JSONValue {
    let elements = array
    return elements.indices.contains(index) ? elements[index] : .missing
  }

  /// The elements; none where it is no array.
  var array: [JSONValue] {
    if case .array(let elements) = self { return elements }
    return []
  }

  /// The number; nil where it is none.
  var int: Int? {
    if case .number(let value) = self { return Int(exactly: value) }
    return nil
  }

  /// The text; nil where it is none.
  var text: String? {
    if case .string(let value) = self { return value }
    return nil
  }

  /// The truth; nil where it is none.
  var bool: Bool? {
    if case .bool(let value) = self { return value }
    return nil
  }
}
