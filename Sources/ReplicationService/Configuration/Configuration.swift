public import DeviceResync
public import SystemPackage

/// What is configured: computer systems that no hypervisor knows, and who mirrors whom.
public struct Configuration: Sendable, Equatable {
  /// A computer system.
  public struct System: Sendable, Equatable {
    /// What it is called.
    public var name: String
    /// Its UUID; nil where none is given.
    public var uuid: UniqueID?
    /// Who knows it; nil where it is described here.
    public var hypervisor: HostedSystem.Provider?
    /// Its disks.
    public var disks: [Disk]
    /// Where that stands.
    public var place: String
  }

  /// A disk of a system.
  public struct Disk: Sendable, Equatable {
    /// What the guest's hardware calls it: `vda`, `scsi0`.
    public var target: String
    /// The path of the device or the raw image.
    public var source: String
    /// The serial number that the guest sees; nil where none is given.
    public var serial: String?
    /// The world wide name that the guest sees.
    public var wwn: String?
    /// A name that its administrator has given it.
    public var alias: String?
    /// Whether it takes part where nothing is said of it.
    public var isReplicated = true
    /// Why it can be neither read nor written, as a sentence without a full stop; nil where it can.
    public var obstacle: String?
  }

  /// An ordered pair of systems: the recovery's disks mirror the primary's.
  public struct Relationship: Sendable, Equatable {
    /// What it is called.
    public var name: String
    /// The system that is read.
    public var primary: String
    /// The system that is written.
    public var recovery: String
    /// Whether anything may be replicated.
    public var isEnabled: Bool
    /// By what its disks are paired; the first that pairs all of them.
    public var pairBy: [PairingRule]
    /// What is said of single disks.
    public var disks: [DiskRule]
    /// How its runs work, where that is said.
    public var settings: Settings
    /// Where that stands.
    public var place: String
    /// Whether the two have changed roles since: ``primary`` and ``recovery`` are not as they are written.
    public internal(set) var isTurned = false
    /// Since when they have these roles; nil where there never was a `reverse`.
    public internal(set) var rolesSince: Timestamp?
  }

  /// What is said of one disk of a relationship's primary.
  public struct DiskRule: Sendable, Equatable {
    /// Which one.
    public var primary: DiskReference
    /// The recovery's disk that mirrors it; nil where it is found by the rules.
    public var recovery: DiskReference?
    /// Whether it takes part at all.
    public var isReplicated: Bool
    /// Where that stands.
    public var place: String
  }

  /// How a disk is named: `vda`, `serial:S`, `wwn:W`, `alias:A`, or an absolute path.
  public enum DiskReference: Sendable, Hashable {
    case target(String)
    case serial(String)
    case wwn(String)
    case alias(String)
    case path(String)
  }

  /// What two disks of a pair have in common.
  public enum PairingRule: String, Sendable, CaseIterable {
    case serial
    case wwn
    case target
  }

  /// How runs work; nil where it is not said.
  public struct Settings: Sendable, Equatable {
    /// Where differences go.
    public var writeBack: RunRequest.WriteBack?
    /// How still the primary must hold.
    public var source: RunRequest.Source?
    /// How much may differ.
    public var maxDifference: RunRequest.DifferenceLimit?
    /// Whether what was written is read back.
    public var verifies: Bool?
    /// How long nothing may move.
    public var stallTimeout: TimeSpan?
    /// How old the last proof that both are equal may be; 8 days where it is not said.
    public var maxAge: TimeSpan?

    /// Nothing is said.
    public init() {}
  }

  /// Whom to ask for systems that are not described here, as libvirt names them; empty: who is usually there.
  public var hypervisors: [String] = []
  /// Where that stands; nil where nothing does.
  public var hypervisorsPlace: String?
  /// Names that several systems of hypervisors have, with all of them.
  var ambiguous: [String: [String]] = [:]
  /// Hypervisors that were asked, and did not answer.
  public internal(set) var silent: [SystemInventory.Silent] = []
  /// The systems, in the order of the files.
  public var systems: [System] = []
  /// The relationships, in the order of the files.
  public var relationships: [Relationship] = []
  /// What holds for relationships that do not say otherwise.
  public var defaults = Settings()
  /// Where that stands; nil where nothing does.
  public var defaultsPlace: String?

  /// The file that was read, as an absolute path; nil for the usual one.
  public private(set) var file: String?

  /// Where commands of ours find it, and what else this process was called with.
  var context: CallContext {
    CallContext(stateDirectory: CallContext.current.stateDirectory, configuration: file)
  }

  /// What ``file`` is of the one at `path`.
  public static func file(_ path: String) -> String? {
    path == usualPath.string ? nil : absolutePath(path)
  }

  /// An empty one.
  public init() {}

  /// Where it is looked for when nothing else is said.
  public static let usualPath: FilePath = "/etc/vmresync/config.toml"

  /// The one at `path`; nil where that is the usual place, and nothing is there.
  ///
  /// - Throws: what ``init(at:)`` throws.
  public static func ifPresent(at path: FilePath = usualPath) throws(ResyncError) -> Configuration? {
    do throws(ResyncError) {
      return try Configuration(at: path)
    } catch  where path == usualPath && error.returnValue == .fileNotFound {
      return nil
    }
  }

  /// Reads the file at `path`, and those in `conf.d` beside it, in the order of their names.
  ///
  /// - Throws: 32779 where it is not there; 32769 where others may write it; 32776 where it is no TOML or a value is of
  ///   the wrong type; 32773 where it makes no sense: each with file and key.
  public init(at path: FilePath) throws(ResyncError) {
    self.init()
    file = Self.file(path.string)
    do throws(ResyncError) {
      try read(TrustedText(at: path))
    } catch  where error.returnValue == .fileNotFound {
      throw ResyncError(
        error.cause, error.attempt, on: path.string, reason: error.reason,
        remedy: "write it, or name another one with --config; the manual page vmresync(8) shows its form")
    }
    // Of a plain file name: beside it.
    let folder = path.removingLastComponent().appending("conf.d")
    for name in try TrustedText.names(in: folder, endingIn: ".toml") {
      try read(TrustedText(at: folder.appending(name)))
    }
    try check()
  }
}

extension Configuration.DiskReference: CustomStringConvertible {
  /// Reads one; nil where it is none.
  public init?(parsing text: String) {
    if text.hasPrefix("/") {
      self = .path(text)
    } else if text.hasPrefix("serial:") {
      self = .serial(String(text.dropFirst("serial:".count)))
    } else if text.hasPrefix("wwn:") {
      self = .wwn(String(text.dropFirst("wwn:".count)))
    } else if text.hasPrefix("alias:") {
      self = .alias(String(text.dropFirst("alias:".count)))
    } else if !text.isEmpty, !text.contains(":") {
      self = .target(text)
    } else {
      return nil
    }
  }

  /// As it is written.
  public var description: String {
    switch self {
    case .target(let target): target
    case .serial(let serial): "serial:\(serial)"
    case .wwn(let wwn): "wwn:\(wwn)"
    case .alias(let alias): "alias:\(alias)"
    case .path(let path): path
    }
  }

  /// Whether it names `disk`.
  func names(_ disk: Configuration.Disk) -> Bool {
    switch self {
    case .target(let target): disk.target == target
    case .serial(let serial): disk.serial == serial
    case .wwn(let wwn): disk.wwn == wwn
    case .alias(let alias): disk.alias == alias
    case .path(let path): disk.source == path
    }
  }
}
