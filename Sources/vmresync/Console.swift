import DeviceResync
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

  /// What is typed up to the end of the line.
  ///
  /// Not through stdio: its lock on standard input would keep a signal from ending the process meanwhile.
  private static func readAnswer() -> String {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while bytes.count < 4096, read(STDIN_FILENO, &byte, 1) == 1, byte != UInt8(ascii: "\n") {
      bytes.append(byte)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Asks `question`; whether the answer is yes.
  ///
  /// No answer is no.
  /// - Parameter word: what must be typed; nil where `y` is enough.
  static func confirms(_ question: String, typing word: String? = nil) -> Bool {
    guard let word else {
      error("\(question) [y/N] ", terminator: "")
      let answer = readAnswer().lowercased()
      return answer == "y" || answer == "yes"
    }
    error("\(question)\nType \(PrintableText(word)) to go on: ", terminator: "")
    return readAnswer() == word
  }
}
