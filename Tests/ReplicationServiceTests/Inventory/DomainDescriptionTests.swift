import DeviceResync
import Testing

@testable import ReplicationService

/// INVENTORY A1: what a domain's XML says of its disks.
///
/// Needs libxml2, as libvirt's library does.
@Suite("a domain's description") struct DomainDescriptionTests {
  private func disks(_ xml: String) throws -> [HostedDisk] {
    let text = "<domain type='kvm'><name>a</name><devices>\(xml)</devices></domain>"
    return try #require(DomainDescription(parsing: text) { "/pools/\($0)/\($1)" }).disks
  }

  private func disk(_ xml: String) throws -> HostedDisk {
    let found = try disks(xml)
    #expect(found.count == 1)
    return try #require(found.first)
  }

  @Test("a block device with all that names it")
  func block() throws {
    let found = try disk(
      """
      <disk type='block' device='disk'><driver name='qemu' type='raw'/><source dev='/dev/vg/a&amp;b' index='1'/>
      <backingStore/><target dev='vda' bus='virtio'/><serial> S1 </serial><wwn>5000c500a1b2c3d4</wwn>
      <alias name='ua-root'/></disk>
      """)
    let expected = HostedDisk(
      target: "vda", source: "/dev/vg/a&b", kind: .block, serial: "S1", wwn: "5000c500a1b2c3d4",
      alias: "ua-root")
    #expect(found == expected)
    #expect(found.isReplicated && found.obstacle == nil)
  }

  @Test(
    "what cannot be compared says why",
    arguments: [
      (
        "<disk type='network' device='disk'><source protocol='rbd' name='p/x'/><target dev='vda'/></disk>",
        "network"
      ),
      (
        "<disk type='nvme' device='disk'><source type='pci' namespace='1'/><target dev='vda'/></disk>", "nvme"
      ),
      (
        "<disk type='vhostuser' device='disk'><source type='unix' path='/s'/><target dev='vda'/></disk>",
        "vhostuser"
      ),
      ("<disk type='dir' device='disk'><source dir='/d'/><target dev='vda'/></disk>", "dir"),
      ("<disk type='later' device='disk'><source x='/d'/><target dev='vda'/></disk>", "other"),
      (
        "<disk type='file'><driver type='qcow2'/><source file='/a'/><target dev='vda'/></disk>",
        "arranged as qcow2"
      ),
      (
        "<disk type='file'><source file='/a'/><backingStore type='file'><source file='/b'/></backingStore></disk>",
        "another image"
      ),
      (
        "<disk type='file'><source file='/a'><slices><slice type='storage' offset='1' size='2'/></slices></source></disk>",
        "a part"
      ),
      ("<disk type='block'><source dev='/a'/><mirror type='block' job='copy'/></disk>", "block job"),
      ("<disk type='file'><source file='relative'/></disk>", "nothing is inserted"),
    ])
  func obstacles(_ xml: String, _ reason: String) throws {
    let obstacle = try #require(try disk(xml).obstacle)
    #expect(obstacle.contains(reason))
  }

  @Test(
    "what takes no part by itself",
    arguments: [
      "<disk type='file' device='cdrom'><source file='/a.iso'/></disk>",
      "<disk type='file' device='floppy'></disk>",
      "<disk type='block'><source dev='/a'/><readonly/></disk>",
      "<disk type='block'><source dev='/a'/><transient/></disk>",
      "<disk type='file' device='disk'></disk>",
    ])
  func takesNoPart(_ xml: String) throws { #expect(try !disk(xml).isReplicated) }

  @Test("a volume's path is its pool's word")
  func volume() throws {
    let xml = "<disk type='volume' device='disk'><source pool='p' volume='v'/><target dev='vda'/></disk>"
    let found = try disk(xml)
    #expect(found.source == "/pools/p/v" && found.kind == .file)
    let unknown = DomainDescription(parsing: "<domain><devices>\(xml)</devices></domain>") { _, _ in nil }
    #expect(unknown?.disks.first?.obstacle != nil)
  }

  @Test(
    "what is no domain is none",
    arguments: [
      "", "domain", "<domain>", "<a/>", "<domain/><domain/>",
      "<domain>\(String(repeating: "<a>", count: 100))",
      "<!DOCTYPE domain [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><domain><name>&b;</name></domain>",
    ])
  func broken(_ text: String) { #expect(DomainDescription(parsing: text) { _, _ in nil } == nil) }

  @Test("nothing is read from elsewhere for an entity")
  func externalEntity() throws {
    let text = """
      <!DOCTYPE domain [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><domain><devices><disk type='file'>\
      <source file='/a'/><serial>&a;</serial></disk></devices></domain>
      """
    #expect(DomainDescription(parsing: text) { _, _ in nil }?.disks.first?.serial == nil)
  }

  @Test("states, the worst that is known", arguments: Array(0...8))
  func states(_ number: Int) {
    let expected: SystemState =
      switch number {
      case 1...4, 6, 7: .running
      case 5: .off
      default: .unknown
      }
    let state = DomainState(Int32(number))
    #expect(state.systemState(hasSavedMemory: false) == expected)
    #expect(state.systemState(hasSavedMemory: true) == (expected == .off ? .saved : expected))
  }
}
