/// Text that came from a device, a guest or another user, made safe to print.
///
/// Control characters (C0, DEL, C1), line and paragraph separators, bidirectional controls and characters
/// without width become `\u{…}`, a backslash `\\`, so that no label can move a terminal's cursor or forge a
/// line (PITFALLS F4).
public struct PrintableText: Sendable, Hashable, CustomStringConvertible {
  /// The escaped text.
  public let description: String

  /// Escapes `text`.
  public init(_ text: String) {
    var escaped = ""
    for scalar in text.unicodeScalars { Self.append(scalar, to: &escaped) }
    description = escaped
  }

  /// Escapes bytes that should be UTF-8; each byte that is not becomes `\x..`.
  public init(bytes: some Sequence<UInt8>) {
    var escaped = ""
    var rest = Array(bytes)[...]
    while let first = rest.first {
      // The longest valid scalar at the front, if any: one to four bytes.
      if let scalar = Self.firstScalar(of: rest) {
        Self.append(scalar, to: &escaped)
        rest = rest.dropFirst(UTF8.width(scalar))
      } else {
        let digits = String(first, radix: 16)
        escaped += "\\x" + (digits.count == 1 ? "0" : "") + digits
        rest = rest.dropFirst()
      }
    }
    description = escaped
  }

  private static func firstScalar(of bytes: ArraySlice<UInt8>) -> Unicode.Scalar? {
    var decoder = UTF8()
    var iterator = bytes.prefix(4).makeIterator()
    if case .scalarValue(let scalar) = decoder.decode(&iterator) { return scalar }
    return nil
  }

  private static func append(_ scalar: Unicode.Scalar, to text: inout String) {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
      text += "\\u{" + String(scalar.value, radix: 16) + "}"
    // Letters and marks that show nothing, such as Hangul fillers and variation selectors.
    case _ where scalar.properties.isDefaultIgnorableCodePoint:
      text += "\\u{" + String(scalar.value, radix: 16) + "}"
    default:
      if scalar == "\\" { text += "\\\\" } else { text.unicodeScalars.append(scalar) }
    }
  }
}
