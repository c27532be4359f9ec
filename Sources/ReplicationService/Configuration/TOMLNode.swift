import CTOML

/// A value of a TOML document.
@safe struct TOMLNode {
  /// What it is, as messages call it.
  enum Kind: String {
    case table
    case array
    case string
    case integer
    case float
    case boolean
    case date
    case time
    case dateTime = "date-time"

    /// With its article.
    var title: String { self == .array || self == .integer ? "an \(rawValue)" : "a \(rawValue)" }
  }

  /// Where and why a text is no TOML.
  struct Fault: Error {
    /// From 1.
    let line: UInt32
    /// From 1.
    let column: UInt32
    let reason: String
  }

  /// Keeps what the pointer leads to.
  private let document: Document
  private let node: OpaquePointer

  /// The table of a whole document.
  init(parsing text: String) throws(Fault) {
    document = try Document(text)
    unsafe node = document.root
  }

  private init(_ document: Document, _ node: OpaquePointer) {
    self.document = document
    unsafe self.node = node
  }

  var kind: Kind {
    switch unsafe ct_kind_of(node) {
    case ct_table: .table
    case ct_array: .array
    case ct_string: .string
    case ct_integer: .integer
    case ct_float: .float
    case ct_boolean: .boolean
    case ct_date: .date
    case ct_time: .time
    default: .dateTime
    }
  }

  /// The line on which it begins, from 1.
  var line: UInt32 { unsafe ct_line(node) }

  /// A table's value; nil where it has no such key, or is no table.
  subscript(key: String) -> TOMLNode? {
    var key = key
    let found = key.withUTF8 { bytes in
      unsafe bytes.withMemoryRebound(to: CChar.self) { unsafe ct_value(node, $0.baseAddress, $0.count) }
    }
    return unsafe found.map { unsafe TOMLNode(document, $0) }
  }

  private var count: Int { unsafe ct_count(node) }

  /// A table's keys, sorted.
  var keys: [String] {
    guard kind == .table else { return [] }
    return (0..<count).map { index in
      var length = 0
      let start = unsafe ct_key(node, index, &length)
      return unsafe Self.text(start, length)
    }.sorted()
  }

  /// An array's elements.
  var elements: [TOMLNode] {
    guard kind == .array else { return [] }
    return (0..<count).compactMap { index in
      let element = unsafe ct_element(node, index)
      return unsafe element.map { unsafe TOMLNode(document, $0) }
    }
  }

  var string: String? {
    guard kind == .string else { return nil }
    var length = 0
    let start = unsafe ct_text(node, &length)
    return unsafe Self.text(start, length)
  }

  var integer: Int64? { kind == .integer ? unsafe ct_number(node) : nil }

  var boolean: Bool? { kind == .boolean ? unsafe ct_truth(node) != 0 : nil }

  private static func text(_ start: UnsafePointer<CChar>?, _ length: Int) -> String {
    guard let start = unsafe start else { return "" }
    let bytes = unsafe UnsafeRawBufferPointer(start: start, count: length)
    return unsafe String(decoding: bytes, as: UTF8.self)
  }
}

/// Owns what toml++ has made of a text.
@safe private final class Document {
  private let document: OpaquePointer

  init(_ text: String) throws(TOMLNode.Fault) {
    var (text, fault) = (text, ct_fault())
    let made = text.withUTF8 { bytes in
      unsafe bytes.withMemoryRebound(to: CChar.self) { unsafe ct_parse($0.baseAddress, $0.count, &fault) }
    }
    guard let made = unsafe made else {
      let reason = unsafe withUnsafeBytes(of: fault.reason) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      throw TOMLNode.Fault(line: fault.line, column: fault.column, reason: reason)
    }
    unsafe document = made
  }

  deinit { unsafe ct_free(document) }

  var root: OpaquePointer {
    guard let root = unsafe ct_root(document) else { preconditionFailure("a document has a table") }
    return unsafe root
  }
}
