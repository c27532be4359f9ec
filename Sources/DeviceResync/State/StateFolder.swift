package import SystemPackage

/// A folder of the state directory whose files another module knows: records as files that only root may write.
package struct StateFolder: ~Copyable, Sendable {
  /// Where it is, for messages.
  package let path: FilePath
  private let directory: PrivateDirectory

  /// Opens the folder `name` of the state directory at `state`, and makes both where they are not there.
  ///
  /// - Throws: what ``DirectoryStore/init(at:)`` throws.
  package init(_ name: String, in state: FilePath) throws(ResyncError) {
    try self.init(name, in: DirectoryStore.absolute(state), making: true)
  }

  /// Opens it as it is, to read; nil where there is none.
  package static func ifPresent(_ name: String, in state: FilePath) throws(ResyncError) -> StateFolder? {
    do throws(ResyncError) {
      return try StateFolder(name, in: DirectoryStore.absolute(state), making: false)
    } catch  where error.errno == .noSuchFileOrDirectory {
      return nil
    }
  }

  private init(_ name: String, in state: FilePath, making: Bool) throws(ResyncError) {
    let parent = try DirectoryStore.walk(to: state, making: making)
    directory = try DirectoryStore.child(name, of: parent, state, making)
    path = state.appending(name)
  }

  /// Whether its file system has hardly any room left, for bytes or for files: under 4 MiB, or 64 files.
  package func hasLittleRoom() throws(ResyncError) -> Bool {
    let system = try attempt("look at the file system of", on: path.string, .setUp) { () throws(Errno) in
      try FileSystem(of: directory.descriptor)
    }
    return system.available < 4 << 20 || system.freeFiles < 64
  }

  /// The names in it.
  package func names() throws(ResyncError) -> [String] {
    try attempt("list", on: path.string, .setUp) { () throws(Errno) in try directory.names() }
  }

  /// The bytes of the file `name`, or `FOLDER/NAME`, at most `limit`; nil where there is none.
  ///
  /// - Throws: 32769 for what others than root may write; 32775 for what is too long.
  package func read(_ name: String, limit: Int) throws(ResyncError) -> [UInt8]? {
    try readRecord(path.appending(name).string, limit: limit) { () throws(Errno) in
      try OwnedDescriptor(opening: name, in: directory.descriptor, [.noFollow, .nonBlocking])
    }
  }

  /// Puts a file of these bytes in the place of what is called `name`.
  ///
  /// - Parameter isDurable: whether a power cut after the return finds it; without, it finds an old one, or none.
  package func replace(_ name: String, by bytes: [UInt8], isDurable: Bool) throws(ResyncError) {
    try attempt("write", on: path.appending(name).string, .setUp, remedy: DirectoryStore.writingRemedy(path))
    {
      () throws(Errno) in
      try directory.replace(name, by: bytes, through: name + ".new", isDurable: isDurable)
    }
  }

  /// Removes the file `name`; none is as good.
  package func remove(_ name: String) throws(ResyncError) {
    try attempt("remove", on: path.appending(name).string, .setUp) { () throws(Errno) in
      try directory.remove(name)
    }
  }

  /// Opens the folder `name` in it; nil where there is none.
  package func folder(_ name: String) throws(ResyncError) -> StateFolder? {
    do throws(ResyncError) {
      return StateFolder(path.appending(name), try DirectoryStore.child(name, of: directory, path, false))
    } catch  where error.errno == .noSuchFileOrDirectory {
      return nil
    }
  }

  /// Makes the folder `name` in it, durably, and opens it.
  package func makeFolder(_ name: String) throws(ResyncError) -> StateFolder {
    StateFolder(path.appending(name), try DirectoryStore.child(name, of: directory, path, true))
  }

  private init(_ path: FilePath, _ directory: consuming PrivateDirectory) {
    self.path = path
    self.directory = directory
  }

  /// Removes the folder `name` with its files; it holds no folder.
  package func removeFolder(_ name: String) throws(ResyncError) {
    guard let inner = try folder(name) else { return }
    for file in try inner.names() { try inner.remove(file) }
    try attempt("remove", on: path.appending(name).string, .setUp) { () throws(Errno) in
      try directory.removeDirectory(name)
    }
  }

  /// Runs `body` while nobody else does with the same folder; waits at most ten seconds for another.
  package func alone<Value: ~Copyable>(_ body: () throws(ResyncError) -> Value) throws(ResyncError) -> Value {
    let lock = try directory.lock(
      "lock", in: path, patience: .seconds(10), "another vmresync has been changing what is in it for 10 s")
    do throws(ResyncError) {
      let value = try body()
      lock.release()
      return value
    } catch {
      lock.release()
      throw error
    }
  }
}
