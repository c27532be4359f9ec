import FoundationEssentials

/// A value that is kept as a record.
protocol StoredRecord: Codable, Sendable {
  /// What makes no sense in it, as a sentence without a full stop; nil where all does.
  func fault(as name: RecordName) -> String?
}

extension KeyedDecodingContainer {
  /// Reads 128 bits, which are written as 32 hexadecimal digits.
  func decodeHash(forKey key: Key) throws -> UInt128 {
    guard let hash = UInt128(hexadecimal: try decode(String.self, forKey: key)) else {
      throw DecodingError.dataCorruptedError(
        forKey: key, in: self, debugDescription: "no 32 hexadecimal digits")
    }
    return hash
  }
}

/// How records are written: one JSON object, with its version.
package enum RecordFormat {
  /// The version that is read and written.
  package static let version = 1

  /// Most bytes of a path (`PATH_MAX`, <linux/limits.h>).
  private static let longestPath = 4096

  /// Whether it can be one.
  static func isPath(_ text: String) -> Bool {
    (1..<longestPath).contains(text.utf8.count) && !text.utf8.contains(0)
  }

  /// The record's bytes.
  package static func encode(_ record: some Encodable) throws(ResyncError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      return Array(try encoder.encode(record)) + [UInt8(ascii: "\n")]
    } catch {
      throw ResyncError(.incomplete, "write a record of the state", reason: "\(error)")
    }
  }

  /// Reads a record as what anybody may have put there.
  ///
  /// - Throws: for another version, for what is no such record, and for what contradicts itself.
  static func decode<Record: StoredRecord>(
    _ bytes: [UInt8], as name: RecordName
  ) throws(RecordFault) -> Record {
    try decode(bytes) { $0.fault(as: name) }
  }

  /// The same for any record.
  ///
  /// - Parameter fault: what makes no sense in it, as a sentence without a full stop; nil where all does.
  package static func decode<Record: Decodable>(
    _ bytes: [UInt8], fault: (Record) -> String?
  ) throws(RecordFault) -> Record {
    let data = Data(bytes)
    let decoder = JSONDecoder()
    guard let version = try? decoder.decode(Version.self, from: data) else {
      throw .damaged("it is no record")
    }
    guard version.formatVersion == Self.version else { throw .unknownVersion(version.formatVersion) }
    let record: Record
    do {
      record = try decoder.decode(Record.self, from: data)
    } catch let error as DecodingError {
      throw .damaged(error.place)
    } catch {
      throw .damaged("it is no record")
    }
    if let fault = fault(record) { throw .damaged(fault) }
    return record
  }

  private struct Version: Decodable {
    let formatVersion: Int

    enum CodingKeys: String, CodingKey {
      case formatVersion = "FormatVersion"
    }
  }
}

/// Why a record is not to be used; nothing is ever written over such a one.
package enum RecordFault: Error, Equatable {
  /// It does not fit what a record holds.
  case damaged(String)
  /// Another version of vmresync made it.
  case unknownVersion(Int)
  /// It has more than so many bytes.
  case tooLong(Int)

  /// The refusal: 32775, and nothing is changed.
  func error(on title: String) -> ResyncError { error(on: title, wayOut: Self.wayOut(title)) }

  /// The same, with another way out.
  package func error(on title: String, wayOut: String) -> ResyncError {
    switch self {
    case .damaged(let reason): refusal(title, reason, wayOut)
    case .tooLong(let limit):
      refusal(title, "it is longer than \(ByteCount(UInt64(limit)))", wayOut)
    case .unknownVersion(let version):
      refusal(
        title, "it has FormatVersion \(version): made by a newer vmresync",
        "run that one, or install it here; see: vmresync --version")
    }
  }

  private func refusal(_ title: String, _ reason: String, _ remedy: String) -> ResyncError {
    ResyncError(.invalidState, "use the record", on: title, reason: reason, remedy: remedy)
  }

  /// Without the record it is unknown whether a commit was left unfinished.
  private static func wayOut(_ title: String) -> String {
    "keep its recoveries from use; move it away: mv \(ShellWord(title)) /root/; then run again, to the end"
  }
}

extension DecodingError {
  /// Where it failed, without the bytes that were there.
  fileprivate var place: String {
    let context: Context
    switch self {
    case .typeMismatch(_, let found), .valueNotFound(_, let found), .dataCorrupted(let found):
      context = found
    case .keyNotFound(let key, let found):
      return
        "'\((found.codingPath.map(\.stringValue) + [key.stringValue]).joined(separator: "."))' is missing"
    @unknown default: return "it is no record"
    }
    let path = context.codingPath.map(\.stringValue).joined(separator: ".")
    return path.isEmpty ? "it is no record" : "'\(path)' makes no sense"
  }
}
