import Testing

@testable import DeviceResync

@Suite("what a run in place may write where old bytes are kept") struct KeptDigestsTests {
  /// Two records of three blocks each, side by side, and one of one block further on.
  private static func digests(of bytes: [UInt8]) -> KeptDigests {
    let kept = KeptDigests(unit: 512)
    for range in [0..<1536, 1536..<3072, 8192..<8704] {
      kept.add(
        ByteRange(offset: UInt64(range.lowerBound), length: UInt64(range.count)),
        stride(from: range.lowerBound, to: range.upperBound, by: 512).map { place in
          Array(bytes[place..<place + 512]).withRawSpan { Checksum.of64($0) }
        })
    }
    return kept
  }

  private static func misfit(_ kept: KeptDigests, _ bytes: [UInt8], _ range: Range<Int>) -> ByteRange? {
    Array(bytes[range]).withRawSpan { span in
      kept.misfit(ByteRange(offset: UInt64(range.lowerBound), length: UInt64(range.count)), span)
    }
  }

  @Test("the bytes of its records, also in part, across two of them, and asked again")
  func fits() {
    let bytes = randomBytes(9216, seed: 3)
    let kept = Self.digests(of: bytes)
    for range in [0..<512, 0..<512, 512..<3072, 1024..<2048, 2560..<3072, 8192..<8704] {
      #expect(Self.misfit(kept, bytes, range) == nil, "\(range)")
    }
  }

  @Test(
    "the first block that is another, or of which there is no record", arguments: [0, 511, 1024, 1536, 3071])
  func differs(_ place: Int) {
    let bytes = randomBytes(9216, seed: 3)
    var other = bytes
    other[place] ^= 1
    let block = ByteRange(offset: UInt64(place / 512 * 512), length: 512)
    #expect(Self.misfit(Self.digests(of: bytes), other, 0..<3072) == block)
    #expect(
      Self.misfit(Self.digests(of: bytes), bytes, 2560..<3584) == ByteRange(offset: 3072, length: 512))
    #expect(Self.misfit(Self.digests(of: bytes), bytes, 7680..<8192) == ByteRange(offset: 7680, length: 512))
  }
}
