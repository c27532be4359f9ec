import Testing

@testable import DeviceResync

@Suite("text of others, made safe to print")
struct TextTests {
  static let printed: [(String, String)] = [
    ("plain /dev/sda1 äöü 漢字 🙂", "plain /dev/sda1 äöü 漢字 🙂"),
    ("\u{1b}[31mEVIL", #"\u{1b}[31mEVIL"#),
    ("a\nb\r\tc\0", #"a\u{a}b\u{d}\u{9}c\u{0}"#),
    ("\u{7f}", #"\u{7f}"#),
    ("\u{9b}2J", #"\u{9b}2J"#),
    ("\u{202e}txt.exe\u{2066}", #"\u{202e}txt.exe\u{2066}"#),
    ("a\u{200b}b\u{200d}c\u{feff}d\u{2060}", #"a\u{200b}b\u{200d}c\u{feff}d\u{2060}"#),
    ("\u{3164}\u{115f}\u{fe0f}\u{34f}", #"\u{3164}\u{115f}\u{fe0f}\u{34f}"#),
    ("\u{2028}\u{2029}", #"\u{2028}\u{2029}"#),
    ("\u{e000}\u{10ffff}", #"\u{e000}\u{10ffff}"#),
    (#"C:\dir"#, #"C:\\dir"#),
    (#"\u{1b}"#, #"\\u{1b}"#),
    ("\"quoted\" %s 'x'", "\"quoted\" %s 'x'"),
    ("", ""),
  ]

  @Test("is escaped where a terminal would act on it, or nobody would see it", arguments: printed)
  func printable(_ text: String, _ expected: String) {
    #expect(PrintableText(text).description == expected)
    #expect(PrintableText(bytes: Array(text.utf8)).description == expected)
    #expect(DeviceText(bytes: Array(text.utf8)).description == expected)
  }

  @Test(
    "that is no UTF-8 is shown byte by byte",
    arguments: [
      ([0x41, 0xff, 0x42], #"A\xffB"#), ([0xc3], #"\xc3"#), ([0xe2, 0x82], #"\xe2\x82"#),
      ([0x80, 0x0a], #"\x80\u{a}"#),
      ([0xc0, 0xaf], #"\xc0\xaf"#), ([0xed, 0xa0, 0x80], #"\xed\xa0\x80"#),
      ([0xf4, 0x90, 0x80, 0x80], #"\xf4\x90\x80\x80"#),
      ([0x9b, 0x41], #"\x9bA"#), ([0xc3, 0xa4, 0xc3], #"ä\xc3"#),
    ] as [([UInt8], String)])
  func bytes(_ bytes: [UInt8], _ expected: String) {
    #expect(PrintableText(bytes: bytes).description == expected)
  }

  @Test(
    "is one word of a shell's",
    arguments: [
      ("/dev/disk/by-id/wwn-0x5", "/dev/disk/by-id/wwn-0x5"), ("", "''"), ("a b", "'a b'"),
      ("it's", #"'it'\''s'"#),
      ("$(reboot)", "'$(reboot)'"), ("a;b", "'a;b'"), ("~", "'~'"), ("*", "'*'"), ("#x", "'#x'"),
      ("a\nb", #"$'a\012b'"#), ("\u{1b}'\\", #"$'\033\'\\'"#), ("\u{202e}1", #"$'\342\200\2561'"#),
      ("ä", "'ä'"),
    ])
  func shellWord(_ text: String, _ word: String) throws {
    #expect(ShellWord(text).description == word)
    #expect(try run("bash", "-c", "printf %s \(word)").output == text, "bash reads it back")
  }
}
