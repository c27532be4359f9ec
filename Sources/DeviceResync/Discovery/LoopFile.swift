import SystemPackage

/// A regular file behind a loop device.
struct LoopFile: Sendable, Hashable {
  let identity: FileIdentity
  /// Where the kernel says that it lies; stale, or another mount namespace's, it leads elsewhere.
  let path: String

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
        extents.contains(where: { $0.leaf == .file(identity) })
      else { continue }
      let file = LoopFile(identity: identity, path: loop.path)
      if !files.contains(file) { files.append(file) }
    }
    return files
  }
}
