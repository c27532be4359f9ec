import SystemPackage

extension DirectoryStore {
  /// Opens `path`, which is absolute, component by component: each must be a directory in which only root can put another in its place.
  static func walk(to path: FilePath, making: Bool) throws(ResyncError) -> PrivateDirectory {
    guard !path.components.contains(where: { $0.kind != .regular }), !path.components.isEmpty else {
      throw ResyncError(
        .invalidParameter, "use the state directory", on: path.string,
        reason: "its path is no plain path to a directory", remedy: "name it without '.' and '..'")
    }
    var directory = try attempt("open", on: "/") { () throws(Errno) in try PrivateDirectory.root() }
    var walked: FilePath = "/"
    let last = path.components.count - 1
    for (index, component) in path.components.enumerated() {
      walked.append(component)
      if making, index == last {
        try attempt("make the state directory", on: walked.string, .setUp, remedy: writingRemedy(walked)) {
          () throws(Errno) in
          try directory.makeDirectory(component.string)
        }
      }
      directory = try child(component.string, of: directory, walked, isLast: index == last)
    }
    return directory
  }

  /// Opens, and where it is to be made makes, a folder of the state directory.
  static func child(
    _ name: String, of directory: borrowing PrivateDirectory, _ path: FilePath, _ making: Bool
  ) throws(ResyncError) -> PrivateDirectory {
    let path = path.appending(name)
    if making {
      try attempt("make", on: path.string, .setUp, remedy: writingRemedy(path)) { () throws(Errno) in
        try directory.makeDirectory(name)
      }
    }
    return try child(name, of: directory, path, isLast: true)
  }

  private static func child(
    _ name: String, of directory: borrowing PrivateDirectory, _ path: FilePath, isLast: Bool
  ) throws(ResyncError) -> PrivateDirectory {
    let child = try open(name, in: directory, path)
    let status = try attempt("look at", on: path.string) { () throws(Errno) in
      try FileStatus(of: child.descriptor)
    }
    // In a directory with the sticky bit, such as /tmp, nobody can rename or remove what is root's.
    if isLast || status.permissions & 0o1000 == 0 {
      try checkOwner(status, path.string)
    } else if status.owner != 0 {
      throw untrusted(path.string, "it belongs to user \(status.owner)")
    }
    return child
  }

  private static func open(
    _ name: String, in directory: borrowing PrivateDirectory, _ path: FilePath
  ) throws(ResyncError) -> PrivateDirectory {
    do throws(Errno) {
      return try directory.directory(name)
    } catch .tooManySymbolicLinkLevels, .notDirectory {
      throw ResyncError(
        .invalidParameter, "use the state directory", on: path.string,
        reason: "it is a symbolic link or no directory",
        remedy: "name the directory itself; see: realpath \(ShellWord(path.string))")
    } catch {
      throw ResyncError(
        .kernel(error, .open), "open", on: path.string,
        remedy: error == .noSuchFileOrDirectory
          ? "make it first: install -d -m 0700 \(ShellWord(path.string))" : nil)
    }
  }

  /// Fails where somebody else than root owns or may write it (PITFALLS F5, F9, F11).
  static func checkOwner(_ status: FileStatus, _ title: String) throws(ResyncError) {
    guard status.owner == 0 else { throw untrusted(title, "it belongs to user \(status.owner)") }
    guard status.permissions & 0o022 == 0 else {
      throw untrusted(
        title, "others than root may write it (mode \(String(status.permissions, radix: 8)))",
        remedy: "see what is in it, then: chmod go-w \(ShellWord(title))")
    }
  }

  static func untrusted(_ title: String, _ reason: String, remedy: String? = nil) -> ResyncError {
    ResyncError(
      .accessDenied, "trust", on: title, reason: reason,
      remedy: remedy
        ?? "keep the state where only root can write, and see how it came there: ls -ld \(ShellWord(title))")
  }

  static func writingRemedy(_ path: FilePath) -> String {
    "see the room and the mount: df \(ShellWord(path.string)); findmnt -T \(ShellWord(path.string))"
  }
}

extension PrivateDirectory {
  /// Fails where it is gone after a reboot, or lies on a disk that takes part (DESIGN 6, PITFALLS E14).
  ///
  /// - Parameter option: what names another directory.
  func checkPlace(
    _ attempt: String, _ path: FilePath, beside disks: [NamedDisk], option: String
  ) throws(ResyncError) {
    let (system, status) = try DeviceResync.attempt("look at", on: path.string, .setUp) { () throws(Errno) in
      (try FileSystem(of: descriptor), try FileStatus(of: descriptor))
    }
    if system.isLostAtReboot {
      throw ResyncError(
        .invalidParameter, attempt, on: path.string,
        reason: "\(system.name ?? "it") is gone after a reboot",
        remedy: "name a directory on a disk with \(option)")
    }
    for disk in disks where disk.related.contains(where: { $0.number == status.identity.device }) {
      throw ResyncError(
        .invalidParameter, attempt, on: path.string,
        reason: "it lies on \(PrintableText(disk.name.typed)) itself",
        remedy: "name a directory on another disk with \(option)")
    }
  }
}

extension DirectoryStore {
  /// Fails where what is remembered would be gone after a reboot, or lies on a disk that takes part.
  func check(beside disks: [NamedDisk]) throws(ResyncError) {
    try staging.checkPlace("remember runs in", path, beside: disks, option: "--state-dir")
  }
}
