import Testing

@testable import DeviceResync

@Suite struct ChecksumTests {
  /// `count` bytes: 0, 7, 14 … modulo 256.
  static func bytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) } }

  /// By libxxhash 0.8.1 from C; the first is in xxHash's own xsum_sanity_check.c.
  static let known: [(count: Int, of64: UInt64, of128: String)] = [
    (0, 0x2d06_8005_38d3_94c2, "99aa06d3014798d86001c324468d497f"),
    (1, 0xc44b_dff4_074e_ecdb, "a6cd5e9392000f6ac44bdff4074eecdb"),
    (5, 0x5599_35c0_f3f7_327f, "f72d100531dfb71357c3cf21d8799995"),
    (256, 0xff5a_1cef_ade7_5bb9, "2f433606b2ebce2dff5a1cefade75bb9"),
    (1000, 0x10ad_3026_4426_c830, "abee229cdadad76d10ad30264426c830"),
  ]

  @Test("both lengths are XXH3's, seed 0", arguments: known)
  func values(count: Int, of64: UInt64, of128: String) {
    #expect(Checksum.of64(Self.bytes(count)) == of64)
    #expect(Checksum.of128(Self.bytes(count)).hexadecimal == of128)
  }

  @Test("a text that others have published has the value that they published")
  func published() {
    #expect(Checksum.of64(Array("foo".utf8)) == 0xab6e_5f64_077e_7d8a)
  }

  @Test(
    "pieces give the value of the whole, and a value may be taken in between", arguments: [1, 7, 256, 999])
  func pieces(piece: Int) throws {
    let bytes = Self.bytes(5000)
    var running = try RunningChecksum()
    for start in stride(from: 0, to: bytes.count, by: piece) {
      running.add(Array(bytes[start..<min(start + piece, bytes.count)]))
      if start == 2 * piece { #expect(running.value == Checksum.of128(Array(bytes[..<(3 * piece)]))) }
    }
    #expect(running.value == Checksum.of128(bytes))
    running.reset()
    #expect(running.value.hexadecimal == "99aa06d3014798d86001c324468d497f")
  }

  @Test("hexadecimal digits keep leading zeros and come back", arguments: [0, 1, UInt128.max, 1 << 64])
  func hexadecimal(value: UInt128) {
    #expect(value.hexadecimal.utf8.count == 32)
    #expect(UInt128(hexadecimal: value.hexadecimal) == value)
  }

  @Test(
    "what is not 32 lower-case digits is no checksum",
    arguments: ["", "0", "99AA06D3014798D86001C324468D497F", "+9aa", "é"])
  func refused(text: String) { #expect(UInt128(hexadecimal: text) == nil) }
}
