import CLinux
import SystemPackage

@testable import DeviceResync

/// A host of built values and a pair on it, for guards to judge: /dev/sda is read, /dev/sdb is written.
struct Scene: Sendable {
  var host = Host()
  var request = RunRequest(.resync, pairs: [RunRequest.Pair(primary: "/dev/a", recovery: "/dev/b")])
  /// Kernel names of the two sides.
  var names: [Side: String] = [.primary: "sda", .recovery: "sdb"]
  /// Sides that are images instead.
  var images: [Side: RawImage] = [:]
  var ringRefusal: Errno?
  /// Further pairs of the call, by kernel names.
  var others: [(primary: String, recovery: String)] = []
  /// What becomes of a side after it was looked at.
  var edits: [Side: @Sendable (inout NamedDisk) -> Void] = [:]

  init() {
    host.devices = [.disk("sda", 8, 0), .disk("sdb", 8, 16)]
    host.ownProcess = 1000
  }

  /// The device with that kernel name.
  subscript(name: String) -> BlockDevice {
    get { host.devices.first { $0.name == name } ?? .disk(name, 0, 0) }
    set { host.devices = host.devices.map { $0.name == name ? newValue : $0 } }
  }

  /// Adds a device that is built on `slaves`.
  mutating func stack(
    _ name: String, _ minor: UInt32, on slaves: [String], map: String? = nil, uuid: String? = nil,
    kind: BlockDevice.Kind = .deviceMapper
  ) {
    var device = BlockDevice.disk(name, 253, minor, kind: kind)
    (device.mapperName, device.mapperUUID, device.slaves) = (map, uuid, slaves)
    host.devices.append(device)
    for slave in slaves { self[slave].holders.append(name) }
  }

  /// Adds a partition.
  mutating func partition(_ number: UInt32, of disk: String, _ range: ByteRange) {
    let whole = self[disk]
    var device = BlockDevice.disk(
      "\(disk)\(number)", whole.number.major, whole.number.minor + number, size: range.length,
      kind: .partition)
    (device.disk, device.rangeOnDisk) = (disk, range)
    self[disk].partitions.append(device.name)
    host.devices.append(device)
  }

  /// Adds a loop over a file, or over the device `below`.
  mutating func loop(
    _ minor: UInt32, over file: UInt64? = nil, below: String? = nil, offset: UInt64 = 0,
    size: UInt64 = 1 << 30,
    readOnly: Bool = false, autoclear: Bool = false
  ) {
    var device = BlockDevice.disk("loop\(minor)", 7, minor, size: size, kind: .loop)
    device.isReadOnly = readOnly
    device.loop = BlockDevice.LoopBinding(
      path: below.map { "/dev/\($0)" } ?? "/images/\(file ?? 0)",
      backing: (file ?? below.map { UInt64(self[$0].number.minor) + 1000 }).map(FileIdentity.test),
      backingDevice: below.map { self[$0].number }, offset: offset, isReadOnly: readOnly, usesDirectIO: true,
      detachesItself: autoclear)
    host.devices.append(device)
  }

  mutating func open(
    _ target: Opener.Target, by program: String = "qemu-system-x86", process: Int32 = 4711,
    writing: Bool = true
  ) {
    host.openers.append(Opener(process: process, program: program, target: target, isWriting: writing))
  }

  mutating func mount(
    _ number: DeviceNumber, on place: String, source: String = "/dev/x", type: String = "ext4"
  ) {
    let line = "36 35 \(number) / \(place) rw,noatime shared:1 - \(type) \(source) rw"
    if let mount = Mount(parsing: line[...], seenBy: nil) { host.mounts.append(mount) }
  }

  private func disk(_ side: Side, _ device: BlockDevice) -> NamedDisk {
    var disk = NamedDisk(
      side: side, name: .device("/dev/\(side == .primary ? "a" : "b")"),
      identity: DeviceIdentity(path: "/dev/\(side == .primary ? "a" : "b")", size: device.size))
    disk.storage = .device(device)
    disk.identity.logicalBlockSize = device.queue.logicalBlockSize
    disk.extents = host.extents(of: device)
    disk.related = host.relatives(of: disk.extents)
    return disk
  }

  func disk(_ side: Side) -> NamedDisk {
    var disk: NamedDisk
    if let image = images[side] {
      disk = NamedDisk(
        side: side, name: .device(image.path.string),
        identity: DeviceIdentity(path: image.path.string, size: image.size))
      disk.storage = .image(image)
      disk.extents = host.extents(of: image.identity, size: image.size)
      disk.related = host.relatives(of: disk.extents)
    } else {
      disk = self.disk(side, self[names[side] ?? ""])
    }
    edits[side]?(&disk)
    return disk
  }

  var facts: PairFacts {
    PairFacts(
      request: request, host: host, primary: disk(.primary), recovery: disk(.recovery),
      others: others.map {
        (primary: disk(.primary, self[$0.primary]), recovery: disk(.recovery, self[$0.recovery]))
      },
      ringRefusal: ringRefusal)
  }
}

extension NamedPath {
  /// A name that leads to something.
  static func device(_ path: String, dependsOnOrder: Bool = false) -> NamedPath {
    NamedPath(
      typed: path, canonical: FilePath(path), status: nil, problem: nil, dependsOnOrder: dependsOnOrder)
  }

  /// A name that cannot be used.
  static func problem(_ path: String, _ problem: Problem) -> NamedPath {
    NamedPath(typed: path, canonical: nil, status: nil, problem: problem, dependsOnOrder: false)
  }
}

extension FileIdentity {
  /// File `inode` of one file system.
  static func test(_ inode: UInt64) -> FileIdentity {
    FileIdentity(device: DeviceNumber(major: 0, minor: 40), inode: inode)
  }
}

extension LoopFile {
  /// File `inode` behind a loop; without a magic its path leads elsewhere.
  static func test(_ inode: UInt64, magic: UInt64?) -> LoopFile {
    var file = LoopFile(.test(inode), at: "/images/\(inode)")
    file.fileSystem = magic.map { FileSystem(magic: $0, available: 0, total: 0, isReadOnly: false) }
    return file
  }
}

extension BlockDevice {
  /// A disk of 1 GiB that nobody uses.
  static func disk(
    _ name: String, _ major: UInt32, _ minor: UInt32, size: UInt64 = 1 << 30, kind: Kind = .disk
  ) -> BlockDevice {
    BlockDevice(
      name: name, node: "/dev/\(name)", number: DeviceNumber(major: major, minor: minor), kind: kind,
      size: size,
      isReadOnly: false,
      queue: Queue(
        logicalBlockSize: 512, physicalBlockSize: 4096, maxRequestSize: 1280 << 10, maxSegments: 128,
        countsSectors: true, zonedModel: "none", isRotational: false))
  }
}

extension RawImage {
  /// File `inode` of 1 GiB.
  static func test(
    _ inode: UInt64, size: UInt64 = 1 << 30, magic: UInt64 = 0xef53, readOnly: Bool = false,
    immutable: Bool = false
  ) -> RawImage {
    var raw = cl_file_status()
    (raw.mode, raw.inode, raw.size, raw.blocks) = (0o100600, inode, size, size / 512)
    (raw.device_major, raw.device_minor, raw.immutable) = (0, 40, immutable)
    return RawImage(
      path: FilePath("/images/\(inode)"), status: FileStatus(raw),
      fileSystem: FileSystem(magic: magic, available: 1 << 40, total: 1 << 41, isReadOnly: readOnly))
  }
}
