import DeviceResync
import SystemPackage

/// A table of a configuration file, which says of each value where it stands, and whether every key was asked for.
final class ConfigurationTable {
  private let table: TOMLNode
  private let file: FilePath
  /// What leads to it, such as `relationship[2].`; empty at the top.
  private let place: String
  private var asked: Set<String> = []

  private init(_ table: TOMLNode, _ file: FilePath, _ place: String) {
    self.table = table
    self.file = file
    self.place = place
  }

  /// Reads a file's text.
  ///
  /// - Throws: 32776 with line and column where it is no TOML.
  convenience init(_ source: TrustedText) throws(ResyncError) {
    let table: TOMLNode
    do throws(TOMLNode.Fault) {
      table = try TOMLNode(parsing: source.text)
    } catch {
      throw ResyncError(
        .incorrectDataType, "read", on: "\(source.path):\(error.line):\(error.column)",
        reason: "\(PrintableText(error.reason))", remedy: "see https://toml.io")
    }
    self.init(table, source.path, "")
  }

  /// Where `key` stands, for people: its line too, where it is there.
  func title(_ key: String) -> String {
    let line = table[key].map { ":\($0.line)" } ?? ""
    return "\(file)\(line): \(place)\(PrintableText(key))"
  }

  /// An error at `key`.
  func fault(
    _ key: String, _ reason: String, cause: ResyncError.Cause = .invalidParameter, remedy: String? = nil
  ) -> ResyncError {
    ResyncError(cause, "use", on: title(key), reason: reason, remedy: remedy)
  }

  private func value(_ key: String, _ kind: TOMLNode.Kind) throws(ResyncError) -> TOMLNode? {
    asked.insert(key)
    guard let value = table[key] else { return nil }
    guard value.kind == kind else {
      throw fault(key, "it is \(value.kind.title), and must be \(kind.title)", cause: .incorrectDataType)
    }
    return value
  }

  /// A string of at least one character, without what cannot be printed.
  func string(_ key: String) throws(ResyncError) -> String? {
    guard let text = try value(key, .string)?.string else { return nil }
    guard !text.isEmpty, text.utf8.count <= 4096, PrintableText(text).description == text else {
      throw fault(key, "it is empty, too long, or holds what cannot be printed")
    }
    return text
  }

  /// A string that must be there.
  func required(_ key: String) throws(ResyncError) -> String {
    guard let text = try string(key) else { throw fault(key, "it is missing") }
    return text
  }

  func bool(_ key: String) throws(ResyncError) -> Bool? { try value(key, .boolean)?.boolean }

  func integer(_ key: String) throws(ResyncError) -> Int64? { try value(key, .integer)?.integer }

  /// A string that `Value` can be made of.
  ///
  /// - Parameter wanted: what it must be, for people.
  func value<Value>(
    _ key: String, _ wanted: String, _ make: (String) -> Value?
  ) throws(ResyncError) -> Value? {
    guard let text = try string(key) else { return nil }
    guard let value = make(text) else { throw fault(key, "'\(text)' is not \(wanted)") }
    return value
  }

  /// The same of an array of strings.
  func values<Value>(
    _ key: String, _ wanted: String, _ make: (String) -> Value?
  ) throws(ResyncError) -> [Value]? {
    guard let array = try value(key, .array) else { return nil }
    var values: [Value] = []
    for element in array.elements {
      guard let text = element.string else {
        throw fault(key, "it must hold strings only", cause: .incorrectDataType)
      }
      guard let value = make(text) else { throw fault(key, "'\(PrintableText(text))' is not \(wanted)") }
      values.append(value)
    }
    return values
  }

  /// The table at `key`.
  func table(_ key: String) throws(ResyncError) -> ConfigurationTable? {
    guard let table = try value(key, .table) else { return nil }
    return ConfigurationTable(table, file, "\(place)\(key).")
  }

  /// The tables at `key`, which repeats: `[[key]]`.
  func tables(_ key: String) throws(ResyncError) -> [ConfigurationTable] {
    guard let array = try value(key, .array) else { return [] }
    var tables: [ConfigurationTable] = []
    for (index, element) in array.elements.enumerated() {
      guard element.kind == .table else {
        throw fault(key, "it must be written as [[\(key)]]", cause: .incorrectDataType)
      }
      tables.append(ConfigurationTable(element, file, "\(place)\(key)[\(index + 1)]."))
    }
    return tables
  }

  /// Fails where a key stands there that nobody has asked for.
  func checkKeys() throws(ResyncError) {
    guard let key = table.keys.first(where: { !asked.contains($0) }) else { return }
    throw fault(
      key, "there is no such key here",
      remedy: "the keys are: \(asked.sorted().joined(separator: ", "))")
  }
}
