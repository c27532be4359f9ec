import CLinux
import SystemPackage

extension OwnedDescriptor {
  /// Size of the device, in bytes (`BLKGETSIZE64`).
  func deviceSize() throws(Errno) -> UInt64 {
    var bytes: UInt64 = 0
    try check(unsafe cl_device_size(rawValue, &bytes))
    return bytes
  }

  /// Logical block size, in bytes (`BLKSSZGET`).
  func logicalBlockSize() throws(Errno) -> UInt32 {
    var bytes: UInt32 = 0
    try check(unsafe cl_logical_block_size(rawValue, &bytes))
    return bytes
  }

  /// Whether the kernel holds the device read-only (`BLKROGET`).
  func isReadOnlyDevice() throws(Errno) -> Bool {
    var value: CInt = 0
    try check(unsafe cl_device_is_read_only(rawValue, &value))
    return value != 0
  }

  /// The number of the attachment that this descriptor leads to now (`BLKGETDISKSEQ`).
  ///
  /// It changes under an open descriptor when a loop is bound to another file.
  func diskSequence() throws(Errno) -> UInt64 {
    var sequence: UInt64 = 0
    try check(unsafe cl_disk_sequence(rawValue, &sequence))
    return sequence
  }

  /// The same; nil where the kernel keeps no such number (before 5.15).
  func diskSequenceIfAny() throws(Errno) -> UInt64? {
    do throws(Errno) {
      return try diskSequence()
    } catch .inappropriateIOCTLForDevice, .invalidArgument {
      return nil
    }
  }

  /// Writes back and drops the node's cached pages (`BLKFLSBUF`).
  func dropCaches() throws(Errno) {
    try check(cl_drop_caches(rawValue))
  }

  /// Brings what was written to stable storage (fdatasync(2)); works on a read-only descriptor too.
  func synchronizeData() throws(Errno) {
    try check(cl_data_sync(rawValue))
  }
}
