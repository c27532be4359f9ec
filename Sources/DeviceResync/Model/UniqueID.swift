/// A UUID: of a run, of a relationship, of a file system (RFC 9562).
public struct UniqueID: Sendable, Hashable {
  /// Its 128 bits, the text's first digit highest.
  public let bits: UInt128

  /// Takes the bits as they are.
  public init(_ bits: UInt128) { self.bits = bits }

  /// A new one, at random (version 4).
  public static func random() -> UniqueID {
    // The kernel's random numbers (getrandom(2)).
    var bits = UInt128.random(in: .min ... .max)
    bits = bits & ~(0xf << 76) | 4 << 76
    bits = bits & ~(0x3 << 62) | 2 << 62
    return UniqueID(bits)
  }

  /// Reads 36 characters, digits in lower case; nil for anything else.
  public init?(_ text: some StringProtocol) {
    guard text.utf8.count == 36 else { return nil }
    var bits: UInt128 = 0
    for (place, character) in text.utf8.enumerated() {
      if Self.dashes.contains(place) {
        guard character == UInt8(ascii: "-") else { return nil }
      } else {
        let digit: UInt8
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = character - UInt8(ascii: "a") + 10
        default: return nil
        }
        bits = bits << 4 | UInt128(digit)
      }
    }
    self.bits = bits
  }

  private static let dashes: Set<Int> = [8, 13, 18, 23]
}

extension UniqueID: CustomStringConvertible {
  /// `8-4-4-4-12` digits.
  public var description: String {
    var text = ""
    for place in 0..<32 {
      if [8, 12, 16, 20].contains(place) { text += "-" }
      text += String(UInt8(truncatingIfNeeded: bits >> (124 - 4 * UInt128(place))) & 0xf, radix: 16)
    }
    return text
  }
}

extension UniqueID: TextCodable {
  /// Reads the UUID.
  public init?(coded text: String) { self.init(text) }
  /// The UUID.
  public var codedText: String { description }
}
