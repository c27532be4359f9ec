import FoundationEssentials

/// Why what came over a pipe is no message.
enum WireFault: Error, Sendable, Equatable {
  /// A line that is no JSON, or not of a message.
  case garbled
  /// A line longer than any message can be.
  case tooLong
  /// A message whose numbers cannot be.
  case nonsense
}

/// Messages as lines of JSON: what worker and monitor tell each other.
enum Wire {
  /// Longest line, in bytes: a result of 128 pairs with a million ranges each, and nothing that memory cannot hold.
  static let longestLine = 1 << 30

  /// `value` as a line, with the newline at its end.
  static func line(_ value: some Encodable) -> [UInt8] {
    do {
      // A newline inside a string is escaped in JSON.
      return Array(try JSONEncoder().encode(value)) + [UInt8(ascii: "\n")]
    } catch {
      // Strings, integers and finite numbers always have a JSON form.
      preconditionFailure("a message cannot be written as JSON: \(error)")
    }
  }

  /// What a line says.
  static func value<Value: Decodable>(of line: [UInt8]) throws(WireFault) -> Value {
    do {
      return try JSONDecoder().decode(Value.self, from: Data(line))
    } catch {
      throw .garbled
    }
  }
}

/// Cuts what comes over a pipe into lines.
struct LineBuffer {
  private var bytes: [UInt8] = []
  /// Where the next line begins.
  private var start = 0
  /// What was looked at already.
  private var scanned = 0
  private let longest: Int

  init(longest: Int = Wire.longestLine) { self.longest = longest }

  /// Whether something came after the last whole line.
  var isInsideLine: Bool { start < bytes.count }

  mutating func append(_ more: [UInt8]) {
    if start > 0 {
      bytes.removeFirst(start)
      scanned -= start
      start = 0
    }
    bytes += more
  }

  /// The next whole line without its newline; nil where none is whole yet.
  mutating func next() throws(WireFault) -> [UInt8]? {
    while scanned < bytes.count {
      scanned += 1
      guard bytes[scanned - 1] == UInt8(ascii: "\n") else { continue }
      let line = Array(bytes[start..<scanned - 1])
      start = scanned
      return line
    }
    if bytes.count - start > longest { throw .tooLong }
    return nil
  }
}
