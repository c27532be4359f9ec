import SystemPackage

/// A disk that a run has open: the block device, and the image behind it.
///
/// What reads and what writes is decided one level up: ``PrimaryDevice`` and ``RecoveryDevice``.
struct OpenedDisk: ~Copyable, Sendable {
  /// What is read from and written to, with `O_DIRECT`.
  let device: OwnedDescriptor
  /// The image's file; nil for a device.
  let image: OwnedDescriptor?
  /// What was opened, by the descriptors' own word.
  let identity: DeviceIdentity
  /// Number of the device.
  let number: DeviceNumber
  /// Size of the block device, in bytes; an image may have a tail beyond it.
  let deviceSize: UInt64
  let logicalBlockSize: UInt32
  /// Whether this run attached the loop.
  let isOwnLoop: Bool
  /// Whether the loop reads its file without the page cache; nil for other devices.
  let backingDirectIO: Bool?
  /// The image at the start.
  let imageStatus: FileStatus?

  /// Bytes of the image that no block of the loop reaches.
  var tail: ByteRange {
    ByteRange(deviceSize, upTo: max(identity.size, deviceSize))
  }

  /// Opens what was planned, and nothing else.
  ///
  /// - Parameters:
  ///   - flags: how the block device is opened, `direct` aside.
  ///   - prepare: takes locks on the image before a loop is attached over it.
  init(
    _ disk: borrowing NamedDisk, _ flags: OpenFlags,
    prepare: (borrowing OwnedDescriptor) throws(ResyncError) -> Void
  ) throws(ResyncError) {
    switch disk.storage {
    case .device(let device):
      try self.init(disk, device, flags)
    case .image(let image):
      try self.init(disk, image, flags, prepare)
    case .none:
      throw ResyncError(.invalidParameter, "open", on: disk.name.typed, side: disk.side)
    }
  }

  private init(
    _ disk: borrowing NamedDisk, _ planned: BlockDevice, _ flags: OpenFlags
  ) throws(ResyncError) {
    let (name, side) = (disk.name.typed, disk.side)
    let device = try Self.open(disk.name.canonical ?? FilePath(name), flags.union(.direct), disk) { status in
      status.kind == .blockDevice && status.deviceNumber == planned.number
    }
    let status = try attempt("look at", on: name, side: side) { () throws(Errno) in
      try device.makeBlocking()
      return try FileStatus(of: device)
    }
    guard status.kind == .blockDevice, status.deviceNumber == planned.number else {
      throw Self.replaced(disk, "another file took its name")
    }
    let opened = try attempt("look at", on: name, side: side) { () throws(Errno) in try Opened(device) }
    try Self.compare(opened, disk.identity, disk)
    var identity = disk.identity
    identity.diskSequence = opened.diskSequence
    self.device = device
    image = nil
    self.identity = identity
    number = planned.number
    deviceSize = opened.size
    logicalBlockSize = opened.logicalBlockSize
    isOwnLoop = false
    backingDirectIO = planned.loop?.usesDirectIO
    imageStatus = nil
  }

  private init(
    _ disk: borrowing NamedDisk, _ planned: RawImage, _ flags: OpenFlags,
    _ prepare: (borrowing OwnedDescriptor) throws(ResyncError) -> Void
  ) throws(ResyncError) {
    let (name, side) = (disk.name.typed, disk.side)
    // Without O_DIRECT: it would switch the loop's direct I/O on behind our back (PITFALLS B5).
    let file = try Self.open(planned.path, flags.subtracting(.claim), disk) { status in
      status.kind == .regular && status.identity == planned.identity
    }
    let status = try attempt("look at", on: name, side: side) { () throws(Errno) in
      try file.makeBlocking()
      return try FileStatus(of: file)
    }
    guard status.kind == .regular, status.identity == planned.identity else {
      throw Self.replaced(disk, "another file took its name")
    }
    guard status.size == planned.size else { throw Self.replaced(disk, "its size changed") }
    try prepare(file)

    let attached = try Self.device(over: file, disk, planned, flags)
    let opened = try attempt("look at the loop over", on: name, side: side) { () throws(Errno) in
      try Opened(attached.descriptor)
    }
    var identity = disk.identity
    identity.kernelName = "loop\(opened.status.deviceNumber.minor)"
    identity.deviceNumber = opened.status.deviceNumber
    identity.logicalBlockSize = opened.logicalBlockSize
    identity.diskSequence = opened.diskSequence
    self.identity = identity
    number = opened.status.deviceNumber
    deviceSize = opened.size
    logicalBlockSize = opened.logicalBlockSize
    isOwnLoop = attached.isOwn
    backingDirectIO = attached.usesDirectIO
    imageStatus = status
    device = attached.take()
    image = consume file
  }
}

extension OpenedDisk {
  /// What the descriptor itself says.
  private struct Opened {
    let status: FileStatus
    let size: UInt64
    let logicalBlockSize: UInt32
    let diskSequence: UInt64?

    init(_ descriptor: borrowing OwnedDescriptor) throws(Errno) {
      status = try FileStatus(of: descriptor)
      size = try descriptor.deviceSize()
      logicalBlockSize = try descriptor.logicalBlockSize()
      diskSequence = try descriptor.diskSequenceIfAny()
    }
  }

  /// Opens a canonical path: links that stand there now were put there since (PITFALLS A11).
  ///
  /// - Parameter isPlanned: tells, where it cannot be opened, whether what stands there is still what was planned.
  private static func open(
    _ path: FilePath, _ flags: OpenFlags, _ disk: borrowing NamedDisk, isPlanned: (FileStatus) -> Bool
  ) throws(ResyncError) -> OwnedDescriptor {
    do throws(ResyncError) {
      return try attempt(wording(flags), on: disk.name.typed, side: disk.side) { () throws(Errno) in
        try OwnedDescriptor(opening: path, flags.union([.noFollow, .nonBlocking]))
      }
    } catch {
      if let status = try? FileStatus(at: path, followingLink: false), isPlanned(status) { throw error }
      throw replaced(disk, "it is gone, or another file took its name")
    }
  }

  private static func wording(_ flags: OpenFlags) -> String {
    flags.contains(.claim)
      ? "claim for writing" : flags.contains(.readWrite) ? "open for writing" : "open for reading"
  }

  private static func replaced(_ disk: borrowing NamedDisk, _ reason: String) -> ResyncError {
    ResyncError(
      .replaced, "open", on: disk.name.typed, side: disk.side, reason: "\(reason) since the plan",
      remedy: "look at it with: \(CallContext.current.typedAgain(.plan)), then run again")
  }

  private static func compare(
    _ opened: Opened, _ planned: DeviceIdentity, _ disk: borrowing NamedDisk
  ) throws(ResyncError) {
    if opened.size != planned.size {
      throw replaced(disk, "its size changed from \(planned.size) to \(opened.size) bytes")
    }
    if opened.logicalBlockSize != planned.logicalBlockSize {
      throw replaced(disk, "its logical block size changed")
    }
    if let sequence = planned.diskSequence, opened.diskSequence != sequence {
      throw replaced(disk, "another disk is attached there")
    }
  }

  /// Fails where the descriptors no longer lead to what was opened (PITFALLS A7–A9, B8, B9).
  func checkUnchanged(_ side: Side) throws(ResyncError) {
    let name = identity.path
    let now = try attempt("look again at", on: name, side: side, .transfer) { () throws(Errno) in
      try Opened(device)
    }
    func changed(_ what: String) -> ResyncError {
      ResyncError(
        .replaced, "go on with", on: name, side: side, reason: "\(what) during the run",
        remedy: "look at it with: \(CallContext.current.typedAgain(.plan)), then run again")
    }
    if now.diskSequence != identity.diskSequence { throw changed("another disk was attached") }
    if now.size != deviceSize { throw changed("its size changed from \(deviceSize) to \(now.size) bytes") }
    if now.logicalBlockSize != logicalBlockSize { throw changed("its logical block size changed") }
    if let imageStatus, let imageNow = try imageStatusNow(side), imageNow.size != imageStatus.size {
      throw changed("the image's size changed from \(imageStatus.size) to \(imageNow.size) bytes")
    }
  }

  /// The image as it is now; nil for a device.
  func imageStatusNow(_ side: Side) throws(ResyncError) -> FileStatus? {
    try attempt("look again at", on: identity.path, side: side, .transfer) { () throws(Errno) in
      switch image {
      case .some(let file): try FileStatus(of: file)
      case .none: nil
      }
    }
  }
}
