import CLinux
public import SystemPackage

/// A file descriptor that one owner holds and that is closed exactly once.
///
/// Dropping it closes it and ignores the outcome. Call ``close()`` where the outcome counts:
/// after writes, close(2) is the last chance to hear of an error.
public struct OwnedDescriptor: ~Copyable, Sendable {
  let rawValue: CInt

  /// Takes over `rawValue`; the caller must not close it.
  init(adopting rawValue: CInt) {
    self.rawValue = rawValue
  }

  /// Closes the descriptor and reports what close(2) said.
  public consuming func close() throws(Errno) {
    let rawValue = self.rawValue
    discard self
    // Not retried on EINTR: Linux has released the number already (close(2), NOTES).
    try check(cl_close(rawValue))
  }

  deinit {
    // Whoever needs the outcome calls close().
    _ = cl_close(rawValue)
  }
}

/// Turns a shim's result into a thrown error: 0 and above pass, below is a negative errno.
@discardableResult
func check(_ result: CInt) throws(Errno) -> CInt {
  if result < 0 { throw Errno(rawValue: -result) }
  return result
}

/// The same for results of 64 bits.
@discardableResult
func check(_ result: Int64) throws(Errno) -> Int64 {
  if result < 0 { throw Errno(rawValue: CInt(-result)) }
  return result
}

/// How a path is opened.
///
/// There is no way to ask for a file to be created.
struct OpenFlags: OptionSet, Sendable {
  let rawValue: CInt

  static let readOnly = OpenFlags([])
  static let readWrite = OpenFlags(rawValue: FileDescriptor.AccessMode.readWrite.rawValue)
  /// Bypasses the page cache (`O_DIRECT`).
  static let direct = OpenFlags(rawValue: cl_open_direct)
  /// Claims a block device: `EBUSY` while the kernel or another claimant holds it (`O_EXCL`).
  static let claim = OpenFlags(rawValue: FileDescriptor.OpenOptions.exclusiveCreate.rawValue)
  /// Refuses a link at the end of the path (`O_NOFOLLOW`).
  static let noFollow = OpenFlags(rawValue: FileDescriptor.OpenOptions.noFollow.rawValue)
  /// Does not wait for a FIFO's writer or a drive's medium (`O_NONBLOCK`).
  static let nonBlocking = OpenFlags(rawValue: FileDescriptor.OpenOptions.nonBlocking.rawValue)
  /// Only names the file; gives no access to its bytes (`O_PATH`).
  static let pathOnly = OpenFlags(rawValue: cl_open_path)
  /// Fails on anything but a directory (`O_DIRECTORY`).
  static let directory = OpenFlags(rawValue: FileDescriptor.OpenOptions.directory.rawValue)
}

extension OwnedDescriptor {
  /// Opens `path`, close-on-exec; see openat2(2).
  ///
  /// - Parameter followingLinks: whether symbolic links in the path are followed; a canonical path has none,
  ///   so that one that is found there was put there since.
  init(opening path: FilePath, _ flags: OpenFlags, followingLinks: Bool = false) throws(Errno) {
    let resolve = followingLinks ? 0 : cl_resolve_no_links
    let result = unsafe path.withPlatformString { name in
      unsafe cl_openat2(atWorkingDirectory, name, flags.rawValue, resolve)
    }
    self.init(adopting: try check(result))
  }

  /// Opens `name` below this directory, close-on-exec.
  func opening(_ name: String, _ flags: OpenFlags) throws(Errno) -> OwnedDescriptor {
    let result = unsafe name.withCString { name in unsafe cl_openat2(rawValue, name, flags.rawValue, 0) }
    return OwnedDescriptor(adopting: try check(result))
  }

  /// Makes I/O wait again after an open that must not (`O_NONBLOCK`).
  func makeBlocking() throws(Errno) {
    try check(cl_make_blocking(rawValue))
  }

  /// A second number for the same open file.
  func duplicate() throws(Errno) -> OwnedDescriptor {
    OwnedDescriptor(adopting: try check(cl_duplicate(rawValue)))
  }
}

/// openat(2)'s `AT_FDCWD`; its macro is invisible to Swift on some platforms.
let atWorkingDirectory: CInt = -100
