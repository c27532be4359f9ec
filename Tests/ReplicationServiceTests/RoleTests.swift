import DeviceResync
import Testing

@testable import ReplicationService

@Suite("who is primary since a reverse") struct RoleTests {
  static let since: Timestamp = {
    guard let time = Timestamp(coded: "2023-11-14T22:13:20Z") else { preconditionFailure("a time") }
    return time
  }()
  /// The relationship ab of the chain, reversed.
  static let ab = RelationshipRoles(relationship: "ab", primary: "b", recovery: "a", since: since)
  static let leaf = """
    version = 1
    [[system]]
    name = "a"
    disk = [{ target = "vda", source = "/dev/vg0/a" }, { target = "vdb", source = "/dev/vg0/a2" }]
    [[system]]
    name = "b"
    disk = [{ target = "vda", source = "/dev/vg0/b" }, { target = "vdb", source = "/dev/vg0/b2" }]
    [[relationship]]
    name = "ab"
    primary = "a"
    recovery = "static:b"
    [[relationship.disk]]
    primary = "vda"
    recovery = "vdb"
    [[relationship.disk]]
    primary = "vdb"
    recovery = "vda"
    """

  private func error(_ body: () throws -> Void) -> ResyncError? {
    do {
      try body()
      return nil
    } catch {
      return error as? ResyncError
    }
  }

  @Test("a reversed relationship is its recovery's, pairs and all; the file stays as it is")
  func reversed() throws {
    let configuration = try ConfigurationFolder.read(Self.leaf)
    let relationship = try configuration.relationship(of: "b", roles: [Self.ab])
    #expect(relationship.primary == "static:b" && relationship.recovery == "a" && relationship.isTurned)
    let pairs = try configuration.pairs(of: relationship).map { "\($0.primary.source) \($0.recovery.source)" }
    #expect(pairs == ["/dev/vg0/b2 /dev/vg0/a", "/dev/vg0/b /dev/vg0/a2"])
    let refused = error { _ = try configuration.relationship(of: "a", roles: [Self.ab]) }
    #expect(refused?.returnValue == .invalidState)
    #expect("\(refused as Any)".contains("vmresync resync static:b"), "\(refused as Any)")
    let text = try configuration.text(of: relationship)
    #expect(
      text.contains("reversed        since 2023-11-14T22:13:20Z: the file has a -> static:b"), "\(text)")
    #expect(try configuration.relationship(of: "a").primary == "a")
  }

  @Test("whoever exchanges the two in the file afterwards says the same; other systems' roles are not taken")
  func exchanged() throws {
    let file = Self.leaf.replacing(
      "primary = \"a\"\nrecovery = \"static:b\"", with: "primary = \"b\"\nrecovery = \"a\"")
    let configuration = try ConfigurationFolder.read(file)
    let relationship = try configuration.relationship(of: "b", roles: [Self.ab])
    #expect(!relationship.isTurned && relationship.rolesSince == Self.since && relationship.primary == "b")
    #expect(try configuration.text(of: relationship).contains("as the file has them"))
    var other = Self.ab
    other.recovery = "x"
    #expect(try configuration.relationship(of: "b", roles: [other]).rolesSince == nil)
    other = Self.ab
    other.relationship = "ba"
    #expect(try configuration.relationship(of: "b", roles: [other]).rolesSince == nil)
  }

  @Test("primary and recovery both lead to it; in a chain the middle must say which: 32773")
  func either() throws {
    let leaf = try ConfigurationFolder.read(Self.leaf)
    for system in ["a", "b", "static:a"] {
      #expect(try leaf.relationship(with: system, roles: []).name == "ab")
    }
    let chain = try ConfigurationFolder.read(SelectionTests.chain)
    let refused = error { _ = try chain.relationship(with: "b", roles: []) }
    #expect(refused?.returnValue == .invalidParameter && "\(refused as Any)".contains("--relationship"))
    #expect("\(refused as Any)".contains("ab (a -> static:b), bc (b -> c)"), "\(refused as Any)")
    #expect(try chain.relationship(with: "b", named: "bc", roles: []).name == "bc")
    #expect(
      error { _ = try chain.relationship(with: "a", named: "bc", roles: []) }?.returnValue
        == .invalidParameter)
    #expect(error { _ = try chain.relationship(with: "lonely", roles: []) }?.returnValue == .invalidState)
    #expect(
      error { _ = try chain.relationship(with: "nobody", roles: []) }?.returnValue == .systemNotAvailable)
  }

  @Test("a request says by which other relationship each side is written, and whether commands must name it")
  func writers() throws {
    let chain = try ConfigurationFolder.read(SelectionTests.chain)
    func request(_ name: String, _ roles: [RelationshipRoles] = []) throws -> RoleRequest {
      let relationship = try chain.relationship(with: "b", named: name, roles: roles)
      return try chain.request(.reverse, of: relationship, roles: roles, stateDirectory: "/s")
    }
    let ab = try request("ab")
    #expect(ab.primary == "a" && ab.recovery == "b" && ab.needsName)
    #expect(ab.primaryWriter == nil && ab.recoveryWriter == nil)
    #expect(try request("bc").primaryWriter == "ab")
    // Once ab is reversed, nothing writes b any more.
    #expect(try request("bc", [Self.ab]).primaryWriter == nil)
    let leaf = try ConfigurationFolder.read(Self.leaf)
    let single = try leaf.request(
      .failOver, of: leaf.relationship(with: "a", roles: []), roles: [], stateDirectory: "/s")
    #expect(!single.needsName && single.pairs.map(\.recovery) == ["/dev/vg0/b2", "/dev/vg0/b"])
  }
}
