/// A device's number: `major:minor`.
public struct DeviceNumber: Sendable, Hashable, Comparable, CustomStringConvertible {
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
}

extension DeviceNumber: TextCodable {
  /// Reads `major:minor`.
  public init?(coded text: String) { self.init(parsing: text) }
  /// `major:minor`.
  public var codedText: String { description }
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
