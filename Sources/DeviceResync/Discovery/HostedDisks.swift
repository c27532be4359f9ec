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
  struct Use: Sendable {
    let system: SystemUse
    let devices: Set<DeviceNumber>
    let files: Set<FileIdentity>
  }

  private(set) var uses: [Use] = []
  /// Who does not answer, and why.
  private(set) var silent: [String] = []
  /// Who was asked.
  private(set) var asked: [String] = []

  /// Nobody was asked.
  init() {}

  /// Looks where each path leads; what leads nowhere is no disk of this host.
  ///
  /// A path may lead to a server that hangs: this belongs in the process that may hang.
  init(_ found: SystemUses) {
    asked = found.asked
    silent = found.silent
    uses = found.systems.map { system in
      var devices: Set<DeviceNumber> = []
      var files: Set<FileIdentity> = []
      for source in system.sources where source.hasPrefix("/") {
        guard let status = try? FileStatus(at: FilePath(source), followingLink: true) else { continue }
        switch status.kind {
        case .blockDevice: devices.insert(status.deviceNumber)
        case .regular: files.insert(status.identity)
        default: break
        }
      }
      return Use(system: system, devices: devices, files: files)
    }
  }

  /// The systems that use bytes of `disk`.
  func systems(using disk: NamedDisk) -> [SystemUse] {
    let numbers = Set(disk.related.map(\.number)).union(disk.device.map { [$0.number] } ?? [])
    let files = disk.files
    return uses.filter { !$0.devices.isDisjoint(with: numbers) || !$0.files.isDisjoint(with: files) }
      .map(\.system)
  }
}
