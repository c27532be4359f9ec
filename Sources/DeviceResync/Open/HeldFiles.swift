/// The files behind loops that recoveries lie on, each opened once for all of a call: two partitions of one loop lie
/// in one file, and one open file's locks would keep another's out.
final class HeldFiles {
  private var files: [FileIdentity: HeldFile] = [:]

  /// Opens those that `disk` lies on.
  ///
  /// - Returns: the files, and the paths of those that cannot be had.
  func take(_ disk: borrowing NamedDisk) -> (held: [HeldFile], missed: [String]) {
    var held: [HeldFile] = []
    var missed: [FileIdentity: String] = [:]
    for file in disk.loopFiles where !held.contains(where: { $0.identity == file.identity }) {
      if let known = files[file.identity] {
        held.append(known)
      } else if let opened = file.open() {
        let new = HeldFile(identity: file.identity, descriptor: opened)
        files[file.identity] = new
        held.append(new)
      } else {
        missed[file.identity] = file.path
        continue
      }
      missed[file.identity] = nil
    }
    return (held, missed.values.sorted())
  }
}

/// A file behind a loop, open for reading: enough to hold locks on.
final class HeldFile: Sendable {
  let identity: FileIdentity
  let descriptor: OwnedDescriptor

  init(identity: FileIdentity, descriptor: consuming OwnedDescriptor) {
    self.identity = identity
    self.descriptor = descriptor
  }
}
