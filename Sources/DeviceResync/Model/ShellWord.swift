/// A string as one word of a shell's command line, printable whatever it holds.
public struct ShellWord: CustomStringConvertible {
  /// As it is typed.
  public let description: String

  /// Quotes `word` where it needs it.
  public init(_ word: String) {
    if !word.isEmpty && word.unicodeScalars.allSatisfy(Self.isPlain) {
      description = word
    } else if word.unicodeScalars.allSatisfy(Self.isPrintable) {
      // Between single quotes nothing is special but the quote (sh(1)).
      let parts = word.split(separator: "'", omittingEmptySubsequences: false)
      description = "'" + parts.joined(separator: #"'\''"#) + "'"
    } else {
      // Bash's and POSIX 2024's $'…', byte by byte; three octal digits, so that no digit behind joins in.
      description = "$'" + word.utf8.map(Self.escape).joined() + "'"
    }
  }

  private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z", "0"..."9", "/", ".", "_", "-", "+", ",", ":", "@", "%": true
    default: false
    }
  }

  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    let text = String(scalar)
    return scalar == "\\" || PrintableText(text).description == text
  }

  private static func escape(_ byte: UInt8) -> String {
    switch byte {
    case UInt8(ascii: "'"), UInt8(ascii: "\\"): "\\" + String(UnicodeScalar(byte))
    case 0x20...0x7e: String(UnicodeScalar(byte))
    default: "\\" + String(byte >> 6) + String(byte >> 3 & 7) + String(byte & 7)
    }
  }
}
