/// A span of time on the command line: `90s`, `15 min`, `1.5 h`.
public struct TimeSpan: Sendable, Hashable, Codable {
  /// How long, in seconds; more than 0.
  public let seconds: Double

  /// The longest: ten years of 365 days.
  static let longest = 10.0 * 365 * 86400

  /// Creates a span of so many seconds.
  public init(seconds: Double) { self.seconds = seconds }

  /// Reads a number and one of the units `s`, `min` or `m`, `h`, `d`; nil for anything else: no unit is no span.
  public init?(parsing text: String) {
    let trimmed = text.drop(while: { $0 == " " })
    let number = trimmed.prefix(while: { $0.isASCII && ($0.isNumber || $0 == ".") })
    let scale: Double
    switch trimmed.dropFirst(number.count).drop(while: { $0 == " " }) {
    case "s": scale = 1
    case "min", "m": scale = 60
    case "h": scale = 3600
    case "d": scale = 86400
    default: return nil
    }
    guard number.first != ".", number.last != ".", let count = Double(number) else { return nil }
    let seconds = count * scale
    guard seconds > 0, seconds <= Self.longest else { return nil }
    self.seconds = seconds
  }
}

extension TimeSpan: CustomStringConvertible {
  /// As it may be written: `5min`, `90s`.
  public var description: String {
    for (unit, name) in [(3600.0, "h"), (60.0, "min")]
    where seconds >= unit && seconds.remainder(dividingBy: unit) == 0 {
      return "\(Int64(seconds / unit))\(name)"
    }
    return seconds.rounded() == seconds ? "\(Int64(seconds))s" : "\(seconds)s"
  }
}
