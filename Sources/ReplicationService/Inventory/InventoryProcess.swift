import DeviceResync
import Synchronization

/// Asks hypervisors from a process of its own, one for each: whoever hangs, or crashes on what a daemon says, is ended
/// and not waited for.
enum InventoryProcess {
  /// Its argv[0], and its only argument.
  static let name = "vmresync: inventory"
  /// How long one may take; libvirt waits for a daemon without a limit.
  static let patience = Duration.seconds(10)

  /// What it is asked.
  enum Order: Codable, Sendable {
    case ask(uri: String)
    /// libvirt's own files, where its daemon does not answer.
    case lookAtFiles

    fileprivate var inventory: any Inventory {
      switch self {
      case .ask(let uri): LibvirtInventory(uri: uri)
      case .lookAtFiles: LibvirtFiles()
      }
    }
  }

  /// What it answers.
  struct Answer: Codable, Sendable {
    var systems: [HostedSystem] = []
    var fault: InventoryFault?
  }

  /// Returns at once in an ordinary process; in one that is asked it never returns.
  ///
  /// - Parameter arguments: the process's, its name first.
  static func enterIfAsked(_ arguments: [String]) {
    AnsweringProcess.serve(arguments, as: name) { (order: Order) in
      do throws(InventoryFault) {
        return Answer(systems: try order.inventory.systems())
      } catch {
        return Answer(fault: error)
      }
    }
  }

  /// What all hypervisors say; of one that does not answer only what its files say is known.
  ///
  /// - Parameters:
  ///   - uris: whom to ask; empty: who is usually there.
  ///   - known: those that did not answer before, and are not waited for once more.
  static func inventory(
    _ uris: [String], knownAsSilent known: [SystemInventory.Silent] = []
  ) -> SystemInventory {
    var found = SystemInventory()
    for uri in uris.isEmpty ? UsualHypervisors.present() : uris {
      found.asked.append(uri)
      if let silent = known.first(where: { $0.title == uri }) {
        found.silent.append(silent)
        continue
      }
      let answer = ask(.ask(uri: uri), uri)
      found.systems += answer.systems
      if let fault = answer.fault {
        found.silent.append(.init(title: uri, reason: fault.reason, hasTimedOut: fault.hasTimedOut))
      }
    }
    guard found.silent.contains(where: { hasFiles($0.title) }) else { return found }
    let files = ask(.lookAtFiles, "libvirt's files")
    let known = Set(found.systems.map(\.uuid))
    found.systems += files.systems.filter { $0.uuid == nil || !known.contains($0.uuid) }
    for index in found.silent.indices {
      found.silent[index].isCovered = files.fault == nil && hasFiles(found.silent[index].title)
    }
    return found
  }

  /// Whether a hypervisor's domains have records that can be read without its daemon.
  private static func hasFiles(_ uri: String) -> Bool { ["qemu:///system", "xen:///system"].contains(uri) }

  private static func ask(_ order: Order, _ title: String) -> Answer {
    do throws(ResyncError) {
      let process = try AnsweringProcess(named: name, "the process that asks \(title)")
      defer { process.kill() }
      return try process.ask(order, within: patience)
    } catch {
      let reason =
        error.cause == .timedOut
        ? "it does not answer within \(patience.components.seconds) s" : error.description
      return Answer(fault: InventoryFault(reason: reason, hasTimedOut: error.cause == .timedOut))
    }
  }
}

/// The hypervisors that are asked where nothing else is said.
enum UsualHypervisors {
  /// Those that are there: a daemon's socket is, or what it leaves: records, definitions, saved memory.
  ///
  /// Without any there is nobody who could tell of a domain.
  static func present(under root: String = "/") -> [String] {
    func isThere(_ path: String) -> Bool { DeviceResync.isThere(root + path) }
    let hasDaemon = ["libvirt-sock-ro", "libvirt-sock"].contains { isThere("run/libvirt/\($0)") }
    var uris: [String] = []
    let ofQEMU = [
      "run/libvirt/virtqemud-sock-ro", "run/libvirt/virtqemud-sock", "run/libvirt/qemu", "etc/libvirt/qemu",
      "var/lib/libvirt/qemu/save",
    ]
    if hasDaemon || ofQEMU.contains(where: isThere) { uris.append("qemu:///system") }
    let ofXen = ["run/libvirt/virtxend-sock-ro", "run/libvirt/virtxend-sock", "etc/libvirt/libxl"]
    if isThere("proc/xen/capabilities"), hasDaemon || ofXen.contains(where: isThere) {
      uris.append("xen:///system")
    }
    return uris
  }
}

extension SystemUses {
  /// What an inventory says of disks.
  init(_ inventory: SystemInventory) {
    self.init()
    systems = inventory.systems.map { system in
      let readOnly = system.disks.filter { $0.traits.contains(.readOnly) || $0.traits.contains(.cdrom) }
      return SystemUse(
        title: system.reference, names: system.names, state: system.state, evidence: system.evidence,
        remedy: system.wayToEnd, sources: system.disks.compactMap(\.source) + system.otherSources,
        readOnlySources: Set(readOnly.compactMap(\.source)), unknownDisk: system.fault)
    }
    asked = inventory.asked
    for silent in inventory.silent {
      let text = "\(silent.title): \(silent.reason)"
      if silent.isCovered { self.silent.append(text) } else { unknown.append(text) }
    }
  }
}

/// Tells a worker of the computer systems of its host; who has hung once is not waited for again.
final class SystemWatch: Sendable {
  private let silent = Mutex<[SystemInventory.Silent]>([])

  func uses(_ hypervisors: [String]) -> SystemUses {
    let inventory = InventoryProcess.inventory(hypervisors, knownAsSilent: silent.withLock { $0 })
    silent.withLock { $0 = inventory.silent.filter(\.hasTimedOut) }
    return SystemUses(inventory)
  }
}
