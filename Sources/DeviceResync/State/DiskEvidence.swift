/// What shows, within one boot, whether anybody has written to a disk since this was looked at (PITFALLS G3).
public struct DiskEvidence: Sendable, Hashable {
  /// The kernel's counts of a block device.
  public struct Counts: Sendable, Hashable {
    /// The kernel's count of disks attached, when this one was.
    public var diskSequence: UInt64
    /// Bytes written to the node and discarded.
    public var written: UInt64
    /// For a partition: the same of its whole disk, beside all partitions.
    public var writtenBeside: UInt64
  }

  /// A file: the image, or what is behind a loop.
  public struct File: Sendable, Hashable {
    /// Which file.
    public var identity: FileIdentity
    /// Size, in bytes.
    public var size: UInt64
    /// Last change of content or attributes (ctime), in nanoseconds since the epoch; nobody can set it back.
    public var changed: Int64
  }

  /// Nil for an image: a loop of our own is another one in each run.
  public var counts: Counts?
  /// Nil for a disk that lies in no file.
  public var file: File?
  /// Why it shows nothing, as a sentence without a full stop; nil where it does.
  public var gap: String?

  /// Of a disk that cannot be shown to be unchanged.
  static func none(_ gap: String) -> DiskEvidence { DiskEvidence(gap: gap) }

  /// Of a recovery that is being written in place: what a run that is killed there had written last nobody knows.
  static var whileWriting: DiskEvidence { .none("the run did not end in order after it had begun to write") }

  /// What says that the disk was written since `former` was looked at, or may have been; nil where nothing was.
  ///
  /// Both were looked at in the same boot.
  func change(since former: DiskEvidence) -> String? {
    if let gap = former.gap ?? gap { return gap }
    guard counts != nil || file != nil, (counts == nil) == (former.counts == nil),
      (file == nil) == (former.file == nil)
    else { return "it is reached in another way" }
    if let counts, let then = former.counts {
      if counts.diskSequence != then.diskSequence { return "it was attached anew" }
      if counts.written != then.written { return "somebody wrote to it" }
      if counts.writtenBeside != then.writtenBeside { return "somebody wrote to its whole disk" }
    }
    if let file, let then = former.file {
      if file.identity != then.identity { return "it is another file" }
      if file.size != then.size { return "its file has another size" }
      if file.changed != then.changed { return "its file was changed" }
    }
    return nil
  }
}

extension DiskEvidence: Codable {
  enum CodingKeys: String, CodingKey {
    case counts = "Counts"
    case file = "File"
    case gap = "Gap"
  }
}

extension DiskEvidence.Counts: Codable {
  enum CodingKeys: String, CodingKey {
    case diskSequence = "DiskSequence"
    case written = "BytesWritten"
    case writtenBeside = "BytesWrittenBesidePartitions"
  }
}

extension DiskEvidence.File: Codable {
  enum CodingKeys: String, CodingKey {
    case device = "Device"
    case inode = "Inode"
    case size = "Size"
    case changed = "ChangedNanoseconds"
  }

  /// Reads the object.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    identity = FileIdentity(
      device: try container.decode(DeviceNumber.self, forKey: .device),
      inode: try container.decode(UInt64.self, forKey: .inode))
    size = try container.decode(UInt64.self, forKey: .size)
    changed = try container.decode(Int64.self, forKey: .changed)
  }

  /// Writes the object.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(identity.device, forKey: .device)
    try container.encode(identity.inode, forKey: .inode)
    try container.encode(size, forKey: .size)
    try container.encode(changed, forKey: .changed)
  }
}
