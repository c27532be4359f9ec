import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// Two systems of two disks, `a` and its recovery `b`, in a configuration.
struct Drill: ~Copyable {
  let one: TestPair
  let two: TestPair
  let state: StateDirectory
  let config = Place.ours("config.toml")

  init(_ form: Form = .images) throws {
    try self.init(
      TestPair(randomBytes(1 << 20, seed: 41), randomBytes(1 << 20, seed: 42), form),
      TestPair(randomBytes(1 << 20, seed: 43), randomBytes(1 << 20, seed: 44), form, name: "2"))
  }

  /// One disk each, all holes but for one block.
  init(size: UInt64) throws {
    let one = try TestPair([], [], .images)
    for image in [one.primaryImage, one.recoveryImage] { try image.resize(to: size) }
    try one.primaryImage.write([1, 2, 3], at: size - 4096)
    try self.init(
      one, TestPair(randomBytes(4096, seed: 43), randomBytes(4096, seed: 44), .images, name: "2"),
      onlyOne: true)
  }

  private init(_ one: consuming TestPair, _ two: consuming TestPair, onlyOne: Bool = false) throws {
    let state = try StateDirectory()
    let disks = onlyOne ? 1 : 2
    let text = Self.configuration(
      [one.primary, two.primary].prefix(disks), [one.recovery, two.recovery].prefix(disks))
    _ = try Image("config.toml", Array(text.utf8))
    self.one = one
    self.two = two
    self.state = state
  }

  private static func configuration(
    _ primaries: some Sequence<String>, _ recoveries: some Sequence<String>
  ) -> String {
    var text = "version = 1\n"
    for (system, disks) in [("a", Array(primaries)), ("b", Array(recoveries))] {
      text += "[[system]]\nname = \"\(system)\"\n"
      for (target, disk) in zip(["vda", "vdb"], disks) {
        text += "[[system.disk]]\ntarget = \"\(target)\"\nsource = \"\(disk)\"\n"
      }
    }
    return text + "[[relationship]]\nname = \"ab\"\nprimary = \"a\"\nrecovery = \"b\"\n"
  }

  /// Takes the second disks out of the configuration.
  func forgetSecondDisks() throws {
    let text = Self.configuration([one.primary], [one.recovery])
    try tool("rm", config)
    _ = try Image("config.toml", Array(text.utf8))
  }

  var pairs: [(String, String)] { [(one.primary, one.recovery), (two.primary, two.recovery)] }

  private var places: [String] { ["--config", config, "--state-dir", state.path] }

  /// `vmresync COMMAND SYSTEM --json OPTION...`; `resync` with `--yes`, where no options are given.
  func call(
    _ command: String, _ system: String, _ options: [String]? = nil, through wrapper: [String] = []
  ) throws -> Report {
    let options = options ?? (command == "resync" ? ["--yes"] : [])
    return try Report(Command.start([command, system, "--json"] + places + options, through: wrapper).wait())
  }

  /// The same on a terminal, once it says `words`.
  func onTerminal(
    _ command: String, _ system: String, _ options: [String], until words: String
  ) throws -> Child {
    let line = ([Command.path, command, system] + places + options).joined(separator: " ")
    let child = try Child(["script", "--quiet", "--flush", "--return", "--command", line, "/dev/null"])
    try child.waitUntilItSays(words)
    return child
  }

  /// Expects that disks which are named themselves are refused, too.
  func expectExplicitRefused(
    _ primary: String, _ recovery: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let refused = try state.resync(primary, recovery, ["--accept-content-change"])
    expect(refused, 32775, sourceLocation: sourceLocation)
    #expect(refused.message.contains("reverse"), "\(refused)", sourceLocation: sourceLocation)
  }

  /// Expects that the second disks hold `bytes`, and the first the same as each other.
  func expectSame(as bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) throws {
    #expect(areEqual(try two.primaryImage.bytes(), bytes), sourceLocation: sourceLocation)
    #expect(
      areEqual(try one.primaryImage.bytes(), try one.recoveryImage.bytes()), sourceLocation: sourceLocation)
  }

  /// Leaves the recovery Inconsistent: a run in place is killed when it has begun to write.
  func leaveInconsistent() throws {
    for place in stride(from: 0, to: 1 << 20, by: 8192) { try one.primaryImage.write([7], at: UInt64(place)) }
    let words =
      ["resync", "a", "--json", "--yes", "--write-back", "in-place", "--engine", "threads"] + places
    let ended = try Command.start(words, through: killing("pwritev2", 3)).wait()
    #expect(ended.wasKilled, "\(ended)")
    try #require(try state.states() == ["Inconsistent"])
  }

  /// Exchanges primary and recovery in the configuration.
  func exchangeInTheFile() throws {
    try tool(
      "sed", "--in-place", "s/^primary = /swap = /; s/^recovery = /primary = /; s/^swap = /recovery = /",
      config)
  }

  /// What the disks of a system hold.
  func held(_ system: String) throws -> [[UInt8]] {
    system == "a"
      ? [try one.primaryImage.bytes(), try two.primaryImage.bytes()]
      : [try one.recoveryImage.bytes(), try two.recoveryImage.bytes()]
  }

  /// The same disks, named themselves.
  func resyncDisks(of from: String, to: String) throws -> Report {
    let disks = from == "a" ? pairs : pairs.map { ($0.1, $0.0) }
    return try state.resync(disks, ["--accept-content-change"])
  }

  /// `vmresync COMMAND SYSTEM --json OPTION...`, to its end; it may be killed before it has said anything.
  func start(
    _ command: String, _ system: String, _ options: [String], through wrapper: [String]
  ) throws -> Ended {
    try Command.start([command, system, "--json"] + places + options, through: wrapper).wait()
  }
}
