import SystemPackage

// What the state directory's records and those of other modules have in common.

/// The bytes of a file that only root can have written; nil where there is none.
///
/// - Parameters:
///   - title: what messages call it.
///   - limit: most bytes.
///   - open: opens it without following a link.
/// - Throws: 32769 for a link, for what is no regular file, and for what others than root may write; 32775 for what is
///   too long.
func readRecord(
  _ title: String, limit: Int, opening open: () throws(Errno) -> OwnedDescriptor
) throws(ResyncError) -> [UInt8]? {
  guard let file = try present(title, open) else { return nil }
  let status = try attempt("look at", on: title, .setUp) { () throws(Errno) in try FileStatus(of: file) }
  guard status.kind == .regular else { throw DirectoryStore.untrusted(title, "it is no regular file") }
  try DirectoryStore.checkOwner(status, title)
  let bytes = try attempt("read", on: title, .setUp) { () throws(Errno) in
    try file.readAll(limit: limit + 1)
  }
  guard bytes.count <= limit else { throw RecordFault.tooLong(limit).error(on: title) }
  return bytes
}

private func present(
  _ title: String, _ open: () throws(Errno) -> OwnedDescriptor
) throws(ResyncError) -> OwnedDescriptor? {
  do throws(Errno) {
    return try open()
  } catch .noSuchFileOrDirectory {
    return nil
  } catch .tooManySymbolicLinkLevels {
    throw DirectoryStore.untrusted(title, "it is a symbolic link")
  } catch {
    throw ResyncError(.kernel(error, .setUp), "read", on: title)
  }
}

extension PrivateDirectory {
  /// Takes the lock of the file `name`, which is made where there is none; waits for another holder.
  ///
  /// - Parameter reason: what another does who keeps it for longer than `patience`.
  /// - Throws: 32774 then.
  func lock(
    _ name: String, in path: FilePath, patience: Duration, _ reason: String
  ) throws(ResyncError) -> HeldLock {
    let title = path.appending(name).string
    let file = try attempt("open", on: title, .setUp, remedy: DirectoryStore.writingRemedy(path)) {
      () throws(Errno) in try openingOrCreating(name)
    }
    let deadline = ContinuousClock.now + patience
    while true {
      do throws(Errno) {
        try file.lockExclusively()
        return HeldLock(file)
      } catch .resourceTemporarilyUnavailable {
        guard ContinuousClock.now < deadline else {
          throw ResyncError(
            .inUse, "lock", on: title, reason: reason,
            remedy: "see who it is: fuser -v \(ShellWord(title)); run again when it has ended")
        }
        pause(milliseconds: 5)
      } catch {
        throw ResyncError(.kernel(error, .setUp), "lock", on: title)
      }
    }
  }
}
