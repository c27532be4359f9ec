import SystemPackage

/// The clone of a recovery's image, in its directory: the same blocks, until one of the two is written.
///
/// It has a name until nobody needs it, and is root's alone.
final class ImageClone {
  private let place: StagingPlace
  private let file: OwnedDescriptor

  /// Where the clone of `recovery` will lie.
  static func place(
    _ id: UniqueID, pair: Int, of recovery: NamedDisk
  ) throws(ResyncError) -> StagingPlace {
    guard let image = recovery.name.canonical, recovery.image != nil else {
      throw ResyncError(
        .notSupported, "clone", on: recovery.name.typed, side: .recovery, reason: "it is no image",
        remedy: instead)
    }
    let path = image.removingLastComponent().appending(".vmresync-\(id)-\(pair)")
    let folder = try folder(of: path)
    let system = try attempt("look at", on: path.string, .setUp) { () throws(Errno) in
      try FileSystemIdentity(of: folder.descriptor)
    }
    return StagingPlace(path: path.string, fileSystem: system.text ?? "unknown")
  }

  /// Makes the file, durably; its name is in the state by now.
  init(making place: StagingPlace) throws(ResyncError) {
    let path = FilePath(place.path)
    let folder = try Self.folder(of: path)
    file = try attempt("make the clone", on: place.path, .setUp) { () throws(Errno) in
      let file = try folder.descriptor.creating(path.lastComponent?.string ?? "")
      try file.synchronize()
      try folder.descriptor.synchronize()
      return file
    }
    self.place = place
  }

  /// Opens one that was taken, to go back to it.
  ///
  /// - Throws: 32775 where it is not what was taken.
  init(_ expected: DiskEvidence.File, takenAt place: StagingPlace) throws(ResyncError) {
    let path = FilePath(place.path)
    do throws(ResyncError) {
      let folder = try Self.folder(of: path)
      file = try attempt("open the clone", on: place.path, .setUp) { () throws(Errno) in
        try folder.opening(path.lastComponent?.string ?? "", .readOnly)
      }
    } catch {
      throw Self.unusable(place, error.withoutRemedy)
    }
    self.place = place
    guard try look().isSame(as: expected) else {
      throw Self.unusable(place, "it is not what was taken: somebody has changed it")
    }
  }

  /// Takes what `recovery` holds now: on stable storage when this returns.
  ///
  /// - Throws: 32770 where the file system does not share blocks.
  func take(_ recovery: borrowing RecoveryDevice) throws(ResyncError) {
    let name = recovery.disk.identity.path
    do throws(Errno) {
      switch recovery.disk.image {
      case .some(let image): try file.becomeClone(of: image)
      case .none: throw Errno.notSupported
      }
      try file.synchronize()
    } catch .notSupported, .invalidArgument, .improperLink, .inappropriateIOCTLForDevice {
      throw ResyncError(
        .notSupported, "clone", on: name, side: .recovery,
        reason: "its file system does not share the blocks of two files, or not of this one",
        remedy: Self.instead)
    } catch {
      throw ResyncError(.kernel(error, .transfer), "clone", on: name, side: .recovery)
    }
    let (size, wanted) = (try look().size, recovery.disk.identity.size)
    guard size == wanted else {
      throw ResyncError(
        .incomplete, "clone", on: name, side: .recovery,
        reason: "the clone has \(size) bytes, and the image \(wanted)", remedy: Self.instead)
    }
  }

  /// Makes `recovery` what the clone holds, durably.
  func giveBack(to recovery: borrowing RecoveryDevice) throws(ResyncError) {
    let name = recovery.disk.identity.path
    let size = try attempt("go back on", on: name, side: .recovery, .transfer) { () throws(Errno) in
      switch recovery.disk.image {
      case .some(let image):
        try image.becomeClone(of: file)
        try image.synchronize()
        return try FileStatus(of: image).size
      case .none: throw .notSupported
      }
    }
    guard size == recovery.disk.identity.size else {
      throw ResyncError(
        .replaced, "go back on", on: name, side: .recovery, reason: "its size has changed",
        remedy: "resynchronize it from its primary, to the end")
    }
  }

  /// What tells it from every other file, and this content of it from every other.
  func look() throws(ResyncError) -> DiskEvidence.File {
    try attempt("look at", on: place.path, .setUp) { () throws(Errno) in
      let status = try FileStatus(of: file)
      return DiskEvidence.File(identity: status.identity, size: status.size, changed: status.changed)
    }
  }

  private static let instead = "run with --recovery-point undo"

  private static func unusable(_ place: StagingPlace, _ reason: String) -> ResyncError {
    ResyncError(
      .invalidState, "go back to the clone", on: place.path, reason: "\(reason); nothing was written",
      remedy: "give it up with --discard")
  }

  /// The directory, in which only root may put another file in its place.
  private static func folder(of path: FilePath) throws(ResyncError) -> PrivateDirectory {
    let folder = path.removingLastComponent()
    do throws(ResyncError) {
      return try DirectoryStore.walk(to: folder, making: false)
    } catch {
      throw ResyncError(
        error.cause, "keep a clone in", on: folder.string, reason: error.reason,
        remedy: "keep the image where only root can write, or \(instead)")
    }
  }
}

extension DiskEvidence.File {
  /// Whether it is the same file with the same content, also after a restart of the host, which numbers devices anew.
  func isSame(as other: Self) -> Bool {
    identity.inode == other.identity.inode && size == other.size && changed == other.changed
  }

  /// A recovery's image, when all that was written to it is on stable storage, and its change time old enough to tell
  /// of every later write.
  ///
  /// - Returns: nil where its file system does not tell.
  static func of(_ recovery: borrowing RecoveryDevice) throws(ResyncError) -> Self? {
    switch recovery.disk.image {
    case .some(let image):
      let name = recovery.disk.identity.path
      // The time itself, too: fdatasync(2) leaves it in memory.
      try attempt("flush", on: name, side: .recovery, .transfer) { () throws(Errno) in
        try image.synchronize()
      }
      return try DiskEvidence.of(image, name, .recovery).file
    case .none: return nil
    }
  }
}
