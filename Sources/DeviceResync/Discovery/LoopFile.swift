import SystemPackage

/// A regular file behind a loop device.
struct LoopFile: Sendable, Equatable {
  let identity: FileIdentity
  /// Where the kernel says that it lies; stale, or another mount namespace's, it leads elsewhere.
  let path: String
  /// What it lies on, and its name that outlives a reboot; nil where the path leads elsewhere.
  var fileSystem: FileSystem?
  private(set) var stableName: String?

  init(_ identity: FileIdentity, at path: String) {
    self.identity = identity
    self.path = path
    guard let file = open(), let status = try? FileStatus(of: file) else { return }
    fileSystem = try? FileSystem(of: file)
    stableName = status.stableName(on: fileSystem)
  }

  /// Opens it for reading; nil where the path leads elsewhere.
  func open() -> OwnedDescriptor? {
    // Looked at first: what stands there may be a FIFO or a drive by now.
    guard let status = try? FileStatus(at: FilePath(path), followingLink: false), status.kind == .regular,
      status.identity == identity,
      let file = try? OwnedDescriptor(opening: FilePath(path), [.noFollow, .nonBlocking]),
      (try? FileStatus(of: file))?.identity == identity
    else { return nil }
    return file
  }
}

extension Host {
  /// The regular files behind loops in which `extents` lie.
  func loopFiles(of extents: [StorageExtent]) -> [LoopFile] {
    var files: [LoopFile] = []
    for device in devices {
      guard let loop = device.loop, loop.backingDevice == nil, let identity = loop.backing,
        extents.contains(where: { $0.leaf == .file(identity) }),
        !files.contains(where: { $0.identity == identity && $0.path == loop.path })
      else { continue }
      files.append(LoopFile(identity, at: loop.path))
    }
    return files
  }
}

extension FileStatus {
  /// A name that outlives a reboot: the inode, when it was made, and the file system's UUID (PITFALLS A10).
  ///
  /// Where that tells no UUID there is its device number only, and the name says so.
  func stableName(on fileSystem: FileSystem?) -> String {
    guard let uuid = fileSystem?.uuid else { return identity.nameOfThisBoot }
    return "inode-\(identity.inode)\(born.map { "-\($0)" } ?? "")@\(uuid)"
  }
}

extension FileIdentity {
  /// A name that counts until the next boot.
  var nameOfThisBoot: String { "inode-\(inode)@\(device)-this-boot" }
}
