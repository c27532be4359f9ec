import Testing

@testable import DeviceResync

/// Issue 5: `vmresync status`.
@Suite("status", .ownPlace, .tags(.devices, .slow)) struct StatusTests {
  private func status(_ systems: SystemPair?, _ options: String...) throws -> [JSONValue] {
    let config = systems.map { ["--config", $0.config] } ?? []
    let ended = try Command.start(["status", "--json"] + config + options).wait()
    try #require(ended.status == 0 && ended.error.isEmpty, "\(ended)")
    return try JSONValue(parsing: ended.output)["Relationships"].array
  }

  @Test("a relationship from its first appearance to a comparison that finds differences")
  func life() throws {
    let pair = try TestPair(differing: .loops)
    let systems = try SystemPair(pair.primary, pair.recovery, defaults: "max-age = \"8d\"")
    var found = try status(systems)
    #expect(found.count == 1)
    func expect(_ state: Int, _ health: Int, next: String?, sourceLocation: SourceLocation = #_sourceLocation)
    {
      let only = found.first ?? .missing
      #expect(only["ReplicationState"].int == state, "\(only)", sourceLocation: sourceLocation)
      #expect(only["ReplicationHealth"].int == health, "\(only)", sourceLocation: sourceLocation)
      #expect(only["NextCommand"].text == next, "\(only)", sourceLocation: sourceLocation)
    }
    expect(9, 3, next: "vmresync resync web01 --config \(systems.config) --state-dir \(Place.ours("state"))")
    #expect(found[0]["LastReplicationTime"] == .null && found[0]["InstanceID"] == .null)
    let run = try systems.run(.resync)
    found = try status(systems)
    expect(3, 1, next: nil)
    #expect(found[0]["InstanceID"].text?.hasSuffix("\\HVR\\0") == true, "\(found)")
    #expect(found[0]["LastJob"]["InstanceID"].text == run["JobRecord"]["InstanceID"].text, "\(found)")
    #expect(found[0]["LastReplicationTime"].text?.count == 25)
    try pair.primaryImage.write([1, 2, 3], at: 9000)
    #expect(try systems.run(.compare).status == 1)
    found = try status(systems)
    expect(9, 3, next: "vmresync resync web01 --config \(systems.config) --state-dir \(Place.ours("state"))")
    #expect(found[0]["HealthIssues"][0]["Message"].text?.contains("found differences") == true, "\(found)")
    let text = try Command.run(
      "status", "web01", "--config", systems.config, "--state-dir", Place.ours("state"))
    #expect(text.output.contains("Waiting to start resynchronization, health Critical"), "\(text)")
    #expect(text.output.contains("next     vmresync resync web01"), "\(text)")
    // Also by its replica's name; of another system nothing is shown.
    #expect(try status(systems, "replica").count == 1)
    #expect(try Command.start(["status", "web02", "--config", systems.config]).wait().status == 49)
  }

  @Test("disks that were named are shown beside what is configured, and without a configuration")
  func explicit() throws {
    let pair = try TestPair(differing: .loops)
    let other = try TestPair(differing: .images, name: "2")
    let systems = try SystemPair(pair.primary, pair.recovery)
    #expect(try Command.json(.resync, other.primary, other.recovery).value == 0)
    let both = try status(systems)
    #expect(both.map { $0["RelationshipName"].text } == ["web", nil], "\(both)")
    #expect(both[1]["Recovery"].text == other.recovery && both[1]["ReplicationState"].int == 3, "\(both)")
    try other.primaryImage.write([1], at: 0)
    // A second run of the same disks by the system's name is the same relationship.
    #expect(try Command.json(.resync, pair.primary, pair.recovery).value == 0)
    #expect(try status(systems).map { $0["ReplicationState"].int } == [3, 3])
  }

  @Test("a failover is shown until it is reversed, and a job that runs while it does")
  func failedOver() throws {
    let pair = try TestPair(differing: .loops)
    let systems = try SystemPair(pair.primary, pair.recovery)
    expect(try systems.run(.resync), 0)
    let ended = try Command.start(
      ["failover", "web01", "--config", systems.config, "--yes", "--state-dir", Place.ours("state")]
    ).wait()
    #expect(ended.status == 0, "\(ended)")
    let found = try status(systems)
    #expect(found[0]["ReplicationState"].int == 5 && found[0]["ReplicationHealth"].int == 2, "\(found)")
    #expect(found[0]["NextCommand"].text?.contains("vmresync reverse web01") == true, "\(found)")
  }

  @Test("without anything there is nothing to show")
  func nothing() throws {
    let ended = try Command.start([
      "status", "--config", Image("none.toml", Array("version = 1\n".utf8)).path,
    ]).wait()
    #expect(ended.status == 0 && ended.output.contains("no relationship"), "\(ended)")
  }
}
