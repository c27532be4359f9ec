import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// What of a job is killed.
enum JobVictim: String, Sendable, CaseIterable {
  /// The job's process.
  case monitor
  /// The one that touches the disks.
  case worker
  case both
  /// The one that keeps the record.
  case clerk
}

/// Two configured systems whose job is killed again and again.
struct KilledJob: ~Copyable {
  static let size = 4 << 20

  let pair: TestPair
  let systems: SystemPair
  let state: StateDirectory
  /// Seconds that a job takes when it is left alone.
  private(set) var duration = 0.0
  /// How often one was killed, and how often one had ended before.
  var kills = 0
  var ends = 0

  init() throws {
    let bytes = randomBytes(Self.size, seed: 31)
    let pair = try TestPair(bytes, bytes)
    let systems = try SystemPair(pair.primary, pair.recovery)
    let state = try StateDirectory()
    // All that can throw comes first: a half-made noncopyable value cannot be destroyed.
    self.pair = pair
    self.systems = systems
    self.state = state
  }

  private var place: String { "VMRESYNC_TEST_PLACE=\(Place.ours.path)" }

  /// Every process of this test's calls that lives: each inherits the mark.
  func processes() -> [(id: pid_t, name: String)] {
    ((try? directoryNames("/proc")) ?? []).compactMap { entry in
      guard let id = pid_t(entry), let words = try? readText(FilePath("/proc/\(id)/cmdline")), !words.isEmpty,
        let state = processState(of: id), state != "Z",
        let environment = try? readText(FilePath("/proc/\(id)/environ")), environment.contains(place)
      else { return nil }
      return (id, words.replacing("\0", with: " "))
    }
  }

  private func find(_ victim: JobVictim) -> [pid_t] {
    processes().filter { process in
      switch victim {
      case .monitor: process.name.contains(" job run ")
      case .worker: process.name == "vmresync: worker "
      case .clerk: process.name == "vmresync: clerk "
      case .both: process.name.contains(" job run ") || process.name == "vmresync: worker "
      }
    }
    // The monitor first: it is not to take note of its worker's end.
    .sorted { $0.name.contains(" job run ") && !$1.name.contains(" job run ") }.map(\.id)
  }

  private func start(_ words: [String], through wrapper: [String] = []) throws -> Child {
    try Child(
      wrapper + [Command.path] + words + ["--state-dir", state.path],
      environment: ["VMRESYNC_TEST_PLACE": Place.ours.path])
  }

  private func call(_ words: String...) throws -> Ended { try start(words).wait() }

  func job(_ id: String) throws -> JSONValue {
    let shown = try call("job", "show", id, "--json")
    try #require(shown.status == 0, "\(shown)")
    return try JSONValue(parsing: shown.output)
  }

  func waitUntilAllEnd(_ title: String) {
    let isQuiet = eventually(within: 20) { processes().isEmpty }
    #expect(isQuiet, "\(title): \(processes())")
  }

  /// Something for a run to write, and what it writes it by.
  func change(_ random: inout SplitMix64) throws {
    for _ in 0..<40 {
      let place = UInt64.random(in: 0..<UInt64(Self.size - 512), using: &random)
      try pair.primaryImage.write([UInt8.random(in: 0...255, using: &random)], at: place)
    }
  }

  private static let options = ["--chunk-size", "64K", "--queue-depth", "1", "--checkpoint-every", "1M"]

  private func words(_ mode: String, _ options: [String]) -> [String] {
    systems.words(.resync, ["--write-back", mode] + Self.options + options)
  }

  /// Starts a job in the background; its id.
  func background(_ mode: String) throws -> String {
    let report = try Report(start(words(mode, ["--background"])).wait())
    #expect(report.value == 4096 && report.status == 0, "\(report)")
    return try #require(report["Job"]["InstanceID"].text, "\(report)")
  }

  /// Learns how long one takes.
  mutating func measure() throws {
    let clock = ContinuousClock()
    let start = clock.now
    let id = try background("staged")
    waitUntilAllEnd("the first one")
    let passed = clock.now - start
    duration = Double(passed.components.attoseconds) / 1e18 + Double(passed.components.seconds)
    #expect(try job(id)["JobState"].int == 7)
  }

  /// Kills what is there of it after so many seconds; what was killed.
  func kill(_ victim: JobVictim, after seconds: Double) -> Int {
    pause(milliseconds: UInt32(seconds * 1000))
    return find(victim).count { Glibc.kill($0, SIGKILL) == 0 }
  }

  /// Makes a job, and lets its process run where whoever comes to a call for the `number`-th time is killed.
  func runStruck(_ mode: String, by call: String, _ number: Int) throws -> String {
    // One that waits for its time; another process takes it.
    let report = try Report(start(words(mode, ["--start-time", "00000000000001.000000:000"])).wait())
    #expect(report.value == 4096 && report.status == 0, "\(report)")
    let id = try #require(report["Job"]["InstanceID"].text, "\(report)")
    for process in find(.monitor) { Glibc.kill(process, SIGKILL) }
    waitUntilAllEnd("the one that waits")
    _ = try start(["job", "run", id], through: killing(call, number)).wait(within: 60)
    waitUntilAllEnd("\(call) \(number)")
    return id
  }

  /// What is known of a job, some of which was killed, and that the next call brings the recovery in line.
  ///
  /// - Parameter values: what it may have failed with.
  mutating func expectRecovers(
    _ id: String, _ mode: String, _ values: [Int], _ title: String
  ) throws {
    let job = try job(id)
    let title = "\(title), \(try state.states())"
    switch job["JobState"].int {
    case 10:
      kills += 1
      #expect(values.contains(job["ErrorCode"].int ?? -1), "\(title): \(job)")
      #expect(job["ReturnValue"].int == job["ErrorCode"].int && job["Cancellable"].bool == false, "\(title)")
      #expect(job["EndTime"].text != nil, "\(title): \(job)")
    case 7:
      ends += 1
      #expect(job["ReturnValue"].int == 0, "\(title): \(job)")
    // Nobody has taken it: it is started by `job run-due`.
    case 2: #expect(job["StartTime"] == .missing, "\(title): \(job)")
    default: Issue.record("\(title): \(job)")
    }
    // Whatever it left; at once.
    let next = try Report(start(words(mode, [])).wait())
    #expect(next.value == 0 && next.status == 0, "\(title): \(next)")
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()), "\(title): \(next)")
    #expect(try state.states() == ["Consistent"] && state.staged() == [], "\(title)")
    waitUntilAllEnd(title)
    let listed = try call("job", "list")
    #expect(listed.status == 0 && listed.error.isEmpty, "\(title): \(listed)")
    if job["JobState"].int == 2 { #expect(try call("job", "terminate", id).status == 0, "\(title)") }
  }
}
