import SystemPackage

/// What shows whether somebody else wrote to a disk: the kernel's count and, for an image or a file behind a
/// loop, the file's own times.
struct Witness: Sendable {
  private let device: BlockDevice?
  private let count: WriteCount?
  private let file: FileStatus?

  /// What was written since a witness was taken.
  struct Finding: Sendable, Equatable {
    /// Bytes beyond our own; nil where nothing counts them.
    var foreignBytes: UInt64?
    /// Whether the image, or the file behind the loop, changed; nil where there is none.
    var fileChanged: Bool?

    /// Whether nothing could tell.
    var isSilent: Bool { foreignBytes == nil && fileChanged == nil }
  }

  /// Takes the witness of `disk`.
  init(_ disk: borrowing OpenedDisk, _ planned: NamedDisk, _ side: Side) throws(ResyncError) {
    let number = disk.number
    let known = planned.device ?? planned.image?.wholeLoop
    // A loop of our own is nobody else's: only its file can be written behind our back. Ours are counted.
    device = if let known { known } else { try Self.look(up: number, side, disk.identity.path) }
    count = try Self.count(device, side)
    file = try Self.file(disk, planned, side)
  }

  /// Looks again.
  ///
  /// - Parameter ownBytes: bytes that we have submitted since, whether they arrived or not.
  func find(
    _ disk: borrowing OpenedDisk, _ planned: NamedDisk, _ side: Side, ownBytes: UInt64
  ) throws(ResyncError) -> Finding {
    var finding = Finding()
    if let count, let now = try Self.count(device, side) {
      let (node, beside) = (now.bytes &- count.bytes, now.bytesBeside &- count.bytesBeside)
      finding.foreignBytes = (node > ownBytes ? node - ownBytes : 0) + beside
    }
    if let file, let now = try Self.file(disk, planned, side) {
      // Our own writes change the file's times too.
      finding.fileChanged = now.size != file.size || ownBytes == 0 && now.changed != file.changed
    }
    return finding
  }

  private static func count(_ device: BlockDevice?, _ side: Side) throws(ResyncError) -> WriteCount? {
    guard let device else { return nil }
    return try attempt("read the write counters of", on: device.node, side: side, .transfer) { () throws(Errno) in
      try WriteCount(of: device)
    }
  }

  private static func file(
    _ disk: borrowing OpenedDisk, _ planned: NamedDisk, _ side: Side
  ) throws(ResyncError) -> FileStatus? {
    if let status = try disk.imageStatusNow(side) { return status }
    guard let loop = planned.device?.loop, loop.backingDevice == nil, let backing = loop.backing else { return nil }
    // The path may be stale, or of another namespace: then there is no such witness.
    guard let status = try? FileStatus(at: FilePath(loop.path), followingLink: true), status.identity == backing
    else { return nil }
    return status
  }

  /// A device that was attached after the discovery: one of our own loops.
  private static func look(
    up number: DeviceNumber, _ side: Side, _ path: String
  ) throws(ResyncError) -> BlockDevice? {
    try attempt("look up the loop over", on: path, side: side, .transfer) { () throws(Errno) in
      try discoverDevices().first { $0.number == number }
    }
  }
}
