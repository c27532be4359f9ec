import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// A pair whose recovery must be wholly old or wholly new, killed again and again.
struct CrashPair {
  /// The calls that make something durable or move bytes.
  static let calls = ["fsync", "fdatasync", "renameat", "unlinkat", "io_uring_enter", "pwrite64", "pwritev2"]

  let state: StateDirectory
  let primary: Image
  let recovery: Image
  let old: [UInt8]
  let new: [UInt8]
  /// What makes the run come to a call.
  let engine: [String]

  init(for call: String = "") throws {
    engine = call == "pwritev2" ? ["--engine", "threads"] : []
    state = try StateDirectory()
    var random = SplitMix64(seed: 11)
    var bytes = randomBytes(1 << 20 + 511, seed: 12)
    old = bytes
    for _ in 0..<24 { bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 }
    for place in 256 << 10..<384 << 10 { bytes[place] = 0 }
    bytes[bytes.count - 1] ^= 1
    new = bytes
    primary = try Image("primary", new)
    recovery = try Image("recovery", old)
  }

  var words: [String] { Operation.resync.words(primary.path, recovery.path, state.options + engine) }
  var repairing: [String] { ["repair", "--json", "--state-dir", state.path, recovery.path] + engine }

  func makeOld() throws { try recovery.write(old, at: 0) }

  /// How often each call is made on the way, by the thread that makes it most: strace counts each for itself.
  func counts(_ words: [String]) throws -> [String: Int] {
    let trace = Place.ours("trace")
    let wrapper = ["strace", "-f", "-o", trace, "-e", "trace=" + Self.calls.joined(separator: ",")]
    let report = try Report(Command.start(words, through: wrapper).wait())
    expect(report, 0)
    let lines = try OwnedDescriptor(opening: FilePath(trace), .readOnly).readAll(limit: 1 << 24)
    var counts: [String: [Substring: Int]] = [:]
    for line in String(decoding: lines, as: UTF8.self).split(separator: "\n") {
      let fields = line.split(separator: " ", maxSplits: 1)
      guard fields.count == 2, let end = fields[1].firstIndex(of: "(") else { continue }
      counts[String(fields[1][..<end].drop { $0 == " " }), default: [:]][fields[0], default: 0] += 1
    }
    return counts.mapValues { $0.values.max() ?? 0 }
  }

  /// What a stop may leave, then that it is finished or dropped, twice, and that a run completes.
  func expectRecoverable(_ title: String) throws {
    let states = try state.states()
    let left = try recovery.bytes()
    if states == ["Resynchronizing"] || states == ["Never"] || states == [] {
      #expect(areEqual(left, old), "\(title): \(states), and the recovery was written")
    } else if states != ["Applying"] {
      #expect(areEqual(left, old) || areEqual(left, new), "\(title): \(states), and it is mixed")
    }
    let repaired = try state.repair(recovery.path)
    #expect(repaired.value == 0, "\(title): \(states), \(repaired)")
    let after = try recovery.bytes()
    #expect(areEqual(after, states == ["Applying"] ? new : left), "\(title): \(states), after repair")
    let again = try state.repair(recovery.path)
    #expect(again.value == 0 && again.message == "nothing was left unfinished", "\(title): \(again)")
    #expect(areEqual(try recovery.bytes(), after), "\(title): repaired twice")
    #expect(try state.staged() == [], "\(title): after repair")

    let report = try Report(Command.start(words).wait())
    #expect(report.value == 0, "\(title): \(report)")
    #expect(areEqual(try recovery.bytes(), new), "\(title): after a run")
    #expect(try state.staged() == [], "\(title): after a run")
    #expect(try state.states() == ["Consistent"], "\(title): after a run")
    let isGone = eventually(within: 2) { !isAttached(primary.path) && !isAttached(recovery.path) }
    #expect(isGone, "\(title): a loop is left")
  }
}

@Suite("kill -9 in a staged run", .ownPlace, .tags(.devices, .slow)) struct StagedCrashTests {
  /// Kills at places among `count`, at random, until the time is over; at least one, at most all of them.
  ///
  /// A run may come to its end before its place: how often a ring is entered depends on time, and records that
  /// say the same already are not written.
  private func sampled(_ count: Int, _ body: (Int) throws -> Ended) throws {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(testSeconds)
    var killed = 0
    for number in (1...max(count, 1)).shuffled() {
      let ended = try body(number)
      #expect(ended.wasKilled || ended.status == 0, "\(number): \(ended)")
      if ended.wasKilled { killed += 1 }
      if clock.now >= end && killed > 0 { break }
    }
    #expect(killed > 0)
  }

  @Test("before any call of a kind", arguments: CrashPair.calls)
  func everyCall(_ call: String) throws {
    let pair = try CrashPair(for: call)
    // The second run is one of those that find records.
    _ = try pair.counts(pair.words)
    try pair.makeOld()
    let count = try pair.counts(pair.words)[call] ?? 0
    #expect(count > 0)
    try sampled(count) { number in
      try pair.makeOld()
      let ended = try Command.start(pair.words, through: killing(call, number)).wait()
      try pair.expectRecoverable("\(call) \(number)")
      return ended
    }
  }

  @Test("the first run of a pair, killed", arguments: CrashPair.calls)
  func firstRun(_ call: String) throws {
    let pair = try CrashPair(for: call)
    // With fsync the first ones make the state directory; of many threads none makes many calls.
    let number = Int.random(in: 1...(call == "fsync" ? 22 : call == "pwritev2" ? 1 : 6))
    let ended = try Command.start(pair.words, through: killing(call, number)).wait()
    #expect(ended.wasKilled, "\(call) \(number): \(ended)")
    try pair.expectRecoverable("\(call) \(number)")
  }

  @Test("repair itself, before any call of a kind", arguments: CrashPair.calls)
  func repairKilled(_ call: String) throws {
    let pair = try CrashPair(for: call)
    _ = try pair.state.leaveApplying(pair.primary.path, pair.recovery.path)
    let count = try pair.counts(pair.repairing)[call] ?? 0
    #expect(areEqual(try pair.recovery.bytes(), pair.new))
    #expect(count > 0)
    try sampled(count) { number in
      try pair.makeOld()
      _ = try pair.state.leaveApplying(pair.primary.path, pair.recovery.path)
      let ended = try Command.start(pair.repairing, through: killing(call, number)).wait()
      let states = try pair.state.states()
      #expect(states == ["Applying"] || states == ["Consistent"], "\(call) \(number)")
      try pair.expectRecoverable("repair, \(call) \(number)")
      return ended
    }
  }

  @Test("at any time")
  func anyTime() throws {
    let pair = try CrashPair()
    try forSeeds { seed in
      var random = SplitMix64(seed: seed)
      try pair.makeOld()
      let child = try Command.start(pair.words)
      pause(milliseconds: .random(in: 0...600, using: &random))
      // Without a worker it has ended, or is about to.
      WorkerProcess.running(below: child.id)?.signal(SIGKILL)
      let ended = try child.wait()
      #expect(ended.wasKilled || ended.status == 0, "seed \(seed): \(ended)")
      try pair.expectRecoverable("seed \(seed)")
    }
  }
}
