import DeviceResync
import SystemPackage

/// What libvirt's own files say of its domains, where its daemon does not answer: which disks they use, never that one
/// is off.
struct LibvirtFiles: Inventory {
  let title = "libvirt's files"
  var provider: HostedSystem.Provider { .libvirt }
  private let root: String

  /// - Parameter root: where `/run` and `/etc` are.
  init(under root: String = "/") { self.root = root }

  /// The records of domains that live first (`domstatus`), then the definitions.
  private static let folders = ["run/libvirt/qemu", "etc/libvirt/qemu"]

  func systems() throws(InventoryFault) -> [HostedSystem] {
    var found: [HostedSystem] = []
    for folder in Self.folders {
      let folder = FilePath(root + folder)
      do throws(ResyncError) {
        for name in try TrustedText.names(in: folder, endingIn: ".xml") {
          if let system = Self.system(try TrustedText(at: folder.appending(name))) { found.append(system) }
        }
      } catch {
        throw InventoryFault(reason: error.description)
      }
    }
    return found
  }

  /// What one file describes; nil for what is no domain.
  private static func system(_ file: TrustedText) -> HostedSystem? {
    guard let root = XMLElement(parsing: file.text) else { return nil }
    let domain = root.name == "domstatus" ? root["domain"] : root
    guard let domain, domain.name == "domain", let name = domain["name"]?.text, !name.isEmpty else {
      return nil
    }
    let description = DomainDescription(domain) { _, _ in nil }
    return HostedSystem(
      provider: .libvirt, name: name, uuid: domain["uuid"].flatMap { UniqueID($0.text) }, state: .unknown,
      evidence: "libvirt does not answer, and \(file.path) names it", disks: description.disks)
  }
}
