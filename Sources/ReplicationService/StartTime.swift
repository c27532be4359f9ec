public import DeviceResync

/// When a resynchronization is to begin: the method's `StartTime`.
public enum StartTime: Sendable, Hashable {
  /// At once.
  case now
  /// At a point in time, in microseconds since 1970-01-01, midnight UTC.
  case at(microseconds: Int64)

  /// How far ahead it may lie, in microseconds: seven days.
  public static let farthest: Int64 = 7 * 86400 * 1_000_000

  /// Reads a CIM datetime.
  ///
  /// - Parameters:
  ///   - text: empty for at once, as is a span of nothing.
  ///   - now: microseconds since 1970-01-01, midnight UTC.
  /// - Throws: 32776 where it is no CIM datetime; 32773 where it is no point in time, past, or too far ahead.
  public init(parsing text: String, now: Int64) throws(ResyncError) {
    if text.isEmpty {
      self = .now
      return
    }
    switch CIMDateTime(parsing: text) {
    case .timestamp(let time?): self = try Self.at(time, now, text)
    case .interval(0): self = .now
    case .interval(let span?): self = try Self.at(now + span, now, text)
    case .timestamp(nil), .interval(nil):
      throw Self.error(text, "it has unknown fields, and so is no point in time")
    case nil:
      throw ResyncError(
        .incorrectDataType, "take the start time", on: text,
        reason: "it is no CIM datetime of 25 characters",
        remedy: "write it like 20261124020000.000000+060, or as a span: 00000000003000.000000:000")
    }
  }

  private static func at(_ time: Int64, _ now: Int64, _ text: String) throws(ResyncError) -> StartTime {
    if time < now { throw error(text, "it is past") }
    if time - now > farthest { throw error(text, "it is more than seven days ahead") }
    return .at(microseconds: time)
  }

  private static func error(_ text: String, _ reason: String) -> ResyncError {
    ResyncError(
      .invalidParameter, "take the start time", on: text, reason: reason,
      remedy: "name a time from now on, at most seven days ahead; or none, to start at once")
  }
}
