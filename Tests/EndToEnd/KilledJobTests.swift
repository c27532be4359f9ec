import Glibc
import Testing

@testable import DeviceResync

/// Issue 5: kill -9 of a job's process at any time is an Exception, and the next call works.
@Suite("kill -9 of a job", .ownPlace, .tags(.devices, .slow)) struct KilledJobTests {
  /// What a job may have failed with that was met so.
  private static func values(_ victim: JobVictim) -> [Int] {
    switch victim {
    case .monitor: [32771]
    // Its monitor tells of it.
    case .worker: [32768]
    case .both: [32768, 32771]
    // Its run goes on, and how it ended is not on record.
    case .clerk: [32771]
    }
  }

  @Test(
    "of its process, its worker, both, or the one that keeps its record, at any time",
    arguments: JobVictim.allCases)
  func anyTime(_ victim: JobVictim) throws {
    var killed = try KilledJob()
    try killed.measure()
    let seed =
      getenv("VMRESYNC_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? .random(in: .min ... .max)
    var random = SplitMix64(seed: seed)
    let clock = ContinuousClock()
    let end = clock.now + .seconds(max(testSeconds, 4))
    repeat {
      try killed.change(&random)
      let mode = Bool.random(using: &random) ? "staged" : "in-place"
      let moment = Double.random(in: 0..<1, using: &random)
      let id = try killed.background(mode)
      let met = killed.kill(victim, after: moment * killed.duration)
      let title = "seed \(seed), \(mode), \(victim.rawValue) after \(moment), \(met) met"
      if victim == .worker || victim == .clerk { killed.waitUntilAllEnd(title) }
      try killed.expectRecovers(id, mode, Self.values(victim), title)
    } while clock.now < end || killed.kills == 0 && clock.now < end + .seconds(10)
    #expect(killed.kills > 0, "seed \(seed): none was met")
    print("killed jobs, \(victim.rawValue), seed \(seed): \(killed.kills) killed, \(killed.ends) had ended")
  }

  /// What one of the three makes on its way: of the record, the pipes, the state, the staging file, the recovery.
  private static let kinds = CrashPair.calls + ["write", "poll", "fcntl", "mkdirat", "openat2"]

  @Test("of whoever comes to a call of a kind", arguments: kinds, ["staged", "in-place"])
  func calls(_ call: String, _ mode: String) throws {
    var killed = try KilledJob()
    var random = SplitMix64(seed: UInt64.random(in: .min ... .max))
    expect(try killed.systems.run(.resync), 0)
    let clock = ContinuousClock()
    let end = clock.now + .seconds(testSeconds)
    for number in [1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 24, 40].shuffled() {
      try killed.change(&random)
      let id = try killed.runStruck(mode, by: call, number)
      try killed.expectRecovers(id, mode, [32768, 32771], "\(mode), \(call) \(number)")
      if clock.now >= end { break }
    }
  }
}
