import CLinux
import SystemPackage

extension OwnedDescriptor {
  /// One preadv2(2) of `count` bytes at `offset` into memory that the caller owns; again after EINTR.
  ///
  /// - Returns: the bytes read, which may be fewer.
  @unsafe func transfer(
    into bytes: UnsafeMutableRawPointer?, count: Int, at offset: UInt64
  ) throws(Errno) -> Int32 {
    try check(unsafe cl_transfer_in(rawValue, bytes, count, offset))
  }

  /// The same with pwritev2(2), out of memory.
  @unsafe func transfer(
    from bytes: UnsafeMutableRawPointer?, count: Int, at offset: UInt64
  ) throws(Errno) -> Int32 {
    try check(unsafe cl_transfer_out(rawValue, bytes, count, offset))
  }

  /// Makes `range` read as zeros without data, where the device can (fallocate(2), `FALLOC_FL_PUNCH_HOLE`).
  ///
  /// - Throws: `EOPNOTSUPP` where it cannot; nothing has happened then.
  func punch(_ range: ByteRange) throws(Errno) {
    try check(cl_punch_hole(rawValue, range.offset, range.length))
  }
}

/// The mode of fallocate(2) that punches (`FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE`).
var punchMode: CInt { cl_punch_mode }
