public import DeviceResync

/// A point in time as people read and write it: in this host's local time.
public struct Moment: Sendable, Equatable {
  /// Microseconds since 1970-01-01, midnight UTC.
  public let microseconds: Int64
  /// How far local time is ahead of UTC at a moment, both in seconds.
  private let offset: @Sendable (Int64) -> Int64

  /// Takes a point in time.
  public init(_ microseconds: Int64, offset: @escaping @Sendable (Int64) -> Int64 = localOffset) {
    self.microseconds = microseconds
    self.offset = offset
  }

  /// Whether they are the same point in time.
  public static func == (one: Moment, other: Moment) -> Bool { one.microseconds == other.microseconds }

  /// Reads `02:00` and `02:00:30` (the next time the clock shows it), `2026-11-25 02:00`, `+30m`.
  ///
  /// - Parameter now: microseconds since 1970-01-01, midnight UTC.
  /// - Throws: 32773 for anything else, and for a time that a change of the clocks skips or shows twice.
  public init(
    parsing text: String, now: Int64, offset: @escaping @Sendable (Int64) -> Int64 = localOffset
  ) throws(ResyncError) {
    self.offset = offset
    if text.hasPrefix("+"), let span = TimeSpan(parsing: String(text.dropFirst())) {
      microseconds = now + Int64((span.seconds * 1_000_000).rounded())
      return
    }
    let second = now.divided(by: 1_000_000).quotient
    let today = (second + offset(second)).divided(by: 86400).quotient
    guard let (day, time) = Self.fields(text) else {
      throw Self.error(text, "it is none", "write 02:00, \"2026-11-25 02:00\" or +30m")
    }
    // Tomorrow, where the clock has shown it today.
    for day in day.map({ [$0] }) ?? [today, today + 1] {
      let local = day * 86400 + time
      let found = Set([local - 86400, local + 86400].map { local - offset($0) }).filter {
        offset($0) == local - $0
      }
      guard day != today || found.contains(where: { $0 > second }) || found.isEmpty else { continue }
      switch found.count {
      case 1: microseconds = (found.first ?? 0) * 1_000_000
      case 0: throw Self.error(text, "that day the clocks skip it", "name another one")
      default:
        let times = found.sorted().map {
          CIMDateTime.text(timestamp: $0 * 1_000_000, minutesEast: offset($0) / 60)
        }
        throw Self.error(
          text, "that day the clocks show it twice",
          "say which: --start-time \(times.joined(separator: " or --start-time "))")
      }
      return
    }
    throw Self.error(text, "it is past", "name a time from now on")
  }

  private static func error(_ text: String, _ reason: String, _ remedy: String) -> ResyncError {
    ResyncError(.invalidParameter, "take the time", on: text, reason: reason, remedy: remedy)
  }

  /// The day, counted from 1970-01-01, where one is named, and the second of the day; nil for anything else.
  private static func fields(_ text: String) -> (day: Int64?, time: Int64)? {
    let parts = text.split(separator: text.contains("T") ? "T" : " ", omittingEmptySubsequences: false)
    guard let last = parts.last, parts.count <= 2 else { return nil }
    let clock = numbers(last, separator: ":", widths: [2, 2, 2])
    guard clock.count >= 2, clock[0] < 24, clock.dropFirst().allSatisfy({ $0 < 60 }) else { return nil }
    let time = clock[0] * 3600 + clock[1] * 60 + (clock.count > 2 ? clock[2] : 0)
    guard parts.count == 2 else { return (nil, time) }
    let date = numbers(parts[0], separator: "-", widths: [4, 2, 2])
    guard date.count == 3, (1...12).contains(date[1]),
      (1...lastDay(of: date[1], in: date[0])).contains(date[2])
    else { return nil }
    return (days(year: date[0], month: date[1], day: date[2]), time)
  }

  /// The numbers between separators; none where one is no number of so many ASCII digits.
  private static func numbers(_ text: Substring, separator: Character, widths: [Int]) -> [Int64] {
    let parts = text.split(separator: separator, omittingEmptySubsequences: false)
    guard parts.count <= widths.count,
      zip(parts, widths).allSatisfy({ part, width in
        part.utf8.count == width && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
      })
    else { return [] }
    return parts.compactMap { Int64($0) }
  }
}

extension Moment {
  private var second: Int64 { microseconds.divided(by: 1_000_000).quotient }

  /// As a CIM datetime in local time.
  public var cimDateTime: String {
    CIMDateTime.text(timestamp: microseconds, minutesEast: offset(second) / 60)
  }

  /// `Wed 2026-11-25 02:00:00`, in local time.
  public var localText: String {
    let local = second + offset(second)
    let (day, time) = local.divided(by: 86400)
    let date = civil(day: day)
    let clock = [time / 3600, time / 60 % 60, time % 60].map(Self.twoDigits).joined(separator: ":")
    return "\(Self.weekdays[Int((day + 3).divided(by: 7).rest)]) \(date.year)-\(Self.twoDigits(date.month))-"
      + "\(Self.twoDigits(date.day)) \(clock)"
  }

  private static let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]

  private static func twoDigits(_ number: Int64) -> String { (number < 10 ? "0" : "") + "\(number)" }

  /// All of it: `20261125020000.000000+060, Wed 2026-11-25 02:00:00, in 5 h 3 min`.
  public func text(now: Int64) -> String {
    let distance = seconds(Double(abs(microseconds - now)) / 1_000_000)
    return "\(cimDateTime), \(localText), \(microseconds >= now ? "in \(distance)" : "\(distance) ago")"
  }
}
