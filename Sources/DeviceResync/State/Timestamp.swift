import FoundationEssentials

/// A point in time, in whole seconds.
public struct Timestamp: Sendable, Hashable {
  /// Since 1970-01-01, midnight UTC.
  public let seconds: Int64

  /// Creates a point in time; nil before 1970 and after 9999.
  public init?(seconds: Int64) {
    guard Self.range.contains(seconds) else { return nil }
    self.seconds = seconds
  }

  /// By the host's clock, which somebody may have set wrong: it orders nothing that safety rests on.
  static func now() -> Timestamp {
    let seconds = min(max(secondsSinceEpoch(), range.lowerBound), range.upperBound)
    return Timestamp(seconds: seconds) ?? Timestamp()
  }

  private init() { seconds = 0 }

  /// 9999-12-31T23:59:59Z is the last that four digits of a year can name.
  private static let range: ClosedRange<Int64> = 0...253_402_300_799
}

extension Timestamp: Comparable {
  /// Whether `one` is earlier.
  public static func < (one: Timestamp, other: Timestamp) -> Bool { one.seconds < other.seconds }
}

extension Timestamp: CustomStringConvertible {
  /// `2026-11-24T02:00:00Z` (ISO 8601, UTC).
  public var description: String { Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601) }
}

extension Timestamp: TextCodable {
  /// Reads the text in the one form that is written.
  public init?(coded text: String) {
    guard text.utf8.count == 20, let date = try? Date(text, strategy: .iso8601),
      let seconds = Int64(exactly: date.timeIntervalSince1970), let time = Timestamp(seconds: seconds),
      time.description == text
    else { return nil }
    self = time
  }

  /// The text.
  public var codedText: String { description }
}
