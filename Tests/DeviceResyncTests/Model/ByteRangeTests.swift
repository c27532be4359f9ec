import Testing

@testable import DeviceResync

@Suite("byte ranges")
struct ByteRangeTests {
  @Test(
    "overlap where they share a byte",
    arguments: [
      (0, 10, 0, 10, true), (0, 10, 9, 1, true), (0, 10, 10, 5, false), (5, 5, 0, 5, false),
      (0, 10, 3, 2, true),
      (UInt64.max - 1, 1, UInt64.max - 2, 2, true), (UInt64.max - 1, 1, UInt64.max - 2, 1, false),
      (0, UInt64.max, UInt64.max - 1, 1, true),
    ] as [(UInt64, UInt64, UInt64, UInt64, Bool)])
  func overlap(_ first: UInt64, _ length: UInt64, _ second: UInt64, _ other: UInt64, _ expected: Bool) {
    let one = ByteRange(offset: first, length: length)
    let two = ByteRange(offset: second, length: other)
    #expect(one.overlaps(two) == expected)
    #expect(two.overlaps(one) == expected)
  }

  @Test("end at 64 bits without a trap")
  func edge() {
    let last = ByteRange(offset: .max, length: 0)
    #expect(last.end == .max && last.isEmpty)
    #expect(ByteRange(offset: 1, length: .max - 1).end == .max)
    #expect(ByteRange(5, upTo: 5).isEmpty)
    #expect(ByteRange(5, upTo: 9) == ByteRange(offset: 5, length: 4))
  }

  @Test("are aligned where both ends are")
  func aligned() {
    #expect(ByteRange(offset: 4096, length: 8192).isAligned(to: 4096))
    #expect(!ByteRange(offset: 512, length: 8192).isAligned(to: 4096))
    #expect(!ByteRange(offset: 4096, length: 512).isAligned(to: 4096))
    #expect(ByteRange(offset: 512, length: 512).isAligned(to: 512))
  }

  @Test("are shown with their last byte")
  func text() {
    #expect(ByteRange(offset: 4096, length: 4096).description == "bytes 4096–8191")
    #expect(ByteRange(offset: 7, length: 1).description == "byte 7")
  }

  /// Offset and length of a request, the disk's size, and what is to be compared.
  static let windows: [(UInt64, UInt64?, UInt64, ByteRange?)] = [
    (0, nil, 1 << 20, nil),
    (4096, nil, 1 << 20, ByteRange(4096, upTo: 1 << 20)),
    (4096, 8192, 1 << 20, ByteRange(offset: 4096, length: 8192)),
    (0, 4096, 1 << 20, ByteRange(offset: 0, length: 4096)),
    (0, 0, 1 << 20, ByteRange(offset: 0, length: 0)),
    (2 << 20, nil, 1 << 20, ByteRange(offset: 2 << 20, length: 0)),
    (.max - 4095, .max, 1 << 20, ByteRange(offset: .max - 4095, length: 4095)),
  ]

  @Test("to compare are all, or those that were asked for, without a trap", arguments: windows)
  func window(_ offset: UInt64, _ length: UInt64?, _ size: UInt64, _ expected: ByteRange?) {
    var request = RunRequest(.compare, pairs: [])
    (request.windowOffset, request.windowLength) = (offset, length)
    #expect(request.window(of: size) == expected)
  }

  @Test("only a resync that is no dry run writes")
  func writes() {
    var request = RunRequest(.resync, pairs: [])
    #expect(request.writes)
    request.isDryRun = true
    #expect(!request.writes)
    #expect(!RunRequest(.compare, pairs: []).writes)
  }
}
