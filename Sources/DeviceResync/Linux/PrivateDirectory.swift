import CLinux
import SystemPackage

/// A directory that is held open; every name is looked up in it, and no link is followed.
///
/// Names are ours, one component each. What is made is root's alone: directories 0700, files 0600.
struct PrivateDirectory: ~Copyable, Sendable {
  let descriptor: OwnedDescriptor

  /// Adopts an open directory.
  init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }

  /// The directory at the top of the tree of files.
  static func root() throws(Errno) -> PrivateDirectory {
    PrivateDirectory(try OwnedDescriptor(opening: "/", [.directory]))
  }

  /// Opens the directory `name` in it.
  ///
  /// - Throws: `ENOTDIR` or `ELOOP` for a link.
  func directory(_ name: String) throws(Errno) -> PrivateDirectory {
    PrivateDirectory(try opening(name, [.directory]))
  }

  /// Makes the directory `name`, durably; one that is there already is left as it is.
  func makeDirectory(_ name: String) throws(Errno) {
    let result = unsafe name.withCString { name in unsafe cl_make_directory(descriptor.rawValue, name) }
    if result != -Errno.fileExists.rawValue { try check(result) }
    // Also where it was there: whoever made it may not have come so far.
    try descriptor.synchronize()
  }

  /// Opens the file `name` in it, and waits for nobody: a FIFO in its place opens at once.
  func opening(_ name: String, _ flags: OpenFlags) throws(Errno) -> OwnedDescriptor {
    precondition(Self.isName(name), "one component")
    let flags = flags.union([.noFollow, .nonBlocking])
    let result = unsafe name.withCString { name in
      unsafe cl_openat2(descriptor.rawValue, name, flags.rawValue, cl_resolve_no_links)
    }
    return OwnedDescriptor(adopting: try check(result))
  }

  /// Opens the file `name` for reading and writing, and makes it, empty, where there is none.
  func openingOrCreating(_ name: String) throws(Errno) -> OwnedDescriptor {
    do throws(Errno) {
      return try opening(name, .readWrite)
    } catch .noSuchFileOrDirectory {
      do throws(Errno) {
        return try descriptor.creating(name)
      } catch .fileExists {
        return try opening(name, .readWrite)
      }
    }
  }

  /// Puts a file of these bytes in the place of what is called `name`: after a crash there is the old or the new
  /// one, whole; after the return the new one.
  ///
  /// - Parameters:
  ///   - temporary: another name, of which nothing is kept.
  ///   - isDurable: whether the return waits for stable storage; without, a power cut may bring an old one back.
  /// - Throws: where the old one stands, or, for an error of the last step, either may be found after a crash.
  func replace(
    _ name: String, by bytes: [UInt8], through temporary: String, isDurable: Bool = true
  ) throws(Errno) {
    precondition(Self.isName(name) && Self.isName(temporary), "one component")
    // What a crash left; made anew, so that no other name of the same file is written through.
    try removeIfPresent(temporary)
    do throws(Errno) {
      let file = try descriptor.creating(temporary)
      try file.write(bytes, at: 0)
      if isDurable { try file.synchronize() }
      try file.close()
      try rename(temporary, to: name)
    } catch {
      // What stays behind is removed by the next replacement.
      try? removeIfPresent(temporary)
      throw error
    }
    if isDurable { try descriptor.synchronize() }
  }

  /// Removes the file `name`, durably; none is as good.
  func remove(_ name: String) throws(Errno) {
    try removeIfPresent(name)
    try descriptor.synchronize()
  }

  /// Removes the empty directory `name`, durably.
  func removeDirectory(_ name: String) throws(Errno) {
    precondition(Self.isName(name), "one component")
    try check(unsafe name.withCString { name in unsafe cl_remove_directory(descriptor.rawValue, name) })
    try descriptor.synchronize()
  }

  private func removeIfPresent(_ name: String) throws(Errno) {
    precondition(Self.isName(name), "one component")
    let result = unsafe name.withCString { name in unsafe cl_remove(descriptor.rawValue, name) }
    if result != -Errno.noSuchFileOrDirectory.rawValue { try check(result) }
  }

  private func rename(_ name: String, to other: String) throws(Errno) {
    let result = unsafe name.withCString { name in
      unsafe other.withCString { other in unsafe cl_rename(descriptor.rawValue, name, other) }
    }
    try check(result)
  }

  /// The names in it.
  func names() throws(Errno) -> [String] {
    // A descriptor of its own: the place in a listing belongs to the open file.
    try OwnedDescriptor(opening: ".", in: descriptor, [.directory]).names()
  }

  private static func isName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && !name.utf8.contains(where: { $0 == 0x2f || $0 == 0 })
  }
}

extension OwnedDescriptor {
  /// Opens `path` below `directory` without following a link.
  init(opening path: String, in directory: borrowing OwnedDescriptor, _ flags: OpenFlags) throws(Errno) {
    let result = unsafe path.withCString { path in
      unsafe cl_openat2(directory.rawValue, path, flags.rawValue, cl_resolve_no_links)
    }
    self.init(adopting: try check(result))
  }
}
