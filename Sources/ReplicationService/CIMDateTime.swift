/// A CIM datetime: a point in time or a span, of which fields may be unknown (DMTF DSP0004, 5.2.4).
///
/// It is exactly 25 bytes of ASCII:
///
///     yyyymmddHHMMSS.mmmmmm+UUU   local time, and how many minutes it is east (+) or west (-) of UTC
///     ddddddddHHMMSS.mmmmmm:000   days, hours, minutes and seconds
///
/// Asterisks stand for what is not known: for whole fields from the least significant on, and for single digits of the
/// microseconds.
public enum CIMDateTime: Sendable, Hashable {
  /// A point in time, in microseconds since 1970-01-01, midnight UTC; nil where a field is unknown.
  case timestamp(microseconds: Int64?)
  /// A span, in microseconds; nil where a field is unknown.
  case interval(microseconds: Int64?)

  /// Reads the bytes of `text`; nil where they are no CIM datetime.
  public init?(parsing text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count == 25, bytes[14] == UInt8(ascii: ".") else { return nil }
    switch bytes[21] {
    case UInt8(ascii: ":"):
      guard bytes[22...].elementsEqual("000".utf8) else { return nil }
      guard let fields = Fields(bytes, widths: [8, 2, 2, 2]), fields.isTime(from: 1) else { return nil }
      self = .interval(microseconds: fields.microseconds { $0[0] * 86400 })
    case UInt8(ascii: "+"), UInt8(ascii: "-"):
      guard let offset = Fields.number(bytes[22...]) else { return nil }
      guard let fields = Fields(bytes, widths: [4, 2, 2, 2, 2, 2]), fields.isDate, fields.isTime(from: 3)
      else {
        return nil
      }
      let east = bytes[21] == UInt8(ascii: "+") ? offset : -offset
      self = .timestamp(
        microseconds: fields.microseconds { days(year: $0[0], month: $0[1], day: $0[2]) * 86400 - east * 60 })
    default: return nil
    }
  }
}

extension CIMDateTime {
  /// A point in time as text, in a local time so many minutes east of UTC.
  ///
  /// - Parameter microseconds: since 1970-01-01, midnight UTC; outside the years 0 to 9999 the nearest one in them.
  public static func text(timestamp microseconds: Int64, minutesEast: Int64 = 0) -> String {
    let first = days(year: 0, month: 1, day: 1) * 86_400_000_000
    let last = days(year: 10000, month: 1, day: 1) * 86_400_000_000 - 1
    let local = min(
      max(microseconds.addingReportingOverflow(minutesEast * 60_000_000).partialValue, first), last)
    let (day, time) = local.divided(by: 86_400_000_000)
    let date = civil(day: day)
    let sign = minutesEast < 0 ? "-" : "+"
    return digits(date.year, 4) + digits(date.month, 2) + digits(date.day, 2) + clock(time) + sign
      + digits(abs(minutesEast), 3)
  }

  /// A span as text.
  ///
  /// - Parameter microseconds: not negative; more than eight digits of days become these.
  public static func text(interval microseconds: Int64) -> String {
    let (day, time) = max(0, microseconds).divided(by: 86_400_000_000)
    return digits(min(day, 99_999_999), 8) + clock(time) + ":000"
  }

  /// The time of a day, as `HHMMSS.mmmmmm`.
  private static func clock(_ microseconds: Int64) -> String {
    let seconds = microseconds / 1_000_000
    return digits(seconds / 3600, 2) + digits(seconds / 60 % 60, 2) + digits(seconds % 60, 2) + "."
      + digits(microseconds % 1_000_000, 6)
  }

  private static func digits(_ number: Int64, _ width: Int) -> String {
    let text = "\(number)"
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }
}

extension Int64 {
  /// The quotient that is rounded down, and what is left, which is not negative.
  func divided(by divisor: Int64) -> (quotient: Int64, rest: Int64) {
    let (quotient, rest) = quotientAndRemainder(dividingBy: divisor)
    return rest < 0 ? (quotient - 1, rest + divisor) : (quotient, rest)
  }
}

/// The fields before the 22nd byte.
private struct Fields {
  /// From the most significant on; nil where one is unknown.
  let values: [Int64?]
  /// Nil where one of its digits is unknown.
  let fraction: Int64?

  init?(_ bytes: [UInt8], widths: [Int]) {
    let digits = bytes[15..<21]
    let known = digits.prefix { $0 != Self.unknown }
    guard known.isEmpty || Self.number(known) != nil,
      digits.dropFirst(known.count).allSatisfy({ $0 == Self.unknown })
    else { return nil }
    fraction = known.count == digits.count ? Self.number(known) : nil
    var values: [Int64?] = []
    var end = 14
    // What is less significant than a known field is known, but for the microseconds.
    var mayBeUnknown = known.isEmpty
    for width in widths.reversed() {
      let field = bytes[end - width..<end]
      end -= width
      let isUnknown = field.allSatisfy { $0 == Self.unknown }
      guard isUnknown ? mayBeUnknown : Self.number(field) != nil else { return nil }
      if !isUnknown { mayBeUnknown = false }
      values.insert(isUnknown ? nil : Self.number(field), at: 0)
    }
    self.values = values
  }

  private static let unknown = UInt8(ascii: "*")

  /// The number that ASCII digits say, and nothing else: no sign, no digit of another script.
  static func number(_ bytes: ArraySlice<UInt8>) -> Int64? {
    var number: Int64 = 0
    for byte in bytes {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      number = number * 10 + Int64(byte - UInt8(ascii: "0"))
    }
    return number
  }

  /// Whether month and day are there are, as far as they are known.
  var isDate: Bool {
    guard values[1].map({ (1...12).contains($0) }) ?? true else { return false }
    guard let day = values[2] else { return true }
    // A day is known only where year and month are.
    guard let year = values[0], let month = values[1] else { return false }
    return (1...lastDay(of: month, in: year)).contains(day)
  }

  /// Whether hour, minute and second are those of a day, as far as they are known.
  func isTime(from hour: Int) -> Bool {
    zip(values[hour...], [23, 59, 59] as [Int64]).allSatisfy { value, last in value.map { $0 <= last } ?? true
    }
  }

  /// All of it in microseconds; nil where a field is unknown.
  ///
  /// - Parameter seconds: what the fields before the hour come to.
  func microseconds(_ seconds: ([Int64]) -> Int64) -> Int64? {
    let known = values.compactMap { $0 }
    guard known.count == values.count, let fraction else { return nil }
    let time = known.suffix(3).reduce(0) { $0 * 60 + $1 }
    return (seconds(known) + time) * 1_000_000 + fraction
  }
}

/// The last day of a month of the Gregorian calendar.
func lastDay(of month: Int64, in year: Int64) -> Int64 {
  switch month {
  case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
  case 4, 6, 9, 11: 30
  default: 31
  }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar.
func days(year: Int64, month: Int64, day: Int64) -> Int64 {
  // Years that begin in March, so that the leap day is the last one.
  let year = month > 2 ? year : year - 1
  let months = (month + 9) % 12
  // Also of the year before the year 0.
  let leaps = [4, -100, 400].reduce(0) { $0 + year.divided(by: abs($1)).quotient * $1.signum() }
  return year * 365 + leaps + (153 * months + 2) / 5 + day - 1 - 719_468
}

/// The day of the Gregorian calendar that is so many days after 1970-01-01; not before the year 0.
func civil(day: Int64) -> (year: Int64, month: Int64, day: Int64) {
  // From the first of March of the year 0 on, in 400 years that all have the same number of days.
  let (era, inEra) = (day + 719_468).divided(by: 146_097)
  let year = (inEra - inEra / 1460 + inEra / 36_524 - inEra / 146_096) / 365
  let inYear = inEra - (365 * year + year / 4 - year / 100)
  let month = (5 * inYear + 2) / 153
  let civilMonth = month < 10 ? month + 3 : month - 9
  return (
    era * 400 + year + (civilMonth <= 2 ? 1 : 0), civilMonth, inYear - (153 * month + 2) / 5 + 1
  )
}
