/// A device's number: `major:minor`.
public struct DeviceNumber: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
  /// Which driver.
  public let major: UInt32
  /// Which of the driver's devices.
  public let minor: UInt32

  /// Creates a number.
  public init(major: UInt32, minor: UInt32) {
    self.major = major
    self.minor = minor
  }

  /// Reads sysfs's `7:0`.
  init?(parsing text: some StringProtocol) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let major = UInt32(parts[0]), let minor = UInt32(parts[1]) else { return nil }
    self.init(major: major, minor: minor)
  }

  /// `major:minor`.
  public var description: String { "\(major):\(minor)" }

  /// By major, then by minor number.
  public static func < (one: DeviceNumber, other: DeviceNumber) -> Bool {
    (one.major, one.minor) < (other.major, other.minor)
  }

  /// Reads `major:minor`.
  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let number = DeviceNumber(parsing: text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "no device number: \(text)"))
    }
    self = number
  }

  /// Writes `major:minor`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// A file's identity within one boot: the file system's device number and the inode's.
public struct FileIdentity: Sendable, Hashable, Codable {
  /// `st_dev` of the file system.
  public let device: DeviceNumber
  /// Inode number.
  public let inode: UInt64

  /// Creates an identity.
  public init(device: DeviceNumber, inode: UInt64) {
    self.device = device
    self.inode = inode
  }
}
