/// One block device of this host, as sysfs and udev describe it.
public struct BlockDevice: Sendable, Equatable {
  /// What kind of device it is.
  public enum Kind: String, Sendable, Codable {
    case disk, partition, loop, deviceMapper = "dm", raid = "md", other
  }

  /// What the device's queue takes and keeps.
  public struct Queue: Sendable, Equatable {
    /// Logical block size, in bytes.
    public var logicalBlockSize: UInt32
    /// Physical block size, in bytes.
    public var physicalBlockSize: UInt32
    /// Largest request, in bytes (`max_sectors_kb`).
    public var maxRequestSize: UInt64
    /// Most memory segments of one request.
    public var maxSegments: UInt64
    /// Whether the kernel counts sectors (`iostats`).
    public var countsSectors: Bool
    /// `none`, `host-aware` or `host-managed`.
    public var zonedModel: String
    /// Whether seeks cost: what the driver says.
    public var isRotational: Bool
  }

  /// What a loop device is attached to.
  public struct LoopBinding: Sendable, Equatable {
    /// The path that sysfs shows; it may be stale or another namespace's.
    public var path: String
    /// The backing file; nil where the kernel would not tell.
    public var backing: FileIdentity?
    /// The backing file's own number, where it is a block device.
    public var backingDevice: DeviceNumber?
    /// The backing file's size now, in bytes; nil for a device, or where the path leads elsewhere.
    public var fileSize: UInt64?
    /// Where in the file the device begins, in bytes.
    public var offset: UInt64
    /// At most this long, in bytes; nil: up to the file's end.
    public var sizeLimit: UInt64?
    /// Whether it is attached read-only.
    public var isReadOnly: Bool
    /// Whether it passes the file's page cache by.
    public var usesDirectIO: Bool
    /// Whether the kernel detaches it at its last close.
    public var detachesItself: Bool
  }

  /// The kernel's name, such as `sda1`.
  public var name: String
  /// The path of its node.
  public var node: String
  /// Its number.
  public var number: DeviceNumber
  /// What kind it is.
  public var kind: Kind
  /// Size, in bytes.
  public var size: UInt64
  /// Whether the kernel holds it read-only.
  public var isReadOnly: Bool
  /// What its queue takes and keeps.
  public var queue: Queue
  /// `virtio`, `sata`, `nvme`, `fc`, `iscsi` …; nil where sysfs does not tell.
  public var transport: String?
  /// The maker's name of it.
  public var model: String?
  /// The maker's number of it.
  public var serial: String?
  /// World wide name.
  public var wwid: String?
  /// Name of a device-mapper device.
  public var mapperName: String?
  /// UUID of a device-mapper device.
  public var mapperUUID: String?
  /// For a partition: the whole disk's name.
  public var disk: String?
  /// For a partition: where on the whole disk it lies.
  public var rangeOnDisk: ByteRange?
  /// Names of the partitions that have nodes.
  public var partitions: [String] = []
  /// Names of devices that are built on this one.
  public var holders: [String] = []
  /// Names of devices that this one is built on.
  public var slaves: [String] = []
  /// For a loop: what it is attached to.
  public var loop: LoopBinding?
  /// The kernel's count of disks attached, when this one was.
  public var diskSequence: UInt64?
  /// udev's properties.
  public var properties: [String: String] = [:]
  /// Further names of the node.
  public var links: [String] = []
}

extension BlockDevice {
  /// A name that outlives a reboot, the first that exists; nil where the device has none (PITFALLS A10).
  public var stableName: String? {
    if let mapperUUID, !mapperUUID.isEmpty { return "dm-uuid-\(mapperUUID)" }
    let partition = rangeOnDisk.map { "@\($0.offset)+\($0.length)" } ?? ""
    if let uuid = properties["MD_UUID"] { return "md-uuid-\(uuid)\(partition)" }
    if let wwid, !wwid.isEmpty { return "wwid-\(wwid)\(partition)" }
    if let serial = serial ?? properties["ID_SERIAL"], !serial.isEmpty {
      return "serial-\(serial)\(partition)"
    }
    return nil
  }

  /// The name to paste in place of one that changes at a reboot; nil where udev made none.
  public var pasteableName: String? {
    if let mapperName { return "/dev/mapper/\(mapperName)" }
    let ids = links.filter { $0.hasPrefix("/dev/disk/by-id/") && !$0.contains("/lvm-pv-uuid-") }
    return ids.first(where: { $0.contains("/wwn-") || $0.contains("/nvme-eui") }) ?? ids.first
      ?? links.first(where: { $0.hasPrefix("/dev/disk/by-path/") })
  }

  /// Every path that is known to lead to it.
  var names: [String] { [node] + (mapperName.map { ["/dev/mapper/\($0)"] } ?? []) + links }

  /// Whether seeks are known to cost.
  ///
  /// virtio, Xen and loop drivers say "rotational" or not without knowing what is below them.
  var isKnownRotational: Bool {
    queue.isRotational && kind == .disk && transport != "virtio" && transport != "xen"
  }

  /// The volume group's UUID, for an LVM logical volume.
  ///
  /// LVM writes `LVM-`, 32 characters of the group's UUID and 32 of the volume's (lib/activate/dev_manager.c).
  var volumeGroupUUID: Substring? { mapperUUID.flatMap(Self.volumeGroup(of:)) }

  /// The group's part of a logical volume's mapper UUID; nil for another map's.
  static func volumeGroup(of mapperUUID: String) -> Substring? {
    guard mapperUUID.hasPrefix("LVM-"), mapperUUID.utf8.count >= 4 + 32 + 32 else { return nil }
    return mapperUUID.dropFirst(4).prefix(32)
  }
}
