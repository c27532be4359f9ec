import SystemPackage

/// The state directory: records as files that only root may write.
struct DirectoryStore: ~Copyable, Sendable, RecordStore {
  /// Where it is, for messages.
  let path: FilePath
  private let states: PrivateDirectory
  private let disks: PrivateDirectory
  /// Nil where an older vmresync has made the directory.
  private let roles: PrivateDirectory?
  private let locks: PrivateDirectory
  /// Where staged differences wait by default.
  let staging: PrivateDirectory

  static let standardPath: FilePath = "/var/lib/vmresync"

  /// Opens the directory at `path`, and makes it, not its parents, where there is none.
  ///
  /// - Throws: 32769 where somebody else than root may write in it, in what leads to it or in what it holds, or
  ///   where the file system is read-only; 32773 where a link leads to it; 32779 where a parent is missing.
  init(at path: FilePath) throws(ResyncError) {
    let path = Self.absolute(path)
    self = try Self(try Self.walk(to: path, making: true), path, making: true)
  }

  /// Opens it as it is, to read; nil where there is none, so that nothing was ever remembered.
  static func ifPresent(at path: FilePath) throws(ResyncError) -> DirectoryStore? {
    let path = absolute(path)
    do throws(ResyncError) {
      let directory = try walk(to: path, making: false)
      // Made last of all: whoever was killed before that has written no record.
      _ = try child(RecordFolder.states.rawValue, of: directory, path, false)
    } catch  where error.errno == .noSuchFileOrDirectory {
      return nil
    }
    return try DirectoryStore(try walk(to: path, making: false), path, making: false)
  }

  /// What is remembered holds for every working directory.
  static func absolute(_ path: FilePath) -> FilePath {
    path.isAbsolute ? path : workingDirectory().pushing(path)
  }

  /// Uses a directory that is open and trusted already.
  init(
    _ directory: consuming PrivateDirectory, _ path: FilePath, making: Bool
  ) throws(ResyncError) {
    let disks = try Self.child(RecordFolder.disks.rawValue, of: directory, path, making)
    let locks = try Self.child("locks", of: directory, path, making)
    let staging = try Self.child("staging", of: directory, path, making)
    let roles = try Self.roles(of: directory, path, making)
    let states = try Self.child(RecordFolder.states.rawValue, of: directory, path, making)
    self.path = path
    self.states = states
    self.disks = disks
    self.roles = roles
    self.locks = locks
    self.staging = staging
  }

  private static func roles(
    of directory: borrowing PrivateDirectory, _ path: FilePath, _ making: Bool
  ) throws(ResyncError) -> PrivateDirectory? {
    do throws(ResyncError) {
      return try child(RecordFolder.roles.rawValue, of: directory, path, making)
    } catch  where !making && error.errno == .noSuchFileOrDirectory {
      return nil
    }
  }

  func read(_ record: RecordName) throws(ResyncError) -> [UInt8]? {
    try readRecord(title(of: record), limit: record.folder.limit) { () throws(Errno) in
      try inFolder(record.folder) { folder throws(Errno) in try folder.opening(record.file, .readOnly) }
    }
  }

  mutating func replace(_ record: RecordName, by bytes: [UInt8]) throws(ResyncError) {
    try attempt("write", on: title(of: record), .setUp, remedy: Self.writingRemedy(path)) {
      () throws(Errno) in
      try inFolder(record.folder) { folder throws(Errno) in
        try folder.replace(record.file, by: bytes, through: record.temporaryFile)
      }
    }
  }

  mutating func remove(_ record: RecordName) throws(ResyncError) {
    try attempt("remove", on: title(of: record), .setUp, remedy: Self.writingRemedy(path)) {
      () throws(Errno) in
      try inFolder(record.folder) { folder throws(Errno) in try folder.remove(record.file) }
    }
  }

  func names(in folder: RecordFolder) throws(ResyncError) -> [RecordName] {
    let title = path.appending(folder.rawValue).string
    let files = try attempt("list", on: title, .setUp) { () throws(Errno) in
      do throws(Errno) {
        return try inFolder(folder) { folder throws(Errno) in try folder.names() }
      } catch .noSuchFileOrDirectory where folder == .roles {
        return []
      }
    }
    return files.compactMap { RecordName(folder: folder, file: $0) }
  }

  /// Brings to stable storage what a reader sees of a folder: who wrote it may have been killed before that.
  func synchronize(_ folder: RecordFolder) throws(ResyncError) {
    try attempt("flush", on: path.appending(folder.rawValue).string, .setUp) { () throws(Errno) in
      try inFolder(folder) { folder throws(Errno) in try folder.descriptor.synchronize() }
    }
  }

  func title(of record: RecordName) -> String {
    path.appending(record.folder.rawValue).appending(record.file).string
  }

  func lock(_ name: LockName, patience: Duration) throws(ResyncError) -> HeldLock {
    try locks.lock(
      name.file, in: path.appending("locks"), patience: patience,
      name == .records
        ? "another vmresync has been changing the state for \(patience)"
        : "another vmresync works on this relationship")
  }

  func isHeld(_ name: LockName) throws(ResyncError) -> Bool {
    let title = path.appending("locks").appending(name.file).string
    return try attempt("look at the lock", on: title, .setUp) { () throws(Errno) in
      do throws(Errno) {
        try locks.opening(name.file, .readOnly).lockExclusively()
        return false
      } catch .resourceTemporarilyUnavailable {
        return true
      } catch .noSuchFileOrDirectory {
        return false
      }
    }
  }

  private func inFolder<Value: ~Copyable>(
    _ folder: RecordFolder, _ body: (borrowing PrivateDirectory) throws(Errno) -> Value
  ) throws(Errno) -> Value {
    switch folder {
    case .states: return try body(states)
    case .disks: return try body(disks)
    case .roles:
      switch roles {
      case .some(let roles): return try body(roles)
      case .none: throw .noSuchFileOrDirectory
      }
    }
  }
}
