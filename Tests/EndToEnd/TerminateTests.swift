import Glibc
import Testing

@testable import DeviceResync

/// CIM's Terminate and what is no more than a stop: the one drops what was staged, the other keeps it.
@Suite("terminate", .ownPlace, .tags(.devices, .slow)) struct TerminateTests {
  /// A pair that a run takes minutes to compare, with a difference in every 16 MiB of its beginning.
  private struct Long {
    let state: StateDirectory
    let recovery: Image
    let systems: SystemPair

    init() throws {
      state = try StateDirectory()
      let size = LongRun.size * 32
      let primary = try Image("primary", size: size)
      recovery = try Image("recovery", size: size)
      for place in stride(from: UInt64(0), to: LongRun.size, by: 16 << 20) {
        try primary.write(randomBytes(512, seed: place), at: place)
      }
      systems = try SystemPair(primary.path, recovery.path)
    }

    /// Starts a job, and returns its id once there is something staged, or to go on with where `checkpoints`.
    func start(_ options: [String], checkpoints: Bool = true, staged: Bool = true) throws -> String {
      let report = try systems.run(
        .resync, ["--background", "--checkpoint-every", "1M", "--blank-primary"] + LongRun.options + options)
      let id = try #require(report["Job"]["InstanceID"].text, "\(report)")
      let came = try eventually(within: 60) {
        guard try job(id)["JobState"].int == 4 else { return false }
        return try checkpoints ? hasCheckpoint() && (!staged || hasStaged()) : hasStaged()
      }
      let now = try job(id)
      try #require(came, "\(now)")
      return id
    }

    func job(_ id: String) throws -> JSONValue {
      try JSONValue(parsing: Command.run("job", "show", id, "--json").output)
    }

    func hasStaged() throws -> Bool {
      // A record is replaced while it is looked at.
      try !state.staged().isEmpty && !state.records().isEmpty
    }

    func hasCheckpoint() throws -> Bool { try offset() > 0 }

    /// Where the checkpoint is.
    func offset() throws -> Int {
      try state.records().flatMap { $0["Consistency"]["By"]["Checkpoint"]["Pairs"].array }
        .compactMap { $0["Offset"].int }.max() ?? 0
    }

    func terminate(_ id: String) throws -> Report {
      let ended = try Command.run("job", "terminate", id)
      #expect(ended.output == "4096 Method Parameters Checked - Transition Started\n", "\(ended)")
      let report = try Report(Command.run("job", "wait", id, "--json"))
      expect(report, 32768, status: 21)
      #expect(try job(id)["JobState"].int == 8)
      return report
    }

    /// A short run, so that what it begins with is seen.
    func next() throws -> Report {
      try systems.run(.resync, ["--max-duration", "1s", "--full", "--blank-primary"])
    }
  }

  @Test(
    "a job that is terminated leaves its record and nothing else: no staging file, no undo file, no checkpoint",
    arguments: [[], ["--recovery-point", "undo"]])
  func staged(_ options: [String]) throws {
    let long = try Long()
    let id = try long.start(["--write-back", "staged"] + options, checkpoints: options.isEmpty)
    let report = try long.terminate(id)
    #expect(report.notes.contains("what was staged was dropped"), "\(report)")
    #expect(!report.notes.contains("the same command goes on"), "\(report)")
    try long.state.expect("Never")
    #expect(try !long.hasCheckpoint())
    #expect(try long.recovery.bytes(4096, at: 0).allSatisfy { $0 == 0 })
    let again = try long.next()
    #expect(!again.notes.contains("continued at"), "\(again)")
  }

  @Test(
    "a signal keeps the work; to terminate the run that goes on with it, at once or later, drops all of it",
    arguments: [false, true])
  func keptBefore(_ isLater: Bool) throws {
    let long = try Long()
    let first = try long.start(["--write-back", "staged"])
    kill(Int32(try #require(try long.job(first)["Process"]["ProcessID"].int)), SIGTERM)
    let stopped = try Report(Command.run("job", "wait", first, "--json"))
    expect(stopped, 32768, status: 21)
    #expect(stopped.notes.contains("the same command goes on at"), "\(stopped)")
    #expect(try long.state.states() == ["Resynchronizing"] && long.state.staged().count == 1)
    let former = try long.offset()
    let second = try long.start(["--write-back", "staged"])
    if isLater { try #require(try eventually(within: 60) { try long.offset() > former }) }
    let report = try long.terminate(second)
    #expect(report.notes.contains("what was staged was dropped"), "\(report)")
    if isLater { #expect(report.notes.contains("continued at"), "\(report)") }
    try long.state.expect("Never")
    let again = try long.next()
    #expect(!again.notes.contains("continued at"), "\(again)")
  }

  @Test("a run of the foreground that another shell terminates drops it too")
  func foreground() throws {
    let long = try Long()
    let child = try Command.start(
      long.systems.words(
        .resync, LongRun.options + ["--write-back", "staged", "--checkpoint-every", "1M", "--blank-primary"]))
    try #require(try eventually(within: 60) { try long.hasCheckpoint() && long.hasStaged() })
    let ended = try Command.run("job", "terminate", "web01")
    #expect(ended.status == 0, "\(ended)")
    let report = try Report(child.wait())
    expect(report, 32768, status: 21)
    #expect(report.notes.contains("what was staged was dropped"), "\(report)")
    try long.state.expect("Never")
  }

  @Test("in place the recovery is Inconsistent as after any stop, and the next run goes on")
  func inPlace() throws {
    let long = try Long()
    let id = try long.start(["--write-back", "in-place"], staged: false)
    let report = try long.terminate(id)
    #expect(report.message.contains("mixed"), "\(report)")
    try long.state.expect("Inconsistent")
    #expect(try long.hasCheckpoint())
    let again = try long.next()
    #expect(again.notes.contains("continued at"), "\(again)")
  }
}
