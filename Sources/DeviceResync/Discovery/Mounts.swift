import SystemPackage

/// One mount, as `/proc/PID/mountinfo` shows it (proc_pid_mountinfo(5)).
public struct Mount: Sendable, Hashable {
  /// The file system's device number; of btrfs an anonymous one.
  public let device: DeviceNumber
  /// The directory of the file system that is mounted.
  public let root: String
  /// Where it is mounted.
  public let mountPoint: String
  /// Its type, such as `ext4`.
  public let fileSystemType: String
  /// What was named to mount(8); of btrfs one of its devices.
  public let source: String
  /// A process that sees the mount; nil for our own namespace.
  public let seenBy: Int32?

  /// Whether other hosts may reach the same files, or other paths lead to the same bytes (PITFALLS A16).
  var mayBeShared: Bool {
    let type = fileSystemType.prefix { $0 != "." }  // fuse.sshfs
    return ["nfs", "nfs4", "cifs", "smb3", "fuse", "fuseblk", "virtiofs", "ceph", "overlay"].contains(type)
  }

  /// Reads one line of mountinfo; nil for a line of another form.
  init?(parsing line: Substring, seenBy: Int32?) {
    let fields = line.split(separator: " ", omittingEmptySubsequences: false)
    guard fields.count >= 10, let device = DeviceNumber(parsing: fields[2]),
      let separator = fields[6...].firstIndex(of: "-"), fields.count > separator + 2
    else { return nil }
    self.device = device
    root = unescapeOctal(fields[3])
    mountPoint = unescapeOctal(fields[4])
    fileSystemType = unescapeOctal(fields[separator + 1])
    source = unescapeOctal(fields[separator + 2])
    self.seenBy = seenBy
  }
}

/// The text of a field in which the kernel writes space, tab, newline and backslash as `\` and three octal
/// digits (fs/seq_file.c, `mangle_path`).
private func unescapeOctal(_ field: Substring) -> String {
  guard field.contains("\\") else { return String(field) }
  var bytes: [UInt8] = []
  var rest = Array(field.utf8)[...]
  while let byte = rest.first {
    if byte == UInt8(ascii: "\\"), rest.count >= 4,
      let code = UInt8(String(decoding: rest.dropFirst().prefix(3), as: UTF8.self), radix: 8)
    {
      bytes.append(code)
      rest = rest.dropFirst(4)
    } else {
      bytes.append(byte)
      rest = rest.dropFirst()
    }
  }
  return String(decoding: bytes, as: UTF8.self)
}

/// The mounts of every mount namespace that a process lives in.
///
/// They only name a holder; the exclusive claim decides.
func discoverMounts(proc: FilePath = "/proc") throws(Errno) -> [Mount] {
  var mounts: [Mount] = []
  var seen: Set<Mount> = []
  var namespaces: Set<FileIdentity> = []
  let processes = try directoryNames(proc).compactMap { Int32($0) }.sorted()
  for process in [nil] + processes.map(Optional.some) {
    let directory = proc.appending(process.map(String.init) ?? "self")
    do throws(Errno) {
      if let namespace = try namespace(directory), !namespaces.insert(namespace).inserted { continue }
      for line in try readText(directory.appending("mountinfo"), limit: 1 << 24).split(separator: "\n") {
        guard let mount = Mount(parsing: line, seenBy: process) else { continue }
        if seen.insert(mount).inserted { mounts.append(mount) }
      }
    } catch .noSuchFileOrDirectory, .noSuchProcess, .invalidArgument, .permissionDenied, .notPermitted {
      continue  // ended meanwhile, a kernel thread, or closed to us
    }
  }
  return mounts
}

/// Which mount namespace a process lives in; nil where that may not be told, though its mounts may.
private func namespace(_ process: FilePath) throws(Errno) -> FileIdentity? {
  do throws(Errno) {
    return try FileStatus(at: process.appending("ns/mnt"), followingLink: true).identity
  } catch .permissionDenied, .notPermitted {
    return nil
  }
}

/// One swap area, as `/proc/swaps` shows it.
public struct SwapArea: Sendable, Hashable {
  /// The path that swapon(8) was given.
  public let path: String
  /// Its number, where it is a block device.
  public let device: DeviceNumber?
  /// Its identity, where it is a file.
  public let file: FileIdentity?
}

/// The swap areas in use.
func discoverSwaps(proc: FilePath = "/proc") throws(Errno) -> [SwapArea] {
  var areas: [SwapArea] = []
  for line in try readText(proc.appending("swaps")).split(separator: "\n").dropFirst() {
    guard let path = line.split(separator: " ").first.map(unescapeOctal) else { continue }
    // A path that cannot be looked up belongs to another namespace: only its text is left to compare.
    let status = try? FileStatus(at: FilePath(path), followingLink: true)
    areas.append(
      SwapArea(
        path: path, device: status?.kind == .blockDevice ? status?.deviceNumber : nil,
        file: status?.kind == .regular ? status?.identity : nil))
  }
  return areas
}
