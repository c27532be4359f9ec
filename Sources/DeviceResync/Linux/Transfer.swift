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
}
