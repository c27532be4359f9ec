import DeviceResync

/// Where computer systems are known.
protocol Inventory {
  /// All systems that it knows, with their states.
  func systems() throws(InventoryFault) -> [HostedSystem]
}

/// Why a hypervisor has not answered.
struct InventoryFault: Error, Codable, Hashable {
  /// A sentence without a full stop.
  let reason: String
  /// The hypervisor's own number for it; 0 where it has none.
  var code: Int32 = 0
  /// Whether nothing came back in all the time it had.
  var hasTimedOut = false
}

/// What all hypervisors of this host have said.
public struct SystemInventory: Sendable, Hashable, Codable {
  /// One that did not answer.
  public struct Silent: Sendable, Hashable, Codable {
    /// Whom was asked: `qemu:///system`.
    public var title: String
    /// Why it did not answer, as a sentence without a full stop.
    public var reason: String
    /// Whether that took all the time it had.
    public var hasTimedOut = false
    /// Whether what its files say is known instead.
    public var isCovered = false
  }

  /// The systems.
  public var systems: [HostedSystem] = []
  /// Who was asked: `qemu:///system`.
  public var asked: [String] = []
  /// Those that did not answer: of these nothing is known.
  public var silent: [Silent] = []

  /// Nothing is known.
  public init() {}

  /// The systems that `reference` names: `libvirt:NAME`, a UUID or a bare name.
  public func systems(named reference: String) -> [HostedSystem] {
    // A UUID may be written in capitals.
    let name = UniqueID(reference).map { "\($0)" } ?? reference
    return systems.filter { $0.names.contains(name) }
  }
}
