import DeviceResync
import Testing

@testable import ReplicationService

/// Systems that hypervisors know, beside those that are described.
@Suite("a configuration that hypervisors complete") struct CompletionTests {
  private func system(_ name: String, uuid: String? = nil, _ source: String = "/dev/a") -> HostedSystem {
    HostedSystem(
      provider: .libvirt, name: name, uuid: uuid.flatMap { UniqueID($0) }, state: .off, evidence: "",
      disks: [HostedDisk(target: "vda", source: source, kind: .block)])
  }

  private func configuration(_ primary: String, _ recovery: String) throws -> Configuration {
    try ConfigurationFolder.read(
      """
      version = 1
      [[system]]
      name = "described"
      [[system.disk]]
      target = "vda"
      source = "/dev/described"
      [[relationship]]
      name = "r"
      primary = "\(primary)"
      recovery = "\(recovery)"
      """)
  }

  private func answering(_ systems: [HostedSystem], silent: [String] = []) -> SystemInventory {
    var inventory = SystemInventory()
    inventory.systems = systems
    inventory.silent = silent.map { .init(title: $0, reason: "it sleeps") }
    return inventory
  }

  @Test("nobody is asked where all is described")
  func notAsked() throws {
    var text = try configuration("described", "other")
    text.relationships = []
    _ = try text.completed(for: ["described"]) { _ in
      Issue.record("asked")
      return SystemInventory()
    }
  }

  @Test(
    "by name, by provider and name, by UUID",
    arguments: ["web", "libvirt:web", "11111111-2222-4333-8444-555555555555"])
  func named(_ reference: String) throws {
    let web = system("web", uuid: "11111111-2222-4333-8444-555555555555")
    let found = try configuration(reference, "described").completed(for: []) { _ in
      answering([system("other", "/dev/b"), web])
    }
    let pairs = try found.pairs(of: try found.relationship(of: reference))
    #expect(pairs.map(\.primary.source) == ["/dev/a"] && pairs.map(\.recovery.source) == ["/dev/described"])
  }

  @Test("a name of several is refused with all of them; a described system comes first")
  func several() throws {
    let twice = answering([
      system("web", uuid: "11111111-2222-4333-8444-555555555555"),
      system("web", uuid: "11111111-2222-4333-8444-555555555556", "/dev/b"),
    ])
    let ambiguous = try configuration("web", "described").completed(for: []) { _ in twice }
    let error = #expect(throws: ResyncError.self) { try ambiguous.relationship(of: "web") }
    #expect(error?.returnValue == .invalidParameter)
    let both = try configuration("described", "libvirt:described").completed(for: []) { _ in
      answering([system("described")])
    }
    let pairs = try both.pairs(of: try both.relationship(of: "described"))
    #expect(pairs.first?.primary.source == "/dev/described" && pairs.first?.recovery.source == "/dev/a")
  }

  @Test("one recovery disk of two relationships is found once its systems are known")
  func recoveryTwice() throws {
    var text = try configuration("described", "libvirt:a")
    var second = try #require(text.relationships.first)
    (second.name, second.primary, second.recovery) = ("s", "libvirt:c", "libvirt:b")
    text.relationships.append(second)
    let error = #expect(throws: ResyncError.self) {
      try text.completed(for: []) { _ in
        answering([system("a", "/dev/same"), system("b", "/dev/same"), system("c", "/dev/c")])
      }
    }
    #expect(error?.returnValue == .invalidParameter)
  }

  @Test("who is not known where somebody is silent may be known there: 32771; else 32777")
  func silent() throws {
    let asked = try configuration("web", "described").completed(for: []) { _ in
      answering([], silent: ["qemu:///x"])
    }
    let error = #expect(throws: ResyncError.self) { try asked.relationship(of: "web") }
    #expect(error?.returnValue == .statusUnknown && error?.description.contains("qemu:///x") == true)
    let none = try configuration("web", "described").completed(for: []) { _ in answering([]) }
    #expect(
      #expect(throws: ResyncError.self) { try none.relationship(of: "web") }?.returnValue
        == .systemNotAvailable)
  }
}
