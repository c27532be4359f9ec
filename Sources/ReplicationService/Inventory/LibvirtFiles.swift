import DeviceResync
import SystemPackage

/// What libvirt's own files say of its domains, where its daemon does not answer: which disks they use, never that one
/// is off.
struct LibvirtFiles: Inventory {
  private let root: String

  /// - Parameter root: where `/run` and `/etc` are.
  init(under root: String = "/") { self.root = root }

  /// The records of domains that live first (`domstatus`), then the definitions; QEMU's, and Xen's.
  private static let folders = [
    "run/libvirt/qemu", "run/libvirt/libxl", "etc/libvirt/qemu", "etc/libvirt/libxl",
  ]

  /// - Throws: where one of them cannot be read, or is no domain: then nothing is known.
  func systems() throws(InventoryFault) -> [HostedSystem] {
    var found: [HostedSystem] = []
    for folder in Self.folders {
      let folder = FilePath(root + folder)
      do throws(ResyncError) {
        for name in try TrustedText.names(in: folder, endingIn: ".xml") {
          guard let file = try Self.text(folder.appending(name)) else { continue }
          Self.add(try Self.system(file), to: &found)
        }
      } catch {
        throw InventoryFault(reason: error.description)
      }
    }
    return found
  }

  /// Nil where it is gone meanwhile.
  private static func text(_ path: FilePath) throws(ResyncError) -> TrustedText? {
    do throws(ResyncError) {
      return try TrustedText(at: path)
    } catch  where error.errno == .noSuchFileOrDirectory {
      return nil
    }
  }

  /// One machine has a record and a definition.
  private static func add(_ system: HostedSystem, to found: inout [HostedSystem]) {
    guard let index = found.firstIndex(where: { $0.name == system.name && $0.uuid == system.uuid }) else {
      return found.append(system)
    }
    found[index].otherSources += system.disks.compactMap(\.source) + system.otherSources
    found[index].fault = found[index].fault ?? system.fault
  }

  private static func system(_ file: TrustedText) throws(ResyncError) -> HostedSystem {
    let root = XMLElement(parsing: file.text)
    let domain = root?.name == "domstatus" ? root?["domain"] : root
    guard let domain, domain.name == "domain", let name = domain["name"]?.text, !name.isEmpty else {
      throw ResyncError(.incorrectDataType, "read", on: file.path.string, reason: "it describes no domain")
    }
    let description = DomainDescription(domain) { _, _ in nil }
    return HostedSystem(
      provider: .libvirt, name: name, uuid: domain["uuid"].flatMap { UniqueID($0.text) }, state: .unknown,
      evidence: "libvirt does not answer, and \(file.path) names it", disks: description.disks,
      otherSources: description.otherSources, fault: description.fault)
  }
}
