import SystemPackage

extension BlockDevice {
  /// Reads what sysfs says of `device`.
  ///
  /// - Returns: nil for a device that went away, and for a loop that is attached to nothing.
  init?(_ device: UdevDevice, in sysfs: Sysfs) throws(Errno) {
    let base = "class/block/\(device.name)"
    guard let bytes = try sysfs.bytes("\(base)/size") else { return nil }
    let isPartition = try sysfs.number("\(base)/partition") != nil
    let path = device.sysfsPath

    name = device.name
    node = device.node
    number = device.number
    properties = device.properties
    links = device.links
    size = bytes
    isReadOnly = try sysfs.flag("\(base)/ro")
    holders = try sysfs.names("\(base)/holders")
    slaves = try sysfs.names("\(base)/slaves")
    mapperName = try sysfs.text("\(base)/dm/name")
    mapperUUID = try sysfs.text("\(base)/dm/uuid")
    transport =
      try Self.fabric(of: "\(base)/device", in: sysfs)
      ?? Self.transport(from: path, properties: device.properties)
    model = try sysfs.firstText("\(base)/device/model")

    // A partition shares its disk's queue, names and sequence number; its directory lies in the disk's.
    var diskBase = base
    if isPartition {
      let parent = FilePath(path).removingLastComponent().lastComponent?.string ?? ""
      disk = parent
      diskBase = "class/block/\(parent)"
      if let start = try sysfs.bytes("\(base)/start"), !start.addingReportingOverflow(bytes).overflow {
        rangeOnDisk = ByteRange(offset: start, length: bytes)
      }
    } else {
      let children = try sysfs.names(base)
      for child in children where child.hasPrefix(device.name) {
        if try sysfs.number("\(base)/\(child)/partition") != nil { partitions.append(child) }
      }
    }
    diskSequence = try sysfs.number("\(diskBase)/diskseq")
    serial = try sysfs.firstText("\(diskBase)/serial", "\(diskBase)/device/serial")
    wwid = try sysfs.firstText("\(diskBase)/wwid", "\(diskBase)/device/wwid")
    queue = try Queue(sysfs, "\(diskBase)/queue")

    let isRaid = try sysfs.text("\(base)/md/level") != nil
    kind =
      if isPartition { .partition } else if device.name.hasPrefix("loop") { .loop } else if mapperName != nil
      {
        .deviceMapper
      } else if isRaid { .raid } else if path.contains("/virtual/") {
        .other
      } else { .disk }
    if kind == .loop {
      guard let backing = try sysfs.text("\(base)/loop/backing_file") else { return nil }
      let sizeLimit = try sysfs.number("\(base)/loop/sizelimit")
      loop = LoopBinding(
        path: backing, offset: try sysfs.number("\(base)/loop/offset") ?? 0,
        sizeLimit: sizeLimit == 0 ? nil : sizeLimit, isReadOnly: isReadOnly,
        usesDirectIO: try sysfs.flag("\(base)/loop/dio"),
        detachesItself: try sysfs.flag("\(base)/loop/autoclear"))
    }
  }

  /// `nvme-of` where one of an NVMe disk's controllers is reached over a network.
  ///
  /// With native multipath the disk hangs under a subsystem that is nowhere, and only its controllers tell
  /// (drivers/nvme/host/sysfs.c, `transport`).
  private static func fabric(of device: String, in sysfs: Sysfs) throws(Errno) -> String? {
    var transports = [try sysfs.text("\(device)/transport")]
    for name in try sysfs.names(device) where name.hasPrefix("nvme") {
      transports.append(try sysfs.text("\(device)/\(name)/transport"))
    }
    return transports.contains { ["tcp", "rdma", "fc"].contains($0) } ? "nvme-of" : nil
  }

  /// How the disk is connected, from where sysfs keeps it.
  static func transport(from sysfsPath: String, properties: [String: String]) -> String? {
    for (part, name) in Self.transports where sysfsPath.contains(part) { return name }
    return properties["ID_BUS"]
  }

  private static let transports: [(String, String)] = [
    ("/nvme-fabrics/", "nvme-of"), ("/nvme", "nvme"), ("/rport-", "fc"), ("/session", "iscsi"),
    ("/end_device-", "sas"), ("/ata", "sata"), ("/usb", "usb"), ("/virtio", "virtio"), ("/vbd-", "xen"),
    ("/mmc", "mmc"), ("/rbd", "rbd"), ("/drbd", "drbd"), ("/nbd", "nbd"),
  ]

  /// Whether other hosts may reach the same disk (PITFALLS A16).
  var mayBeShared: Bool {
    switch transport {
    case "nvme-of", "fc", "iscsi", "sas", "rbd", "drbd", "nbd": true
    default: false
    }
  }
}

extension BlockDevice.Queue {
  init(_ sysfs: Sysfs, _ base: String) throws(Errno) {
    logicalBlockSize = UInt32(clamping: try sysfs.number("\(base)/logical_block_size") ?? 512)
    physicalBlockSize = UInt32(clamping: try sysfs.number("\(base)/physical_block_size") ?? 512)
    maxRequestSize = min(try sysfs.number("\(base)/max_sectors_kb") ?? 128, 1 << 30) * 1024
    maxSegments = try sysfs.number("\(base)/max_segments") ?? 128
    countsSectors = try sysfs.flag("\(base)/iostats")
    zonedModel = try sysfs.text("\(base)/zoned") ?? "none"
    isRotational = try sysfs.flag("\(base)/rotational")
  }
}
