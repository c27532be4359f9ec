/// Which disk this is, as plans, results and messages name it.
public struct DeviceIdentity: Sendable, Hashable, Codable {
  /// The path that the user typed.
  public var path: String
  /// The kernel's name, such as `sda1` or `loop3`; nil for an image that has no loop device yet.
  public var kernelName: String?
  /// `major:minor` of the block device.
  public var deviceNumber: DeviceNumber?
  /// Size, in bytes; for a raw image the file's.
  public var size: UInt64
  /// Logical block size, in bytes; nil for an image that has no loop device yet.
  public var logicalBlockSize: UInt32?
  /// A name that outlives a reboot: a WWN, a serial, a dm UUID, an image's file system, inode and birth; where that
  /// file system has no UUID it ends in `this-boot`.
  public var stableName: String?
  /// The kernel's count of disks attached, when this one was (`BLKGETDISKSEQ`).
  public var diskSequence: UInt64?
  /// The regular file behind a loop device, or the image itself.
  public var backingFile: String?

  enum CodingKeys: String, CodingKey {
    case path = "Path"
    case kernelName = "KernelName"
    case deviceNumber = "DeviceNumber"
    case size = "Size"
    case logicalBlockSize = "LogicalBlockSize"
    case stableName = "StableName"
    case diskSequence = "DiskSequence"
    case backingFile = "BackingFile"
  }

  /// Writes every key, null where nothing is known.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(path, forKey: .path)
    try container.encode(kernelName, forKey: .kernelName)
    try container.encode(deviceNumber, forKey: .deviceNumber)
    try container.encode(size, forKey: .size)
    try container.encode(logicalBlockSize, forKey: .logicalBlockSize)
    try container.encode(stableName, forKey: .stableName)
    try container.encode(diskSequence, forKey: .diskSequence)
    try container.encode(backingFile, forKey: .backingFile)
  }

  /// The typed name and, where there is one, the stable name: what a message calls the disk.
  var title: String {
    guard let stableName, stableName != path else { return PrintableText(path).description }
    return "\(PrintableText(path)) (\(PrintableText(stableName)))"
  }
}
