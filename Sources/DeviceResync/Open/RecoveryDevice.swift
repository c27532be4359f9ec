import SystemPackage

/// The disk that is brought in line: claimed for this run from its opening to its closing.
struct RecoveryDevice: ~Copyable, Sendable {
  let disk: OpenedDisk
  /// The files behind the loop that it is, or lies on; an image's own is the disk's.
  private let loopFiles: [HeldFile]
  /// Such files that cannot be had: on these QEMU can still start.
  let unguardedFiles: [String]

  /// A byte of the image that only vmresync locks (PITFALLS E2).
  ///
  /// The lock is taken on the open file that the loop keeps, so that it ends with the run's last I/O and not
  /// with its process.
  static let ownLockByte = ByteRange(offset: 0x766d_7265, length: 1)  // "vmre"

  /// Opens for reading, locking and claiming nothing: what `compare` and a dry run do.
  init(reading planned: borrowing NamedDisk) throws(ResyncError) {
    disk = try OpenedDisk(planned, .readOnly) { (_) throws(ResyncError) in }
    loopFiles = []
    unguardedFiles = []
  }

  /// Claims the node that is written (`O_EXCL`) and, for an image, our own lock byte.
  ///
  /// - Parameter files: those of the other recoveries of the call.
  init(claiming planned: borrowing NamedDisk, _ files: HeldFiles = HeldFiles()) throws(ResyncError) {
    let (name, side) = (planned.name.typed, planned.side)
    let disk = try OpenedDisk(planned, [.readWrite, .claim]) { (image) throws(ResyncError) in
      do throws(Errno) {
        try image.lock(Self.ownLockByte, forWriting: true)
      } catch .resourceTemporarilyUnavailable, .permissionDenied {
        throw ResyncError(
          .kernel(.resourceBusy, .open), "lock", on: name, side: side,
          reason: "another run of vmresync holds it",
          remedy: "wait for that run to end")
      } catch {
        throw ResyncError(.kernel(error, .open), "lock", on: name, side: side)
      }
    }
    (loopFiles, unguardedFiles) = files.take(planned)
    self.disk = disk
  }
}

extension RecoveryDevice {
  /// Keeps QEMU from starting on the recovery: holds the bytes that a writer holds, on the node and on the image, or
  /// on the file behind the loop.
  ///
  /// Locks first and looks then, as QEMU does, so that of two starters not both win.
  /// - Throws: 32769 where the node was set read-only, 32774 where somebody else holds one already; nothing is held then.
  func holdStartGuard() throws(ResyncError) {
    let name = disk.identity.path
    // Set read-only since the plan: better found now than half-way (PITFALLS D10).
    try attempt("write to", on: name, side: .recovery, .transfer) { () throws(Errno) in
      if try disk.device.isReadOnlyDevice() { throw .readOnlyFileSystem }
    }
    do throws(Errno) {
      let isFree =
        switch disk.image {
        case .some(let image): try Self.hold(disk.device, image)
        case .none: try Self.hold(disk.device, loopFiles)
        }
      if isFree { return }
    } catch {
      throw ResyncError(.kernel(error, .open), "lock", on: name, side: .recovery)
    }
    throw ResyncError(
      .inUse, "start writing to", on: name, side: .recovery,
      reason: "a virtual machine has locked it since the plan", remedy: "stop that machine, then run again")
  }

  /// The files last: another recovery of the call may hold them already, and goes on holding them.
  private static func hold(_ node: borrowing OwnedDescriptor, _ files: [HeldFile]) throws(Errno) -> Bool {
    guard try hold(node) else { return false }
    for file in files {
      guard try hold(file.descriptor) else { return try release(node) }
    }
    return true
  }

  private static func hold(
    _ node: borrowing OwnedDescriptor, _ image: borrowing OwnedDescriptor
  ) throws(Errno) -> Bool {
    guard try hold(node) else { return false }
    guard try hold(image) else { return try release(node) }
    return true
  }

  /// Holds what a writer needs and forbids (all but "write unchanged", 102); false where others hold one.
  private static func hold(_ descriptor: borrowing OwnedDescriptor) throws(Errno) -> Bool {
    for bytes in startGuard {
      do throws(Errno) {
        try descriptor.lock(bytes, forWriting: false)
      } catch .resourceTemporarilyUnavailable, .permissionDenied {
        return try release(descriptor)
      }
    }
    if try descriptor.isLockedByOthers(QEMULockBytes.needed) { return try release(descriptor) }
    if try descriptor.isLockedByOthers(QEMULockBytes.forbidden) { return try release(descriptor) }
    return true
  }

  private static func release(_ descriptor: borrowing OwnedDescriptor) throws(Errno) -> Bool {
    for bytes in startGuard { try descriptor.unlock(bytes) }
    return false
  }

  private static let startGuard = [
    ByteRange(offset: 100, length: 2), ByteRange(offset: 103, length: 1), QEMULockBytes.forbidden,
  ]
}
