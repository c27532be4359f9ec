import Glibc
import Testing

@testable import DeviceResync

/// A host of libvirt's test driver, a hypervisor inside libvirt's library (libvirt.org/drvtest.html): its domains are
/// what a file says.
struct LibvirtHost {
  /// A domain, off unless said otherwise.
  struct Domain {
    var name: String
    var disks: [String]
    /// virDomainState.
    var state = 5
    var hasSavedMemory = false
    /// Further elements of `<domain>`, such as a pool's.
    var uuid: String?

    /// One whose disks are block devices or images: vda, vdb, ...
    init(_ name: String, _ sources: [String], state: Int = 5, hasSavedMemory: Bool = false) {
      self.name = name
      self.state = state
      self.hasSavedMemory = hasSavedMemory
      disks = zip("abcdefgh", sources).map { letter, source in Self.disk(source, "vd\(letter)") }
    }

    /// - Parameter more: elements of `<disk>`.
    static func disk(_ source: String, _ target: String, _ more: String = "") -> String {
      let (type, key) = source.hasPrefix("/dev/") ? ("block", "dev") : ("file", "file")
      return """
        <disk type='\(type)' device='disk'><driver name='qemu' type='raw'/><source \(key)='\(Self.escaped(source))'/>\
        <target dev='\(target)' bus='virtio'/>\(more)</disk>
        """
    }

    static func escaped(_ text: String) -> String {
      text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("'", with: "&apos;")
    }

    fileprivate var xml: String {
      """
      <domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>\(Self.escaped(name))</name>
      \(uuid.map { "<uuid>\($0)</uuid>" } ?? "")<memory>65536</memory><os><type>hvm</type></os>
      <devices>\(disks.joined())</devices><test:runstate>\(state)</test:runstate>\
      \(hasSavedMemory ? "<test:hasmanagedsave/>" : "")</domain>
      """
    }
  }

  private let file = Place.ours("node.xml")
  /// The words that let a command ask it.
  var options: [String] { ["--libvirt", uri] }
  var uri: String { "test://\(file)" }

  init(_ domains: [Domain], pools: String = "") throws {
    let text = "<node>\(domains.map(\.xml).joined())\(pools)</node>"
    unlink(file)
    _ = try Image("node.xml", Array(text.utf8))
  }

  /// A configuration of one relationship of two of its domains.
  func configuration(_ primary: String, _ recovery: String, _ more: String = "") throws -> [String] {
    let text = """
      version = 1
      [libvirt]
      uris = ["\(uri)"]
      [[relationship]]
      name = "web"
      primary = "\(primary)"
      recovery = "\(recovery)"
      \(more)
      """
    unlink(Place.ours("libvirt.toml"))
    _ = try Image("libvirt.toml", Array(text.utf8))
    return ["--config", Place.ours("libvirt.toml")]
  }
}
