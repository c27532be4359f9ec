public import DeviceResync

/// A computer system that a hypervisor knows.
public struct HostedSystem: Sendable, Hashable, Codable {
  /// Who knows it.
  public enum Provider: String, Sendable, Codable {
    case libvirt
  }

  /// Who knows it.
  public var provider: Provider
  /// What its hypervisor calls it.
  public var name: String
  /// Its UUID; nil where it has none.
  public var uuid: UniqueID?
  /// What it is doing, by its hypervisor's word.
  public var state: SystemState
  /// What the state is concluded from, for people: `libvirt says paused`.
  public var evidence: String
  /// Its disks, in the order of their targets.
  public var disks: [HostedDisk]
  /// What it uses besides, such as what its disks are built on, or will use when it is started next: paths.
  public var otherSources: [String] = []
  /// Why nothing, or not all, is known of its disks, as a sentence without a full stop; nil where all is.
  public var fault: String?
  /// The command that ends its state; nil where there is none to name.
  public var wayToEnd: String?

  /// `libvirt:web01`.
  public var reference: String { "\(provider.rawValue):\(name)" }

  /// Whatever may stand for it in a configuration.
  public var names: Set<String> { Set([reference, name] + (uuid.map { ["\($0)"] } ?? [])) }
}

/// A disk of a system that a hypervisor knows.
public struct HostedDisk: Sendable, Hashable, Codable {
  /// What is particular about it.
  public enum Trait: String, Sendable, Codable, CaseIterable {
    case readOnly
    /// Other systems may write to it too.
    case shareable
    /// What the guest writes is thrown away.
    case transient
    case cdrom
    case floppy
    /// Only a part of the file or device is the disk.
    case slice
    /// It is built on another image.
    case backingChain
    /// A block job moves it right now.
    case mirror
  }

  /// Where its bytes are.
  public enum Kind: String, Sendable, Codable {
    case file
    case block
    /// Nothing is inserted.
    case none
    case directory = "dir"
    case network
    /// A PCI device that the guest has to itself.
    case nvme
    case vhostUser = "vhostuser"
    /// A volume whose pool does not tell its path.
    case volume
    case other
  }

  /// What the guest's hardware calls it: `vda`.
  public var target: String
  /// The absolute path of the device or image; nil where there is none on this host.
  public var source: String?
  /// Where its bytes are.
  public var kind: Kind
  /// The serial number that the guest sees.
  public var serial: String?
  /// The world wide name that the guest sees.
  public var wwn: String?
  /// A name that its administrator has given it.
  public var alias: String?
  /// How its bytes are arranged: `raw`, `qcow2`.
  public var format = "raw"
  /// What is particular about it.
  public var traits: Set<Trait> = []

  /// Whether it takes part where nothing is said of it.
  public var isReplicated: Bool {
    traits.isDisjoint(with: [.readOnly, .transient, .cdrom, .floppy]) && kind != .none
  }

  /// Why it cannot be compared or written, as a sentence without a full stop; nil where it can.
  public var obstacle: String? {
    switch kind {
    case .none: return "nothing is inserted"
    case .directory, .network, .nvme, .vhostUser, .volume, .other:
      return
        "its bytes are on no device or file of this host (\(kind.rawValue)); attach it as a kernel device (rbd map, "
        + "iscsiadm, nvme connect), and name that under [[system]] in the configuration"
    case .file, .block: break
    }
    if traits.contains(.mirror) { return "a block job works on it" }
    if traits.contains(.backingChain) {
      return "it is built on another image: merge them first (virsh blockcommit)"
    }
    if traits.contains(.slice) { return "it is a part of its file or device only" }
    if format != "raw" { return "its bytes are arranged as \(format), and only raw disks can be compared" }
    if source == nil { return "its path is not known" }
    return nil
  }
}
