import CLinux
import SystemPackage

/// What a loop device is attached to, by `LOOP_GET_STATUS64`.
struct LoopStatus: Sendable, Equatable {
  /// The backing file.
  let backing: FileIdentity
  /// The backing file's own number, where it is a block device.
  let backingDevice: DeviceNumber?
  /// Where in it the device begins, in bytes.
  let offset: UInt64
  /// How long the device may be at most, in bytes; nil for up to the file's end.
  let sizeLimit: UInt64?
  let isReadOnly: Bool
  let detachesItself: Bool
  let usesDirectIO: Bool

  /// Of the loop that `descriptor` has open; `ENXIO` where nothing is attached.
  init(of descriptor: borrowing OwnedDescriptor) throws(Errno) {
    var raw = cl_loop_status()
    try check(unsafe cl_loop_status(descriptor.rawValue, &raw))
    backing = FileIdentity(
      device: DeviceNumber(major: raw.backing_major, minor: raw.backing_minor), inode: raw.backing_inode)
    let special = DeviceNumber(major: raw.special_major, minor: raw.special_minor)
    backingDevice = special == DeviceNumber(major: 0, minor: 0) ? nil : special
    offset = raw.offset
    sizeLimit = raw.size_limit == 0 ? nil : raw.size_limit
    isReadOnly = raw.read_only
    detachesItself = raw.autoclear
    usesDirectIO = raw.direct_io
  }
}

/// A loop device that this process has attached; the kernel detaches it when the last descriptor closes.
struct AttachedLoop: ~Copyable, Sendable {
  let descriptor: OwnedDescriptor
  /// N of `/dev/loopN`.
  let number: Int

  var path: FilePath { FilePath("/dev/loop\(number)") }

  /// Attaches `image` to a free loop device with direct I/O, without a partition scan.
  ///
  /// The node is locked before it is attached, so that udev does not probe it (systemd,
  /// docs/BLOCK_DEVICE_LOCKING.md) and nobody assembles what the guest keeps on it.
  ///
  /// - Parameters:
  ///   - flags: how the loop's node is opened; `readOnly` makes the device read-only as well.
  ///   - blockSize: logical block size, in bytes; 0 leaves it to the kernel.
  init(
    over image: borrowing OwnedDescriptor, _ flags: OpenFlags, blockSize: UInt32 = 0
  ) throws(Errno) {
    let control = try OwnedDescriptor(opening: "/dev/loop-control", .readWrite)
    var refusal = Errno.resourceBusy
    // Between the question for a free number and the attachment another process may take it; its node may
    // not be made yet (PITFALLS B1).
    for attempt in 0..<Self.attempts {
      let number = try check(cl_loop_find_free(control.rawValue))
      do throws(Errno) {
        let descriptor = try OwnedDescriptor(opening: FilePath("/dev/loop\(number)"), flags)
        try descriptor.lockExclusively()
        try check(
          cl_loop_configure(
            descriptor.rawValue, image.rawValue, blockSize, !flags.contains(.readWrite)))
        self.descriptor = descriptor
        self.number = Int(number)
        return
      } catch {
        guard Self.isRace(error) else { throw error }
        refusal = error
        // The kernel offers a number until it is configured; whoever has locked it may not be running just now.
        pause(milliseconds: UInt32(min(attempt, 20)))
      }
    }
    throw refusal
  }

  /// Hands the descriptor over; the loop lives as long as it does.
  consuming func takeDescriptor() -> OwnedDescriptor { descriptor }

  /// About five seconds.
  private static let attempts = 256

  private static func isRace(_ errno: Errno) -> Bool {
    switch errno {
    case .resourceBusy, .resourceTemporarilyUnavailable, .noSuchFileOrDirectory, .noSuchAddressOrDevice: true
    default: false
    }
  }
}
