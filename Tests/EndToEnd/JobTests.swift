import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// Issue 5: a run is a job, which other shells see, wait for and end.
@Suite("jobs", .ownPlace, .tags(.devices, .slow)) struct JobTests {
  /// What `vmresync job show ID --json` prints.
  private func job(_ id: String) throws -> JSONValue {
    let ended = try Command.run("job", "show", id, "--json")
    try #require(ended.status == 0, "\(ended)")
    return try JSONValue(parsing: ended.output)
  }

  private func jobs() throws -> [JSONValue] {
    try JSONValue(parsing: Command.run("job", "list", "--json").output)["Jobs"].array
  }

  /// Starts one in the background; its id.
  private func background(_ systems: SystemPair, _ options: [String] = []) throws -> String {
    let report = try systems.run(.resync, ["--background"] + options)
    #expect(report.value == 4096 && report.status == 0, "\(report)")
    return try #require(report["Job"]["InstanceID"].text, "\(report)")
  }

  /// A pair that a run takes minutes to compare: it is ended before.
  private func longPair() throws -> SystemPair {
    let size = LongRun.size * 32
    let primary = try Image("primary", size: size)
    let recovery = try Image("recovery", size: size)
    try primary.write(Array("new".utf8), at: size - 4096)
    try recovery.write(Array("old".utf8), at: 0)
    return try SystemPair(primary.path, recovery.path)
  }

  private static let long = LongRun.options + ["--blank-primary", "--write-back", "staged"]

  private func waitUntil(_ id: String, _ states: Int...) throws {
    let came = try eventually(within: 30) { try states.contains(job(id)["JobState"].int ?? 0) }
    let now = try job(id)
    try #require(came, "\(now)")
  }

  @Test("the foreground leaves a record; what is refused, declined or writes nothing leaves none")
  func foreground() throws {
    let pair = try TestPair(differing: .loops)
    let systems = try SystemPair(pair.primary, pair.recovery)
    expect(try systems.run(.resync, ["--dry-run"]), 0, status: 1)
    expect(try systems.run(.resync, ["--source", "snapshot"]), 32770)
    #expect(try jobs().isEmpty)
    let compared = try systems.run(.compare)
    let written = try systems.run(.resync)
    let explicit = try Command.json(.resync, pair.primary, pair.recovery)
    let all = try jobs()
    #expect(
      all.map { $0["InstanceID"].text }
        == [explicit, written, compared].map { $0["JobRecord"]["InstanceID"].text })
    #expect(all.map { $0["JobType"].int } == [107, 107, 113])
    #expect(all.map { $0["ComputerSystem"].text } == [nil, "web01", "web01"])
    #expect(all.map { $0["ExitStatus"].int } == [0, 0, 1])
    for job in all {
      #expect(job["JobState"].int == 7 && job["OperationalStatus"].array.map(\.int) == [17, 2], "\(job)")
      #expect(job["PercentComplete"].int == 100 && job["ErrorCode"].int == 0 && job["ReturnValue"].int == 0)
    }
    #expect(all[1]["AffectedElements"].array.map { $0["Path"].text } == [pair.primary, pair.recovery])
  }

  @Test("a comparison goes on where no record can be made, and says so; a run that writes does not")
  func noRecord() throws {
    let pair = try TestPair(differing: .loops)
    let systems = try SystemPair(pair.primary, pair.recovery)
    let state = Place.ours("other-state")
    try tool("mkdir", "--mode=0700", state)
    _ = try Image("other-state/jobs", Array("no folder".utf8))
    let compared = try systems.run(.compare, ["--state-dir", state])
    expect(compared, 0, status: 1)
    #expect(
      compared.message.contains("it left no record") && compared["JobRecord"] == .missing, "\(compared)")
    expect(try systems.run(.resync, ["--state-dir", state]), 32773)
    try pair.expectUntouched()
  }

  @Test("in the background: 4096 at once, and the job comes to what the foreground would")
  func inBackground() throws {
    let pair = try TestPair(differing: .loops)
    let systems = try SystemPair(pair.primary, pair.recovery)
    let id = try background(systems)
    let report = try Report(Command.run("job", "wait", String(id.prefix(8)), "--json"))
    expect(report, 0)
    #expect(report["BytesWritten"].int == 4096 && report["JobRecord"]["InstanceID"].text == id, "\(report)")
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
    let shown = try Command.run("job", "watch", "web01")
    #expect(shown.status == 0 && shown.output.contains("0 Completed with No Error"), "\(shown)")
  }

  @Test("a job that fails is Exception with the run's value, text and exit status")
  func failing() throws {
    let pair = try TestPair(differing: .loops)
    let systems = try SystemPair(pair.primary, pair.recovery)
    // Between the check and the start.
    let id = try background(systems, ["--max-difference", "0%"])
    let report = try Report(Command.run("job", "wait", id, "--json"))
    expect(report, 32775)
    let job = try job(id)
    #expect(job["JobState"].int == 10 && job["ErrorCode"].int == 32775, "\(job)")
    #expect(job["OperationalStatus"].array.map(\.int) == [17, 6])
    #expect(job["ErrorDescription"].text?.contains("--max-difference") == true, "\(job)")
    try pair.expectUntouched()
  }

  @Test("scheduled: it waits, starts at its time, and is ended before it by request")
  func scheduled() throws {
    let pair = try TestPair(differing: .loops)
    let systems = try SystemPair(pair.primary, pair.recovery)
    let report = try systems.run(.resync, ["--at", "+1h"])
    let id = try #require(report["Job"]["InstanceID"].text, "\(report)")
    let waiting = try job(id)
    #expect(
      waiting["JobState"].int == 2 && waiting["OperationalStatus"].array.map(\.int) == [15], "\(waiting)")
    #expect(waiting["ScheduledStartTime"].text != nil && waiting["StartTime"] == .missing, "\(waiting)")
    let process = Int32(try #require(waiting["Process"]["ProcessID"].int))
    let second = try systems.run(.resync, ["--at", "+2h"])
    expect(second, 32774)
    #expect(second.message.contains(id), "\(second)")
    let ended = try Command.run("job", "terminate", "web01")
    #expect(ended.status == 0 && ended.output == "0 Completed with No Error\n", "\(ended)")
    #expect(try job(id)["JobState"].int == 8)
    #expect(try eventually(within: 10) { try startTime(of: process) == nil })
    #expect(try Command.run("job", "terminate", id).status == 47)
    #expect(try Command.run("job", "wait", id).status == 21)
    try pair.expectUntouched()
    let soon = try systems.run(.resync, ["--start-time", "00000000000002.000000:000"])
    let last = try #require(soon["Job"]["InstanceID"].text, "\(soon)")
    #expect(try Command.run("job", "wait", last).status == 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
  }

  @Test("one that is scheduled does not stand in the way of a run of the foreground")
  func besideSchedule() throws {
    let pair = try TestPair(differing: .loops)
    let systems = try SystemPair(pair.primary, pair.recovery)
    #expect(try systems.run(.resync, ["--at", "+1h"]).value == 4096)
    expect(try systems.run(.resync), 0)
    #expect(try jobs().map { $0["JobState"].int }.contains(2))
    #expect(try Command.run("job", "terminate", "web01").status == 0)
  }

  @Test("a schedule outlives its process: job run-due starts what is due, and nothing else")
  func due() throws {
    let pair = try TestPair(differing: .loops)
    let systems = try SystemPair(pair.primary, pair.recovery)
    let report = try systems.run(.resync, ["--start-time", "00000000000003.000000:000"])
    let id = try #require(report["Job"]["InstanceID"].text, "\(report)")
    let process = Int32(try #require(try job(id)["Process"]["ProcessID"].int))
    kill(process, SIGKILL)
    #expect(try Command.run("job", "run-due").output == "")
    #expect(try eventually(within: 10) { try Command.run("job", "run-due").output.contains(id) })
    #expect(try Command.run("job", "wait", id).status == 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
    #expect(try Command.run("job", "run-due").output == "")
  }

  @Test("eight calls at the same moment: one job, and the others are told which")
  func together() throws {
    let systems = try longPair()
    let words = Command.remembering(systems.words(.resync, Self.long))
    let script =
      #"for i in {1..8}; do (set +e; "${@:2}" >"$1.$i" 2>/dev/null; echo $? >>"$1.$i.status") & done; wait"#
    let calls = try Child(["bash", "-c", script, "bash", Place.ours("call"), Command.path] + words)
    let came = try eventually(within: 60) { try jobs().contains { $0["JobState"].int == 4 } }
    #expect(came)
    let id = try #require(try jobs().first?["InstanceID"].text)
    func ended() throws -> [Ended] {
      try (1...8).compactMap { number in
        let status = try? readText(FilePath("\(Place.ours("call")).\(number).status"))
        let output = try readText(FilePath("\(Place.ours("call")).\(number)"))
        return status.flatMap { Int32($0.dropLast()) }.map {
          Ended(status: $0, signal: nil, output: output, error: "")
        }
      }
    }
    #expect(try eventually(within: 60) { try ended().count == 7 })
    #expect(try jobs().count == 1)
    #expect(try Command.run("job", "terminate", id).output.hasPrefix("4096 "))
    _ = try calls.wait()
    let reports = try ended().map(Report.init)
    #expect(
      reports.count { $0.value == 32774 && $0.status == 46 && $0.message.contains(id) } == 7, "\(reports)")
    #expect(reports.count { $0.status == 21 && $0.value == 32768 } == 1, "\(reports)")
    let job = try job(id)
    #expect(job["JobState"].int == 8 && job["ExitStatus"].int == 21, "\(job)")
  }

  @Test("kill -9 of a job's process: Exception when it is next looked at, and the next call works")
  func killed() throws {
    let systems = try longPair()
    let id = try background(systems, Self.long)
    try waitUntil(id, 4)
    _ = try eventually(within: 30) { try (job(id)["PercentComplete"].int ?? 0) > 0 }
    kill(Int32(try #require(try job(id)["Process"]["ProcessID"].int)), SIGKILL)
    // On a busy machine it takes its time to die.
    _ = try eventually(within: 10) { try job(id)["JobState"].int == 10 }
    let dead = try job(id)
    #expect(dead["JobState"].int == 10 && dead["ErrorCode"].int == 32771, "\(dead)")
    #expect(dead["Cancellable"].bool == false && dead["EndTime"].text != nil)
    #expect(try Command.run("job", "wait", id).status == 43)
    let next = try systems.run(.resync, ["--blank-primary"])
    expect(next, 0)
  }

  @Test("a job of another boot is Exception too")
  func otherBoot() throws {
    let systems = try longPair()
    let id = try background(systems, Self.long)
    try waitUntil(id, 4)
    let record = Place.ours("state/jobs/\(id)/job.json")
    try tool("sed", "--in-place", "s/\"BootID\" : \".*\"/\"BootID\" : \"\(UniqueID.random())\"/", record)
    let other = try jobs()
    #expect(other.first?["JobState"].int == 10 && other.first?["ErrorCode"].int == 32771, "\(other)")
    // Its process is another's now: nobody may end it by the job's name.
    #expect(try Command.run("job", "terminate", id).status == 47)
    try tool("pkill", "--full", "job run \(id)")
    #expect(try eventually(within: 30) { try Child(["pgrep", "--full", id]).wait().status == 1 })
  }

  @Test("where there is no room for records, those that have ended give way")
  func noRoom() throws {
    let pair = try TestPair(differing: .loops)
    let disk = try NamedLoop(Image("host", size: 64 << 20).path)
    try tool("mkfs.ext4", "-q", "-m", "0", "-N", "64", "-E", "lazy_itable_init=0", disk.node)
    let mount = try Child.mounting(disk.node, at: Place.ours("mounted"))
    let inside = ["nsenter", "--target", "\(mount.id)", "--mount", "--"]
    let words = Operation.resync.words(
      pair.primary, pair.recovery, inPlace + ["--state-dir", Place.ours("mounted/state")])
    // Each leaves a folder and three files.
    for round in 0..<24 {
      let report = try Report(Command.start(words, through: inside).wait())
      #expect(report.value == 0 && report["JobRecord"]["InstanceID"].text != nil, "\(round): \(report)")
      guard report.value == 0 else { return }
    }
  }

  @Test("past its commit a job cannot be ended: Busy")
  func busy() throws {
    let pair = try FaultPair()
    let systems = try SystemPair(pair.primary.node, pair.recovery.node)
    try pair.recovery.tell("stall write *")
    defer { _ = try? pair.recovery.tell("release") }
    let id = try background(
      systems, ["--write-back", "staged", "--state-dir", pair.state, "--accept-content-change"])
    func job(_ words: String...) throws -> Ended {
      try Command.start(["job"] + words + ["--state-dir", pair.state]).wait()
    }
    let came = try eventually(within: 30) {
      try JSONValue(parsing: job("show", id, "--json").output)["Cancellable"].bool == false
    }
    #expect(came)
    let ended = try job("terminate", id)
    #expect(ended.status == 46 && ended.output == "4099 Busy\n", "\(ended)")
    _ = try pair.recovery.tell("release")
    #expect(try job("wait", id).status == 0)
  }

  @Test("a record that is damaged, or of another version, is told of, hides no other, and is not rewritten")
  func hostile() throws {
    let pair = try TestPair(differing: .loops)
    let systems = try SystemPair(pair.primary, pair.recovery)
    expect(try systems.run(.resync), 0)
    let good = try #require(try jobs().first?["InstanceID"].text)
    for (content, words) in [
      ("{}", "it is no record"), ("{\"FormatVersion\": 2}", "made by a newer vmresync"),
      ("{\"FormatVersion\": 1}", "is missing"),
    ] {
      let id = UniqueID.random()
      let folder = Place.ours("state/jobs/\(id)")
      try tool("mkdir", "--mode=0700", folder)
      let record = try Image("state/jobs/\(id)/job.json", Array(content.utf8))
      let listed = try Command.run("job", "list")
      #expect(listed.status == 0 && listed.output.contains(good.prefix(8)), "\(listed)")
      #expect(listed.error.contains(words), "\(listed)")
      #expect(
        listed.error.contains("mv \(folder) /root/") == (words != "made by a newer vmresync"), "\(listed)")
      expect(try systems.run(.resync), 0)
      #expect(try record.bytes() == Array(content.utf8))
      try tool("rm", "-r", folder)
    }
  }
}
