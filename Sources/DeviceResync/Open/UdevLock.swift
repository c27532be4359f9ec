import SystemPackage

/// Keeps udev from probing a disk while it is written, and from acting on what it would find.
///
/// udev takes a shared flock on the *whole disk's* node before it probes, and lets go of a disk that somebody
/// else has locked; dm and md are not part of that scheme (systemd, docs/BLOCK_DEVICE_LOCKING.md).
struct UdevLock: ~Copyable {
  private let descriptor: OwnedDescriptor

  /// How long udev may be probing already.
  private static let patience = Duration.seconds(5)

  /// Locks `disk`; nil where the scheme does not cover it.
  static func take(on disk: BlockDevice) throws(ResyncError) -> UdevLock? {
    switch disk.kind {
    case .deviceMapper, .raid: return nil
    case .disk, .partition, .loop, .other: break
    }
    let descriptor = try attempt("open for locking", on: disk.node, side: .recovery) { () throws(Errno) in
      let descriptor = try OwnedDescriptor(opening: FilePath(disk.node), [.nonBlocking])
      guard try FileStatus(of: descriptor).deviceNumber == disk.number else {
        throw Errno.noSuchAddressOrDevice
      }
      return descriptor
    }
    let clock = ContinuousClock()
    let deadline = clock.now + patience
    while true {
      do throws(Errno) {
        try descriptor.lockExclusively()
        return UdevLock(descriptor: descriptor)
      } catch .resourceTemporarilyUnavailable where clock.now < deadline {
        pause(milliseconds: 50)
      } catch {
        throw ResyncError(
          .inUse, "lock", on: disk.node, side: .recovery,
          reason: "another program has held udev's lock on it for 5 s (\(error.name))",
          remedy: "find it with: lsof \(disk.node)")
      }
    }
  }
}
