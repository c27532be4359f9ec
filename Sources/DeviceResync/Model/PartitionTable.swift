/// A partition table as it is written on the disk, whether or not the kernel has made nodes of it.
public struct PartitionTable: Sendable, Hashable, Codable {
  /// libblkid's name: `gpt`, `dos`, `bsd`, `mac`.
  public var type: DeviceText
  /// The table's UUID (GPT) or disk signature (DOS); nil where it has none.
  public var id: DeviceText?
  /// The entries, the first 128 at most.
  public var entries: [PartitionEntry]
  /// How many more there are, those included whose bytes cannot be counted in 64 bits.
  public var entriesLeftOut: UInt32

  enum CodingKeys: String, CodingKey {
    case type = "Type"
    case id = "ID"
    case entries = "Entries"
    case entriesLeftOut = "EntriesLeftOut"
  }
}

/// One entry of a partition table.
///
/// It may lie: nothing says that its bytes are within the disk.
public struct PartitionEntry: Sendable, Hashable, Codable {
  /// The number that the kernel would give it, from 1.
  public var number: UInt32
  /// First byte, from the start of what was probed.
  public var start: UInt64
  /// Size, in bytes.
  public var size: UInt64
  /// A GUID (GPT) or `0x83` (DOS).
  public var type: DeviceText
  /// GPT's name of the partition.
  public var name: DeviceText?
  /// The partition's UUID.
  public var uuid: DeviceText?
  /// GPT's attributes; DOS: 0x80 for the active one.
  public var flags: UInt64
  /// Whether it only holds logical partitions and no bytes of its own.
  public var isExtended: Bool
  /// What lies in it; nil where nobody looked.
  public var content: ProbedContent?

  enum CodingKeys: String, CodingKey {
    case number = "Number"
    case start = "Start"
    case size = "Size"
    case type = "Type"
    case name = "Name"
    case uuid = "UUID"
    case flags = "Flags"
    case isExtended = "Extended"
    case content = "Content"
  }

  /// The part of it that lies on a disk of `diskSize` bytes; nil where none does.
  func range(onDiskOf diskSize: UInt64) -> ByteRange? {
    guard start < diskSize, size > 0 else { return nil }
    return ByteRange(offset: start, length: min(size, diskSize - start))
  }
}
