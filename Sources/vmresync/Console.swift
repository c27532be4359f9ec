import Glibc
import SystemPackage

/// The terminal: what it is, and text for people on standard error.
enum Console {
  /// Whether standard error is a terminal.
  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

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

  /// Asks `question`; whether the answer is yes.
  ///
  /// No answer is no.
  static func confirms(_ question: String) -> Bool {
    error("\(question) [y/N] ", terminator: "")
    guard let answer = readLine()?.lowercased() else { return false }
    return answer == "y" || answer == "yes"
  }
}
