import Testing

@testable import DeviceResync

@Suite("sizes as they are typed and shown")
struct ByteCountTests {
  static let typed: [(String, UInt64)] = [
    ("0", 0), ("4096", 4096), ("512b", 512), ("64K", 65536), ("64k", 65536), ("64KiB", 65536),
    ("64 kib", 65536),
    ("1M", 1 << 20), ("1.5 GiB", 3 << 29), ("1.5G", 3 << 29), ("0.5K", 512), ("2T", 2 << 40),
    ("16383P", 16383 << 50),
    ("18446744073709551615", .max), (" 7", 7), ("1.0001M", 0),
  ]

  @Test("are read in binary units", arguments: typed.dropLast())
  func parses(_ text: String, _ bytes: UInt64) {
    #expect(ByteCount(parsing: text)?.bytes == bytes)
  }

  @Test(
    "nothing else is read, and nothing overflows",
    arguments: [
      "", " ", "K", "-1", "+1", "1.5", "1.", ".5K", "1.5.5K", "1e3", "0x10", "1 000", "1,5G", "1KB", "1E",
      "1Ki",
      "16384P", "18446744073709551616", "18446744073709551615K", "99999999999999999999999", "1.00001K",
      "0.3K",
      "1.0001M", "1.9999P", "１２", "1\u{0}K", "1K\n", "∞", "٣K", "NaN",
    ])
  func refuses(_ text: String) {
    #expect(ByteCount(parsing: text) == nil)
  }

  @Test(
    "are shown with one decimal below 100, in the unit that fits",
    arguments: [
      (0, "0 B"), (1, "1 B"), (1023, "1023 B"), (1024, "1 KiB"), (1025, "1.0 KiB"), (1536, "1.5 KiB"),
      (10_240 + 512, "10.5 KiB"), (102_400 + 512, "101 KiB"), ((1 << 20) - 1, "1.0 MiB"), (1 << 20, "1 MiB"),
      ((1 << 20) - 600, "1023 KiB"), (64 << 30, "64 GiB"), (3 << 39, "1.5 TiB"), (1 << 60, "1 EiB"),
      (UInt64.max, "16.0 EiB"), (2047, "2.0 KiB"),
    ] as [(UInt64, String)])
  func shows(_ bytes: UInt64, _ text: String) {
    #expect(ByteCount(bytes).description == text)
  }
}
