import CLibvirt
import DeviceResync

/// What libvirt knows: its library is loaded when it is asked for, and the connection is read-only.
///
/// A daemon that hangs hangs whoever asks: this belongs in a process that may be killed (``InventoryProcess``).
struct LibvirtInventory: Inventory {
  /// Whom it asks: `qemu:///system`.
  let uri: String

  func systems() throws(InventoryFault) -> [HostedSystem] {
    let connection = try Connection(uri)
    let domains = try Domains(connection)
    var found: [HostedSystem] = []
    for index in 0..<domains.count {
      // One that is undefined meanwhile is none.
      if let system = domains.system(index, connection) { found.append(system) }
    }
    return found.sorted { $0.name < $1.name }
  }
}

/// A connection, which is closed when it is let go of.
@safe private final class Connection {
  fileprivate let pointer: OpaquePointer
  let uri: String

  init(_ uri: String) throws(InventoryFault) {
    self.uri = uri
    var fault = cv_fault()
    guard let opened = unsafe cv_open(uri, &fault) else { throw InventoryFault(fault) }
    unsafe pointer = opened
  }

  deinit { unsafe cv_close(pointer) }

  func path(pool: String, volume: String) -> String? {
    var fault = cv_fault()
    return unsafe taken(cv_volume_path(pointer, pool, volume, &fault))
  }
}

/// All domains of a connection.
@safe private final class Domains {
  private let pointer: OpaquePointer
  let count: Int

  init(_ connection: Connection) throws(InventoryFault) {
    var fault = cv_fault()
    guard let list = unsafe cv_list(connection.pointer, &fault) else { throw InventoryFault(fault) }
    unsafe pointer = list
    unsafe count = cv_count(list)
  }

  deinit { unsafe cv_free_domains(pointer) }

  /// - Returns: nil where it is gone meanwhile.
  func system(_ index: Int, _ connection: Connection) -> HostedSystem? {
    do throws(InventoryFault) {
      return try described(index, connection)
    } catch {
      if error.code == CV_ERROR_NO_DOMAIN { return nil }
      // Of the others all is known.
      let name = unsafe String(cString: cv_name(pointer, index))
      return HostedSystem(
        provider: .libvirt, name: name, uuid: nil, state: .unknown, evidence: "libvirt says: \(error.reason)",
        disks: [],
        fault: "libvirt does not tell which disks it has")
    }
  }

  private func described(_ index: Int, _ connection: Connection) throws(InventoryFault) -> HostedSystem {
    let name = unsafe String(cString: cv_name(pointer, index))
    var text = [CChar](repeating: 0, count: 37)
    try check { fault in unsafe cv_uuid(pointer, index, &text, &fault) }
    let uuid = String(decoding: text.prefix(36).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // The state first and last: a domain that is started between is not taken for one that is off.
    let before = try check { fault in unsafe cv_state(pointer, index, &fault) }
    let hasSavedMemory = try check { fault in unsafe cv_has_saved_memory(pointer, index, &fault) } == 1
    let current = try description(index, isInactive: false, connection)
    let next = try description(index, isInactive: true, connection)
    let after = try check { fault in unsafe cv_state(pointer, index, &fault) }
    let state = DomainState(before == DomainState.shutOff ? after : before)
    let others = current.otherSources + next.disks.compactMap(\.source) + next.otherSources
    return HostedSystem(
      provider: .libvirt, name: name, uuid: UniqueID(uuid),
      state: state.systemState(hasSavedMemory: hasSavedMemory),
      evidence: state.evidence(hasSavedMemory: hasSavedMemory), disks: current.disks,
      otherSources: Set(others).subtracting(current.disks.compactMap(\.source)).sorted(),
      fault: current.fault ?? next.fault,
      wayToEnd: state.wayToEnd(hasSavedMemory: hasSavedMemory).map {
        "virsh -c \(ShellWord(connection.uri)) \($0) \(ShellWord(name))"
      })
  }

  private func description(
    _ index: Int, isInactive: Bool, _ connection: Connection
  ) throws(InventoryFault) -> DomainDescription {
    var fault = cv_fault()
    guard let text = unsafe taken(cv_description(pointer, index, isInactive ? 1 : 0, &fault)) else {
      throw InventoryFault(fault)
    }
    guard let description = DomainDescription(parsing: text, path: connection.path(pool:volume:)) else {
      throw InventoryFault(reason: "a domain's description is no XML that libxml2 reads")
    }
    return description
  }

  @discardableResult
  private func check(_ call: (inout cv_fault) -> Int32) throws(InventoryFault) -> Int32 {
    var fault = cv_fault()
    let result = call(&fault)
    if result < 0 { throw InventoryFault(fault) }
    return result
  }
}

/// What libvirt says of a domain (virDomainState).
struct DomainState {
  private let number: Int32
  static let shutOff: Int32 = 5

  init(_ number: Int32) { self.number = number }

  private static let names = [
    "no state", "running", "blocked", "paused", "in shutdown", "shut off", "crashed",
    "suspended by its guest",
  ]

  private var name: String {
    Self.names.indices.contains(Int(number)) ? Self.names[Int(number)] : "state \(number)"
  }

  func evidence(hasSavedMemory: Bool) -> String {
    "libvirt says \(name)" + (hasSavedMemory ? ", with saved memory" : "")
  }

  /// The command of virsh(1) that ends it; nil where none does.
  func wayToEnd(hasSavedMemory: Bool) -> String? {
    switch number {
    case 1, 2: "shutdown"
    case 6: "destroy"
    case 7: "dompmwakeup"
    case Self.shutOff where hasSavedMemory: "managedsave-remove"
    default: nil
    }
  }

  /// The worst that is known of it.
  func systemState(hasSavedMemory: Bool) -> SystemState {
    switch number {
    case 1...4, 6, 7: .running
    case Self.shutOff: hasSavedMemory ? .saved : .off
    default: .unknown
    }
  }
}

extension InventoryFault {
  fileprivate init(_ fault: cv_fault) {
    code = fault.code
    var fault = fault
    reason = unsafe withUnsafeBytes(of: &fault.reason) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}

/// The text, which is freed.
private func taken(_ text: UnsafeMutablePointer<CChar>?) -> String? {
  guard let text = unsafe text else { return nil }
  defer { unsafe cv_free_text(text) }
  return unsafe String(cString: text)
}
