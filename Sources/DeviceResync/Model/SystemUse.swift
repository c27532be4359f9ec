/// What a computer system is doing, the worst that is known of it.
public enum SystemState: String, Sendable, Codable, CaseIterable {
  /// It is off, and has no saved memory.
  case off
  /// It runs, or something of it still does: paused, blocked, crashed and kept.
  case running
  /// It is off, and its memory is saved: started again, it would go on with what it knows of its disks.
  case saved
  /// That cannot be told.
  case unknown
}

/// A computer system of this host, and the disks that it uses or will use when it is started.
public struct SystemUse: Sendable, Hashable, Codable {
  /// How it is named: `libvirt:web01`.
  public var title: String
  /// Whatever may stand for it in a configuration: its name, with and without its hypervisor's, its UUID.
  public var names: Set<String>
  /// What it is doing.
  public var state: SystemState
  /// What the state is concluded from, for people: `libvirt says paused`.
  public var evidence: String
  /// The command that turns it off, or gives its saved memory up; nil where there is none to name.
  public var remedy: String?
  /// The paths of its disks, and of what they are built on.
  public var sources: [String]
  /// Those of them that it only reads.
  public var readOnlySources: Set<String>
  /// Why not all of its disks are known, as a sentence without a full stop; nil where they are.
  public var unknownDisk: String?

  /// Creates one.
  public init(
    title: String, names: Set<String>, state: SystemState, evidence: String, remedy: String?,
    sources: [String],
    readOnlySources: Set<String> = [], unknownDisk: String? = nil
  ) {
    self.title = title
    self.names = names
    self.state = state
    self.evidence = evidence
    self.remedy = remedy
    self.sources = sources
    self.readOnlySources = readOnlySources
    self.unknownDisk = unknownDisk
  }
}

/// A computer system that a run was asked for.
public struct NamedSystem: Sendable, Hashable, Codable {
  /// How it is named: `libvirt:web01`.
  public var title: String
  /// Whatever may stand for it.
  public var names: Set<String>
  /// Whether a hypervisor has named its disks: then they must be its disks still.
  public var isHosted: Bool

  /// Creates one.
  public init(title: String, names: Set<String>, isHosted: Bool) {
    self.title = title
    self.names = names
    self.isHosted = isHosted
  }
}

/// What those who run computer systems on this host say of them.
public struct SystemUses: Sendable, Hashable {
  /// The systems.
  public var systems: [SystemUse] = []
  /// Who was asked: `qemu:///system`.
  public var asked: [String] = []
  /// Who does not answer, and why, though what its files say is known: `qemu:///system: it does not answer`.
  public var silent: [String] = []
  /// Who does not answer, and has left nothing that tells of its systems.
  public var unknown: [String] = []

  /// Nobody runs any.
  public init() {}
}
