import SystemPackage

/// Bytes that QEMU locks to say what it does with an image: 100 and on what it needs, 200 and on what it forbids.
///
/// Source: QEMU, block/file-posix.c (`RAW_LOCK_PERM_BASE`, `RAW_LOCK_SHARED_BASE`).
enum QEMULockBytes {
  static let needed = ByteRange(offset: 100, length: 4)
  static let forbidden = ByteRange(offset: 200, length: 4)
  /// Held by whoever writes.
  static let writing = ByteRange(offset: 101, length: 1)
}

extension NamedDisk {
  /// Looks at what `name` leads to, and opens it only for reading.
  init(_ side: Side, _ name: NamedPath, on host: Host) {
    self.side = side
    self.name = name
    identity = DeviceIdentity(path: name.typed, size: 0)
    guard name.problem == nil, let path = name.canonical, let status = name.status else { return }
    do throws(ResyncError) {
      try inspect(path, status, host)
    } catch {
      refusal = error
    }
  }

  private mutating func inspect(_ path: FilePath, _ planned: FileStatus, _ host: Host) throws(ResyncError) {
    let side = side
    let descriptor = try attempt("open for reading", on: name.typed, side: side) { () throws(Errno) in
      try OwnedDescriptor(opening: path, [.noFollow, .nonBlocking])
    }
    let status = try attempt("look at", on: name.typed, side: side) { () throws(Errno) in
      try FileStatus(of: descriptor)
    }
    guard status.kind == planned.kind, status.identity == planned.identity else {
      throw ResyncError(
        .replaced, "open", on: name.typed, side: side, reason: "another file took its name meanwhile",
        remedy: "run again")
    }
    if status.kind == .blockDevice {
      try inspectDevice(status.deviceNumber, descriptor, host)
    } else {
      try inspectImage(path, status, descriptor, host)
    }
    try attempt("look for locks on", on: name.typed, side: side) { () throws(Errno) in
      try lookForLocks(descriptor)
    }
    container = try container(path, isDevice: status.kind == .blockDevice)
  }

  /// Compares the ends of the disk with our table of containers; a device's past its node's cache.
  private func container(_ path: FilePath, isDevice: Bool) throws(ResyncError) -> ContainerFormat? {
    let size = size
    let window = UInt64(ContainerFormat.startLength)
    if isDevice, size < window { return nil }
    let first = ByteRange(offset: 0, length: min(size, window))
    // The last bytes; of a device in a piece that suits every block size.
    let last =
      isDevice
      ? ByteRange((size - 1) / window * window, upTo: size)
      : ByteRange(size - min(size, UInt64(ContainerFormat.endLength)), upTo: size)
    let disk = try attempt("open for reading", on: name.typed, side: side) { () throws(Errno) in
      let flags: OpenFlags = isDevice ? [.direct, .noFollow, .nonBlocking] : [.noFollow, .nonBlocking]
      let disk = try OwnedDescriptor(opening: path, flags)
      try disk.makeBlocking()
      return disk
    }
    func read(_ range: ByteRange, _ which: String) throws(ResyncError) -> [UInt8] {
      do throws(Errno) {
        return try UnderWay.during(Activity("read", on: name.typed, range: range)) { () throws(Errno) in
          isDevice
            ? try disk.readDirect(Int(window), at: range.offset)
            : try disk.read(Int(range.length), at: range.offset)
        }
      } catch {
        throw ResyncError(
          .kernel(error, .transfer), "read the \(which) bytes of", on: name.typed, side: side, range: range)
      }
    }
    return ContainerFormat(start: try read(first, "first"), end: try read(last, "last"))
  }

  private mutating func inspectDevice(
    _ number: DeviceNumber, _ descriptor: borrowing OwnedDescriptor, _ host: Host
  ) throws(ResyncError) {
    guard let device = host.device(number) else {
      throw ResyncError(
        .kernel(.noSuchAddressOrDevice, .open), "use", on: name.typed, side: side,
        reason: "the node has no device behind it", remedy: "attach the disk first")
    }
    storage = .device(device)
    identity.kernelName = device.name
    identity.deviceNumber = number
    identity.logicalBlockSize = device.queue.logicalBlockSize
    identity.diskSequence = device.diskSequence
    identity.backingFile = device.loop?.path
    identity.size = try attempt("read the size of", on: name.typed, side: side) { () throws(Errno) in
      try descriptor.deviceSize()
    }
    extents = host.extents(of: device)
    loopFiles = host.loopFiles(of: extents)
    identity.stableName = stableName(of: device, host)
    related = host.relatives(of: extents)
  }

  private mutating func inspectImage(
    _ path: FilePath, _ status: FileStatus, _ descriptor: borrowing OwnedDescriptor, _ host: Host
  ) throws(ResyncError) {
    let fileSystem = try attempt("look at the file system of", on: name.typed, side: side) {
      () throws(Errno) in
      try FileSystem(of: descriptor)
    }
    var image = RawImage(path: path, status: status, fileSystem: fileSystem)
    // A loop of our own is the one in use: who came since is a stranger. One that detaches itself and that nobody
    // has open is about to go: a dead run's, or one that is mounted.
    let loops = host.loops(over: status.identity)
    if loops.count == 1, let loop = loops.first, !host.ownLoops.contains(loop.number), loop.loop?.offset == 0,
      loop.loop?.sizeLimit == nil, loop.size == status.size,
      host.hasForItself(loop),
      side == .primary || !loop.isReadOnly
    {
      image.wholeLoop = loop
    }
    storage = .image(image)
    identity.size = status.size
    identity.backingFile = path.string
    identity.stableName = status.stableName(on: fileSystem)
    if let loop = image.wholeLoop {
      identity.kernelName = loop.name
      identity.deviceNumber = loop.number
      identity.logicalBlockSize = loop.queue.logicalBlockSize
      identity.diskSequence = loop.diskSequence
    }
    extents = host.extents(of: status.identity, size: status.size)
    related = host.relatives(of: extents)
  }

  private mutating func lookForLocks(_ descriptor: borrowing OwnedDescriptor) throws(Errno) {
    try addLocks(on: descriptor)
    // QEMU that was given the image behind a loop locks the file, not the loop's node.
    for loopFile in loopFiles {
      if let file = loopFile.open() { try addLocks(on: file) }
    }
  }

  private mutating func addLocks(on descriptor: borrowing OwnedDescriptor) throws(Errno) {
    if try descriptor.isLockedByOthers(QEMULockBytes.writing) { locks.writer = true }
    if try descriptor.isLockedByOthers(QEMULockBytes.needed) { locks.user = true }
    if try descriptor.isLockedByOthers(QEMULockBytes.forbidden) { locks.user = true }
  }

  /// A loop's is its file's; a partition of a loop is a place in that file.
  private func stableName(of device: BlockDevice, _ host: Host) -> String? {
    func name(_ file: FileIdentity) -> String {
      loopFiles.lazy.filter { $0.identity == file }.compactMap(\.stableName).first ?? file.nameOfThisBoot
    }
    if let file = device.loop?.backing { return name(file) }
    guard let file = device.disk.flatMap(host.device(named:))?.loop?.backing, let place = device.rangeOnDisk
    else {
      return device.stableName
    }
    return "\(name(file))+\(place.offset)+\(place.length)"
  }
}

extension Host {
  /// Whether nobody has `loop` open, or this run has: then readers may come (PITFALLS G9), and writers are for the
  /// guards to name.
  fileprivate func hasForItself(_ loop: BlockDevice) -> Bool {
    let users = openers.filter { $0.target == .device(loop.number) }.map(\.process)
    return users.contains(ownProcess) || users.isEmpty && loop.loop?.detachesItself == false
  }

  /// The devices that share, or may share, bytes with `extents`.
  func relatives(of extents: [StorageExtent]) -> [BlockDevice] {
    devices.filter { Overlap(self.extents(of: $0), extents) != .none }
  }
}
