import SystemPackage

/// Whoever tells this process of the computer systems of its host; each look at the host asks anew.
enum KnownSystems {
  private static let source = Guarded<(@Sendable (_ hypervisors: [String]) -> SystemUses)?>(nil)

  /// - Parameter systems: returns within a time limit of its own.
  static func ask(_ systems: @escaping @Sendable (_ hypervisors: [String]) -> SystemUses) {
    source.withLock { $0 = systems }
  }

  /// What they say now; nothing where nobody can tell.
  static func now() -> SystemUses {
    source.withLock { $0 }?(CallContext.current.hypervisors) ?? SystemUses()
  }
}

/// The computer systems of this host, with what their disks' paths lead to.
struct HostedDisks: Sendable {
  /// A system's disks.
  private struct Use: Sendable {
    let system: SystemUse
    var devices: [DeviceNumber: Bool] = [:]
    var files: [FileIdentity: Bool] = [:]

    /// Adds what a path leads to.
    mutating func add(_ path: String, isWritten: Bool) {
      guard path.hasPrefix("/"), let status = try? FileStatus(at: FilePath(path), followingLink: true) else {
        return
      }
      switch status.kind {
      case .blockDevice:
        devices[status.deviceNumber, default: false] = devices[status.deviceNumber] == true || isWritten
      case .regular: files[status.identity, default: false] = files[status.identity] == true || isWritten
      default: break
      }
    }
  }

  private var uses: [Use] = []
  /// What was asked, and what came back.
  let found: SystemUses

  /// Nobody was asked.
  init() { found = SystemUses() }

  /// Looks where each path leads; what leads nowhere is no disk of this host.
  ///
  /// A path may lead to a server that hangs: this belongs in the process that may hang.
  init(_ found: SystemUses) {
    self.found = found
    uses = found.systems.map { system in
      var use = Use(system: system)
      for source in system.sources { use.add(source, isWritten: !system.readOnlySources.contains(source)) }
      return use
    }
  }

  /// The systems that use bytes of `disk`.
  ///
  /// - Parameter writing: only those that may write them.
  func systems(using disk: NamedDisk, writing: Bool = false) -> [SystemUse] {
    let numbers = Set(disk.related.map(\.number)).union(disk.device.map { [$0.number] } ?? [])
    let files = disk.files
    return uses.filter { use in
      use.devices.contains { numbers.contains($0.key) && (!writing || $0.value) }
        || use.files.contains { files.contains($0.key) && (!writing || $0.value) }
    }.map(\.system)
  }
}
