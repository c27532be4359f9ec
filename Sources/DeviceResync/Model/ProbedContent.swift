/// What lies on a device, an image or a part of one, as libblkid and our own table of containers know it.
public struct ProbedContent: Sendable, Hashable {
  /// Whether the content is known.
  public enum Outcome: Sendable, Hashable {
    /// Looked; what is not here is not there.
    case probed
    /// Could not be found out. Never a reason to refuse or to abort (PITFALLS F1).
    case unknown(reason: String)
  }

  /// Whether the content is known.
  public var outcome: Outcome
  /// Every superblock that was found; in libblkid's order, which is not that of their importance.
  public var signatures: [Signature]
  /// The partition table, if there is one.
  public var partitionTable: PartitionTable?
  /// The format of an image that is not raw; known also where libblkid failed.
  public var container: ContainerFormat?
  /// What the kernel says of the device's blocks; nil for a regular file.
  public var topology: BlockTopology?

  /// Creates a value.
  public init(
    outcome: Outcome, signatures: [Signature] = [], partitionTable: PartitionTable? = nil,
    container: ContainerFormat? = nil, topology: BlockTopology? = nil
  ) {
    self.outcome = outcome
    self.signatures = signatures
    self.partitionTable = partitionTable
    self.container = container
    self.topology = topology
  }

  /// Whether an LVM physical volume lies on it or in one of its partitions.
  var holdsPhysicalVolume: Bool {
    signatures.contains { $0.type == "LVM2_member" }
      || (partitionTable?.entries ?? []).contains { $0.content?.holdsPhysicalVolume == true }
  }

  /// Content of which nothing is known.
  static func unknown(_ reason: String) -> ProbedContent { ProbedContent(outcome: .unknown(reason: reason)) }
}

/// A superblock: a file system, a member of an array or a volume group, an encrypted or a swap area.
public struct Signature: Sendable, Hashable, Codable {
  /// libblkid's name, such as `ext4`, `LVM2_member`, `crypto_LUKS`, `swap`.
  public var type: DeviceText
  /// `filesystem`, `raid`, `crypto` or `other`; nil where libblkid gives none.
  public var usage: DeviceText?
  /// UUID or serial number, as its kind writes it.
  public var uuid: DeviceText?
  /// The name that somebody gave it.
  public var label: DeviceText?
  /// The format's version.
  public var version: DeviceText?
  /// Where its magic lies, in bytes from the start of what was probed.
  public var offset: UInt64

  enum CodingKeys: String, CodingKey {
    case type = "Type"
    case usage = "Usage"
    case uuid = "UUID"
    case label = "Label"
    case version = "Version"
    case offset = "Offset"
  }
}

/// The sizes that a block device is best read and written in, in bytes (<linux/fs.h>, `BLKIOMIN` and others).
public struct BlockTopology: Sendable, Hashable, Codable {
  /// The unit of addressing.
  public var logicalBlockSize: UInt32
  /// The unit that the device writes without reading.
  public var physicalBlockSize: UInt32
  /// Preferred least size of a random request.
  public var minimumIOSize: UInt32
  /// Preferred size of a long request; 0 where the device has none.
  public var optimalIOSize: UInt32
  /// Where the first physical block begins; -1 where the device is misaligned.
  public var alignmentOffset: Int32

  enum CodingKeys: String, CodingKey {
    case logicalBlockSize = "LogicalBlockSize"
    case physicalBlockSize = "PhysicalBlockSize"
    case minimumIOSize = "MinimumIOSize"
    case optimalIOSize = "OptimalIOSize"
    case alignmentOffset = "AlignmentOffset"
  }
}

extension ProbedContent: Codable {
  enum CodingKeys: String, CodingKey {
    case outcome = "Outcome"
    case reason = "Reason"
    case container = "Container"
    case signatures = "Signatures"
    case partitionTable = "PartitionTable"
    case topology = "Topology"
  }

  private enum OutcomeName: String, Codable {
    case probed = "Probed"
    case unknown = "Unknown"
  }

  /// Reads what ``encode(to:)`` wrote.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    outcome =
      switch try values.decode(OutcomeName.self, forKey: .outcome) {
      case .probed: .probed
      case .unknown: .unknown(reason: try values.decode(String.self, forKey: .reason))
      }
    container = try values.decodeIfPresent(ContainerFormat.self, forKey: .container)
    signatures = try values.decode([Signature].self, forKey: .signatures)
    partitionTable = try values.decodeIfPresent(PartitionTable.self, forKey: .partitionTable)
    topology = try values.decodeIfPresent(BlockTopology.self, forKey: .topology)
  }

  /// Writes `Outcome` as a name, and `Reason` only where nothing is known.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    switch outcome {
    case .probed: try values.encode(OutcomeName.probed, forKey: .outcome)
    case .unknown(let reason):
      try values.encode(OutcomeName.unknown, forKey: .outcome)
      try values.encode(reason, forKey: .reason)
    }
    try values.encodeIfPresent(container, forKey: .container)
    try values.encode(signatures, forKey: .signatures)
    try values.encodeIfPresent(partitionTable, forKey: .partitionTable)
    try values.encodeIfPresent(topology, forKey: .topology)
  }
}
