import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("exchanging the roles", .ownPlace, .tags(.devices, .slow)) struct ReverseTests {
  @Test(
    "killed between any two durable steps: nothing overwrites the live recovery, and the same command leads on",
    arguments: zip(["states", "disks", "roles"], [2, 4, 1]))
  func killed(_ folder: String, _ steps: Int) throws {
    let drill = try Drill()
    expect(try drill.call("resync", "a"), 0)
    var system = ("a", "b")
    var kills = 0
    // Each folder is flushed after each replacement: two of the relationship, four of disks, one of roles.
    for call in ["fsync", "renameat"] {
      for number in sampled(Array(1...steps), few: 1) {
        expect(try drill.call("failover", system.1), 0)
        let live = try drill.held(system.1)
        let wrapper = killing(call, number, on: "\(drill.state.path)/\(folder)")
        let ended = try drill.start("reverse", system.1, ["--yes"], through: wrapper)
        let title = "\(call) \(number) on \(folder): \(ended)"
        if ended.wasKilled {
          kills += 1
          let forth = try drill.call("resync", system.0)
          #expect(forth.value == 32775, "\(title), \(forth)")
          let explicit = try drill.resyncDisks(of: system.0, to: system.1)
          #expect(explicit.value == 32775, "\(title), \(explicit)")
          #expect(try drill.held(system.1) == live, "\(title)")
          // Done or not, the same command ends it; where it was done already, the next one says so.
          let again = try drill.call("reverse", system.1, ["--yes"])
          #expect(again.value == 0 || again.message.contains("it is the recovery"), "\(title), \(again)")
        } else {
          #expect(ended.status == 0, "\(title)")
        }
        let refused = try drill.call("resync", system.0)
        #expect(refused.value == 32775, "\(title), \(refused)")
        let back = try drill.call("resync", system.1)
        #expect(back.value == 0, "\(title), \(back)")
        #expect(try drill.held(system.1) == live, "\(title)")
        #expect(try drill.held(system.0) == live, "\(title)")
        system = (system.1, system.0)
      }
    }
    #expect(kills > 0)
    #expect(try drill.state.records().count == 1)
  }

  @Test("roles that are exchanged in the configuration without a reverse are refused, and named")
  func exchangedInTheFile() throws {
    let drill = try Drill()
    expect(try drill.call("resync", "a"), 0)
    try drill.exchangeInTheFile()
    let refused = try drill.call("resync", "b")
    expect(refused, 32775)
    #expect(refused.verdict("direction")["ReturnValue"].int == 32775, "\(refused)")
    for command in ["failover", "reverse"] {
      let words = "vmresync \(command) SYSTEM --config \(drill.config) --state-dir \(drill.state.path)"
      #expect(refused.message.contains(words), "\(refused)")
    }
    expect(try drill.call("resync", "a"), 32775)
    // What the disks know decides who is live.
    let marked = try drill.call("failover", "a")
    expect(marked, 0)
    #expect(marked.message.hasPrefix("b is failed over"), "\(marked)")
    expect(try drill.call("resync", "b"), 32775)
    expect(try drill.call("reverse", "b", ["--yes"]), 0)
    expect(try drill.call("resync", "b"), 0)
    // The file says the same by now; back to what it said, the memory holds.
    try drill.exchangeInTheFile()
    expect(try drill.call("resync", "b"), 0)
    expect(try drill.call("resync", "a"), 32775)
  }

  @Test("a chain: its middle fails over where it is said which, and is not reversed while another writes it")
  func chain() throws {
    let chain = try SystemTests.Chain()
    expect(try chain.run("resync", "a"), 0)
    expect(try chain.run("resync", "b"), 0)
    func change(_ command: String, _ system: String, _ options: [String] = []) throws -> Report {
      try Report(
        Command.start(
          [command, system, "--json", "--config", chain.config, "--state-dir", Place.ours("state")] + options
        ).wait())
    }
    expect(try change("failover", "b"), 32773)
    expect(try change("failover", "c"), 0)
    let refused = try change("reverse", "c", ["--yes"])
    expect(refused, 32775)
    #expect(refused.message.contains("relationship 'ab'"), "\(refused)")
    expect(try change("failover", "c", ["--revert", "--yes"]), 0)

    let middle = try change("failover", "b", ["--relationship", "ab"])
    expect(middle, 0)
    #expect(middle.message.contains("vmresync reverse b --relationship ab"), "\(middle)")
    expect(try chain.run("resync", "a"), 32775)
    // What is live goes onward as before.
    try chain.images["bvda"]?.write([1, 2, 3], at: 0)
    let onward = try chain.run("resync", "b")
    expect(onward, 0)
    #expect(onward["BytesWritten"].int == 4096)
    expect(try change("reverse", "a", ["--yes"]), 0)
    expect(try chain.run("resync", "b"), 32773)
    expect(try chain.run("resync", "b", ["--relationship", "ab"]), 0)
    #expect(areEqual(try chain.images["avda"]?.bytes() ?? [], try chain.images["bvda"]?.bytes() ?? [1]))
    expect(try chain.run("resync", "b", ["--relationship", "bc"]), 0)
    try chain.expect(["avdb": "avdb", "bvdb": "bvdb", "cvdb": "bvdb"])
    // The primary of a chain, as the recovery of a stranger, is refused; so was the former one's way.
    let stranger = try Image("stranger", randomBytes(1 << 20, seed: 5))
    let state = ["--state-dir", Place.ours("state"), "--accept-content-change"]
    let middleDisk = try #require(chain.images["bvda"]?.path)
    expect(try Command.json(.resync, stranger.path, middleDisk, state), 32775)
    expect(try Command.json(.resync, try #require(chain.images["avda"]?.path), middleDisk, state), 32775)
  }

  @Test("the first run after it is a first run: a blank primary over a former one that is not is refused")
  func firstRun() throws {
    let drill = try Drill()
    try tool("mkfs.ext4", "-q", "-F", drill.one.primaryImage.path)
    expect(try drill.call("resync", "a"), 0)
    expect(try drill.call("failover", "b"), 0)
    let size = try drill.one.recoveryImage.bytes().count
    try drill.one.recoveryImage.write(Array(repeating: 0, count: size), at: 0)
    expect(try drill.call("reverse", "b", ["--yes"]), 0)
    let refused = try drill.call("resync", "b")
    expect(refused, 32775)
    #expect(refused.message.contains("--blank-primary"), "\(refused)")
    let allowed = try drill.call("resync", "b", ["--yes", "--blank-primary"])
    expect(allowed, 0)
    // From then on content never refuses.
    try tool("mkfs.ext4", "-q", "-F", drill.one.primaryImage.path)
    expect(try drill.call("resync", "b"), 0)
  }

  @Test("a record of roles that is damaged is refused; one that is gone, or another's, reverse writes again")
  func roleRecord() throws {
    let drill = try Drill()
    expect(try drill.call("resync", "a"), 0)
    expect(try drill.call("failover", "b"), 0)
    expect(try drill.call("reverse", "b", ["--yes"]), 0)
    let folder = "\(drill.state.path)/roles"
    let name = try #require(try directoryNames(FilePath(folder)).first)
    for text in ["{}", "{\"FormatVersion\": 2}", "no JSON", ""] {
      try tool("bash", "-c", "printf %s \"$1\" > \"$0\"", "\(folder)/\(name)", text)
      let refused = try drill.call("resync", "b")
      expect(refused, 32775)
      #expect(refused.message.contains(name), "\(refused)")
    }
    try tool("bash", "-c", "rm \"$0\"; ln -s /etc/passwd \"$0\"", "\(folder)/\(name)")
    expect(try drill.call("resync", "b"), 32769)
    try tool("rm", "\(folder)/\(name)")
    // Only the names are gone: the disks know.
    expect(try drill.call("resync", "a"), 32775)
    expect(try drill.call("resync", "b"), 32775)
    expect(try drill.call("reverse", "b", ["--yes"]), 0)
    expect(try drill.call("resync", "b"), 0)
    let done = try drill.call("reverse", "b", ["--yes"])
    expect(done, 32775)
    #expect(done.message.contains("vmresync failover a"), "\(done)")
  }

  @Test("a state directory of an older version, without roles, is read as it is")
  func olderDirectory() throws {
    let drill = try Drill()
    expect(try drill.call("resync", "a"), 0)
    try tool("rmdir", "\(drill.state.path)/roles")
    expect(try drill.call("plan", "a"), 0)
    #expect(
      try Command.run("config", "show", "a", "--config", drill.config, "--state-dir", drill.state.path).status
        == 0)
    expect(try drill.call("failover", "b"), 0)
    expect(try drill.call("reverse", "b", ["--yes"]), 0)
  }

  @Test("explain tells of values, exit statuses and job states; of nothing else: 32773")
  func explain() throws {
    for (value, words) in [
      ("32775", "vmresync failover --revert"), ("46", "32774"), ("Exception", "job state 10"),
    ] {
      let told = try Command.run("explain", value)
      #expect(told.status == 0 && told.output.contains(words), "\(told)")
    }
    #expect(try Command.run("explain", "99").status == 45)
    #expect(try Command.run("explain").status == 45)
  }
}
