/// A number of bytes, in the binary units that sizes take and print.
public struct ByteCount: Sendable, Hashable {
  /// How many bytes.
  public let bytes: UInt64

  /// Creates a count.
  public init(_ bytes: UInt64) { self.bytes = bytes }

  private static let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]

  /// Reads `4096`, `64K`, `64KiB`, `1.5 GiB`; nil for anything else, also for what overflows.
  ///
  /// Units are binary with and without the `iB`; a fraction must come out in whole bytes.
  public init?(parsing text: String) {
    let trimmed = text.drop(while: { $0 == " " })
    let number = trimmed.prefix(while: { $0.isASCII && ($0.isNumber || $0 == ".") })
    let unit = trimmed.dropFirst(number.count).drop(while: { $0 == " " }).lowercased()
    guard let exponent = Self.exponent(of: unit) else { return nil }
    let parts = number.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let whole = UInt64(parts[0]) else { return nil }
    var total = whole.multipliedReportingOverflow(by: 1 << (10 * exponent))
    guard !total.overflow else { return nil }
    if parts.count == 2 {
      // At most six digits, so that the product below fits in 64 bits up to PiB.
      guard let digits = UInt64(parts[1]), parts[1].count <= 4, exponent > 0, exponent < 6 else { return nil }
      var scale: UInt64 = 1
      for _ in parts[1] { scale *= 10 }
      let (fraction, rest) = (digits << (10 * exponent)).quotientAndRemainder(dividingBy: scale)
      guard rest == 0 else { return nil }
      total = total.partialValue.addingReportingOverflow(fraction)
      guard !total.overflow else { return nil }
    }
    bytes = total.partialValue
  }

  private static func exponent(of unit: String) -> UInt64? {
    switch unit {
    case "", "b": 0
    case "k", "kib": 1
    case "m", "mib": 2
    case "g", "gib": 3
    case "t", "tib": 4
    case "p", "pib": 5
    default: nil
    }
  }
}

extension ByteCount: CustomStringConvertible {
  /// `0 B`, `512 B`, `1.5 KiB`, `64 GiB`: with one decimal below 100, exact where it has none.
  public var description: String {
    var unit = 0
    var divisor: UInt64 = 1
    while unit < Self.units.count - 1, bytes / divisor >= 1024 {
      unit += 1
      divisor <<= 10
    }
    let (whole, rest) = bytes.quotientAndRemainder(dividingBy: divisor)
    guard rest != 0 else { return "\(whole) \(Self.units[unit])" }
    let fraction = Double(rest) / Double(divisor)
    if whole == 1023, fraction >= 0.5, unit < Self.units.count - 1 { return "1.0 \(Self.units[unit + 1])" }
    if whole >= 100 { return "\(whole + (fraction >= 0.5 ? 1 : 0)) \(Self.units[unit])" }
    let tenths = Int((fraction * 10).rounded())
    return tenths == 10 ? "\(whole + 1).0 \(Self.units[unit])" : "\(whole).\(tenths) \(Self.units[unit])"
  }
}
