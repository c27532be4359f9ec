import SystemPackage

/// What shows whether somebody else wrote to a disk: the kernel's count and, for an image or a file behind a
/// loop, the file's own times.
struct Witness: Sendable {
  private let name: String
  private let wholeDisk: String?
  private let count: WriteCount?
  private let file: FileStatus?

  /// What was written since a witness was taken.
  struct Finding: Sendable, Equatable {
    /// Bytes beyond our own; nil where nothing counts them.
    var foreignBytes: UInt64?
    /// Whether the image, or the file behind the loop, changed; nil where there is none.
    var fileChanged: Bool?

    /// Whether the kernel counts nothing: what a file's times say is then no proof (PITFALLS G2).
    var isSilent: Bool { foreignBytes == nil }
  }

  /// Takes the witness of `disk`.
  init(_ disk: borrowing OpenedDisk, _ planned: NamedDisk, _ side: Side) throws(ResyncError) {
    // A loop of our own is nobody else's: only its file can be written behind our back. Ours are counted too.
    name = disk.identity.kernelName ?? "loop\(disk.number.minor)"
    wholeDisk = planned.device?.disk
    count = try Self.count(name, wholeDisk, side)
    file = try Self.file(disk, planned, side)
  }

  /// Looks again.
  ///
  /// - Parameters:
  ///   - ownBytes: bytes that we have submitted to the device since, whether they arrived or not.
  ///   - ownChange: whether we have written to the disk at all, by whatever way.
  func find(
    _ disk: borrowing OpenedDisk, _ planned: NamedDisk, _ side: Side, ownBytes: UInt64, ownChange: Bool
  ) throws(ResyncError) -> Finding {
    var finding = Finding()
    if let count, let now = try Self.count(name, wholeDisk, side) {
      finding.foreignBytes =
        Self.excess(now.bytes, over: count.bytes, ownBytes)
        &+ Self.excess(now.bytesBeside, over: count.bytesBeside, 0)
    }
    if let file, let now = try Self.file(disk, planned, side) {
      // Our own writes change the file's times too.
      finding.fileChanged = now.size != file.size || !ownChange && now.changed != file.changed
    }
    return finding
  }

  private static func excess(_ now: UInt64, over before: UInt64, _ own: UInt64) -> UInt64 {
    let delta = now >= before ? now - before : 0
    return delta > own ? delta - own : 0
  }

  private static func count(
    _ name: String, _ wholeDisk: String?, _ side: Side
  ) throws(ResyncError) -> WriteCount? {
    try attempt("read the write counters of", on: name, side: side, .transfer) { () throws(Errno) in
      try WriteCount(of: name, on: wholeDisk)
    }
  }

  private static func file(
    _ disk: borrowing OpenedDisk, _ planned: NamedDisk, _ side: Side
  ) throws(ResyncError) -> FileStatus? {
    if let status = try disk.imageStatusNow(side) { return status }
    guard let loop = planned.device?.loop, loop.backingDevice == nil, let backing = loop.backing else {
      return nil
    }
    // The path may be stale, or of another namespace: then there is no such witness.
    guard let status = try? FileStatus(at: FilePath(loop.path), followingLink: true),
      status.identity == backing
    else { return nil }
    return status
  }
}
