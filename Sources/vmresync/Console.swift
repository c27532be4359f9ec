import DeviceResync
import Glibc
import SystemPackage

/// The terminal: what it is, and text for people on standard error.
enum Console {
  /// Whether standard error is a terminal.
  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// Whether a person can be asked.
  static var canAsk: Bool { isatty(STDIN_FILENO) == 1 && isTerminal }

  /// Columns of the terminal that the result goes to; 80 where there is none.
  static var width: Int { columns(of: STDOUT_FILENO) ?? 80 }

  /// Columns of the terminal that progress goes to; 80 where there is none.
  static var errorWidth: Int { columns(of: STDERR_FILENO) ?? 80 }

  private static func columns(of descriptor: Int32) -> Int? {
    var size = winsize()
    // TIOCGWINSZ, <asm-generic/ioctls.h>.
    guard ioctl(descriptor, 0x5413, &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }

  /// Writes to standard error.
  ///
  /// One that is closed is nobody's loss: the exit status says it all.
  static func error(_ text: String, terminator: String = "\n") {
    _ = try? FileDescriptor.standardError.writeAll((text + terminator).utf8)
  }

  /// Asks `question`.
  ///
  /// - Parameter word: what must be typed; nil where `y` is enough.
  static func ask(_ question: String, typing word: String?) {
    guard let word else { return error("\(question) [y/N] ", terminator: "") }
    error("\(question)\nType \(PrintableText(word)) to go on: ", terminator: "")
  }

  /// Whether what was typed is a yes; no answer is no.
  static func isYes(_ line: String, typing word: String?) -> Bool {
    if let word { return line == word }
    let answer = line.lowercased()
    return answer == "y" || answer == "yes"
  }
}
