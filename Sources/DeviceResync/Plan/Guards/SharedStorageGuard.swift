/// Locks and claims end at this host (PITFALLS A16).
enum SharedStorageGuard: Guard {
  static let name = "shared storage"
  static let protectsWritingOnly = true

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    var evidence: [String] = []
    for device in facts.recovery.related where device.mayBeShared {
      evidence.append("\(device.name) is attached through \(device.transport ?? "a network")")
    }
    if let image = facts.recovery.image, image.fileSystem.mayBeShared {
      evidence.append("the image lies on \(image.fileSystem.name ?? "a shared file system")")
    }
    for file in facts.recovery.loopFiles {
      guard let name = sharedFileSystem(of: file, facts.host) else { continue }
      evidence.append("the file \(PrintableText(file.path)) behind a loop lies on \(name)")
    }
    guard evidence.isEmpty else {
      return [
        .warning(
          name, "SHARED: other hosts may reach the recovery, and this host cannot see whether they use it",
          evidence: evidence, remedy: "make sure that no other host uses it")
      ]
    }
    return passed("the recovery's transport is this host's own")
  }

  /// By the file itself; where its path leads elsewhere, by a mount of its file system in any namespace.
  private static func sharedFileSystem(of file: LoopFile, _ host: Host) -> String? {
    if let system = file.fileSystem { return system.mayBeShared ? system.name : nil }
    return host.mounts.first { $0.device == file.identity.device && $0.mayBeShared }?.fileSystemType
  }
}
