import CLinux
import SystemPackage

extension OwnedDescriptor {
  /// Makes the file `name` below this directory, for reading and writing, 0600.
  ///
  /// - Throws: `EEXIST` where the name is taken, by a link too.
  func creating(_ name: String) throws(Errno) -> OwnedDescriptor {
    let result = unsafe name.withCString { name in unsafe cl_create_file(rawValue, name) }
    return OwnedDescriptor(adopting: try check(result))
  }

  /// From here on bypasses the page cache, where the file system can.
  ///
  /// Not at open(2): with O_CREAT that fails after it has made the file.
  func makeDirect() throws(Errno) {
    let result = cl_make_direct(rawValue)
    if result != -Errno.invalidArgument.rawValue { try check(result) }
  }

  /// Takes over the content of `other`, by sharing its blocks; what it has beyond the other's size stays.
  ///
  /// - Throws: `EOPNOTSUPP`, `EINVAL` or `EXDEV` where the file system does not share blocks, or not of these two.
  func becomeClone(of other: borrowing OwnedDescriptor) throws(Errno) {
    try check(cl_clone_file(rawValue, other.rawValue))
  }

  /// Cuts or extends the file to `size` bytes.
  func resize(to size: UInt64) throws(Errno) { try check(cl_resize(rawValue, size)) }

  /// Brings content and size, or a directory's names, to stable storage (fsync(2)).
  func synchronize() throws(Errno) { try check(cl_sync(rawValue)) }
}
