import SystemPackage

extension PersistentIdentity {
  /// Of `disk`: WWN, serial number, dm, md or zvol name; of an image, also behind a loop, its file's.
  ///
  /// - Throws: where there is no disk, or it cannot be asked.
  init(of disk: NamedDisk, on host: Host) throws(ResyncError) {
    func asking<Value: ~Copyable>(_ body: () throws(Errno) -> Value) throws(ResyncError) -> Value {
      try attempt("find out what is permanent about", on: disk.name.typed, side: disk.side, .setUp, body)
    }
    let place: Place
    switch disk.storage {
    case .device(let device): place = Place(of: device, on: host)
    case .image(let image):
      place = .file(image.identity, path: image.path, offset: 0)
    case .none:
      throw ResyncError(.invalidParameter, "remember", on: disk.name.typed, side: disk.side)
    }
    let parts = try asking { () throws(Errno) in try place.parts() }
    guard let identity = PersistentIdentity(parts: parts + ["size-\(disk.size)"]) else {
      throw ResyncError(
        .notSupported, "remember", on: disk.name.typed, side: disk.side,
        reason: "what it says of itself is longer than \(Self.limit) bytes")
    }
    self = identity
  }

  /// Of a device; nil where it cannot be asked.
  init?(of device: BlockDevice, on host: Host) {
    guard let parts = try? Place(of: device, on: host).parts() else { return nil }
    self.init(parts: parts + ["size-\(device.size)"])
  }

  /// Other devices of this host that say the same of themselves; none of them can be told from this one.
  ///
  /// Paths to one disk do; so do cheap disks whose maker gave all the same serial number.
  static func twins(of disk: NamedDisk, on host: Host) -> [BlockDevice] {
    guard let device = disk.device, case .device(_, let name?) = Place(of: device, on: host) else {
      return []
    }
    return host.devices.filter { other in
      guard other.number != device.number, other.size == device.size,
        case .device(_, name) = Place(of: other, on: host)
      else { return false }
      return true
    }
  }
}

/// What a disk's bytes are a part of.
private enum Place {
  /// A device that says of itself what it is; nil where it says nothing.
  case device(BlockDevice, name: String?)
  /// A file, from a byte on; the path may lead elsewhere by now.
  case file(FileIdentity, path: FilePath, offset: UInt64)

  /// A loop's is a place in its file, a loop's partition as well.
  init(of device: BlockDevice, on host: Host) {
    if let place = device.rangeOnDisk, let disk = device.disk.flatMap(host.device(named:)),
      let loop = disk.loop, let file = loop.backing, loop.backingDevice == nil
    {
      let start = loop.offset.addingReportingOverflow(place.offset)
      self = .file(file, path: FilePath(loop.path), offset: start.overflow ? .max : start.partialValue)
    } else if let loop = device.loop, let file = loop.backing, loop.backingDevice == nil {
      self = .file(file, path: FilePath(loop.path), offset: loop.offset)
    } else if let loop = device.loop, let below = loop.backingDevice.flatMap(host.device(_:)) {
      let name = below.permanentName.map { loop.offset == 0 ? $0 : "\($0)/offset-\(loop.offset)" }
      self = .device(device, name: name)
    } else {
      self = .device(device, name: device.permanentName)
    }
  }

  func parts() throws(Errno) -> [String] {
    switch self {
    case .device(_, let name?): return [name]
    case .device(let device, nil):
      let sequence = device.diskSequence.map { ["sequence-\($0)"] } ?? []
      let partition = device.rangeOnDisk.map { ["at-\($0.offset)"] } ?? []
      return try ["boot-\(bootID())", "device-\(device.number)"] + sequence + partition
    case .file(let identity, let path, let offset):
      let place = offset == 0 ? [] : ["offset-\(offset)"]
      if let parts = try permanentParts(of: identity, path) { return parts + place }
      return try ["boot-\(bootID())", "file-\(identity.device)", "inode-\(identity.inode)"] + place
    }
  }

  /// File system, subvolume, inode and birth; nil where the file cannot be reached by its name any more, or its
  /// file system tells nothing that lasts.
  private func permanentParts(of identity: FileIdentity, _ path: FilePath) throws(Errno) -> [String]? {
    let file: OwnedDescriptor
    do throws(Errno) {
      file = try OwnedDescriptor(opening: path, [.noFollow, .nonBlocking])
    } catch {
      // Another namespace's, removed, or renamed: the loop goes on all the same.
      return nil
    }
    let status = try FileStatus(of: file)
    guard status.identity == identity, status.kind == .regular else { return nil }
    let fileSystem = try FileSystemIdentity(of: file)
    guard let name = fileSystem.text else { return nil }
    var parts = [name]
    if try FileSystem(of: file).name == "btrfs" { parts.append("subvolume-\(try btrfsSubvolume(of: file))") }
    parts.append("inode-\(identity.inode)")
    // Without it a later file may have the same number: then only this boot's word counts.
    guard let born = status.born else { return nil }
    parts.append("born-\(born)")
    return parts
  }
}

extension BlockDevice {
  /// ``stableName``, and a zvol's pool and path (udev's link, drivers of OpenZFS have no name of their own).
  fileprivate var permanentName: String? {
    if let name = stableName { return name }
    let links = links.filter { $0.hasPrefix("/dev/zvol/") }.sorted()
    return links.first.map { "zvol-\($0.dropFirst("/dev/zvol/".count))" }
  }
}
