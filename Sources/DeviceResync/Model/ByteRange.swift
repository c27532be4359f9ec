/// A half-open range of bytes on a device: `[offset, offset + length)`.
public struct ByteRange: Sendable, Hashable, Codable {
  /// First byte, counted from the start of the device.
  public let offset: UInt64
  /// Number of bytes.
  public let length: UInt64

  /// One past the last byte.
  public var end: UInt64 { offset + length }
  /// Whether it holds no byte.
  public var isEmpty: Bool { length == 0 }

  /// Creates a range; `offset + length` must fit in 64 bits.
  public init(offset: UInt64, length: UInt64) {
    precondition(!offset.addingReportingOverflow(length).overflow)
    self.offset = offset
    self.length = length
  }

  /// Creates the range from `start` up to, but not including, `end`.
  init(_ start: UInt64, upTo end: UInt64) {
    self.init(offset: start, length: end - start)
  }

  /// Whether both ends lie on a multiple of `blockSize` bytes.
  public func isAligned(to blockSize: UInt64) -> Bool {
    offset.isMultiple(of: blockSize) && length.isMultiple(of: blockSize)
  }

  /// Whether the two share a byte.
  func overlaps(_ other: ByteRange) -> Bool {
    offset < other.end && other.offset < end
  }
}

extension ByteRange {
  private enum CodingKeys: String, CodingKey { case offset, length }

  /// Reads a range; one that ends beyond 64 bits is none.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let offset = try container.decode(UInt64.self, forKey: .offset)
    let length = try container.decode(UInt64.self, forKey: .length)
    guard !offset.addingReportingOverflow(length).overflow else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "it ends beyond 64 bits"))
    }
    self.init(offset: offset, length: length)
  }
}

extension UInt64 {
  /// The sum, or the largest number there is: sizes come from disks and servers, which may claim anything.
  func saturatingAdd(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}

extension ByteRange: CustomStringConvertible {
  /// As messages show it: `bytes 4096–8191`.
  public var description: String {
    length == 1 ? "byte \(offset)" : "bytes \(offset)–\(end &- 1)"
  }
}
