import CLinux
import SystemPackage

extension OwnedDescriptor {
  /// Takes the whole-file lock that udev respects, without waiting (flock(2), `LOCK_EX | LOCK_NB`).
  ///
  /// Source: systemd, docs/BLOCK_DEVICE_LOCKING.md. Lasts until the open file is closed.
  func lockExclusively() throws(Errno) {
    try check(cl_lock_exclusively(rawValue))
  }

  /// Takes a lock on `bytes` for this open file, without waiting (fcntl(2), `F_OFD_SETLK`).
  func lock(_ bytes: ByteRange, forWriting: Bool) throws(Errno) {
    try check(cl_lock_bytes(rawValue, bytes.offset, bytes.length, forWriting))
  }

  /// Drops this open file's locks on `bytes`.
  func unlock(_ bytes: ByteRange) throws(Errno) {
    try check(cl_unlock_bytes(rawValue, bytes.offset, bytes.length))
  }

  /// Whether another open file holds any lock on one of `bytes` (`F_OFD_GETLK`).
  func isLockedByOthers(_ bytes: ByteRange) throws(Errno) -> Bool {
    try check(cl_bytes_are_locked(rawValue, bytes.offset, bytes.length)) == 1
  }
}
