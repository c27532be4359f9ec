import SystemPackage

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
