import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// A pair whose recovery, state and staging file lose their power together, again and again.
struct PowerPair: ~Copyable {
  static let size = 1 << 20

  let primary: Image
  let recovery: FaultDisk
  var host: PoweredHost
  var figures = PowerFigures()
  /// How many requests the last run made, until its end or its blow.
  private(set) var requests: [Blow.Request: Int] = [:]
  /// What the recovery held when its state was last seen to be Consistent.
  private var consistent: [UInt8] = []
  /// How long a whole run took last, in milliseconds.
  private var usual = 500

  init() throws {
    let bytes = randomBytes(Self.size, seed: 12)
    let primary = try Image("primary", bytes)
    let recovery = try FaultDisk(bytes)
    let host = try PoweredHost()
    // All that can throw comes first: a half-made noncopyable value cannot be destroyed.
    self.primary = primary
    self.recovery = recovery
    self.host = host
  }

  func resync(_ mode: String, _ options: [String] = []) -> [String] {
    Operation.resync.words(
      primary.path, recovery.node, ["--write-back", mode, "--state-dir", host.state] + options)
  }

  var repair: [String] { ["repair", "--json", "--state-dir", host.state, recovery.node] }

  /// What a guest does between two runs.
  func writePrimary(_ random: inout SplitMix64) throws {
    for _ in 0..<Int.random(in: 1...24, using: &random) {
      let count = 512 * Int.random(in: 1...16, using: &random)
      let place = UInt64(512 * Int.random(in: 0...(Self.size - count) / 512, using: &random))
      let isZero = Int.random(in: 0..<4, using: &random) == 0
      try primary.write(
        isZero ? [UInt8](repeating: 0, count: 128 << 10) : randomBytes(count, seed: random.next()),
        at: isZero ? min(place, UInt64(Self.size - 128 << 10)) : place)
    }
  }

  /// Runs the command, deals the blow, and takes everybody's power; then the host is up again.
  ///
  /// - Parameter losing: decides what survives of what was not flushed; nil for none of it.
  mutating func run(_ words: [String], _ blow: Blow, losing seed: UInt64?) throws -> Ended {
    var wrapper = host.inside
    switch blow {
    case .killedAt(let call, let number): wrapper += killing(call, number)
    case .killedIn(let disk, let request, let number):
      try tell(disk, "stall \(request) * skip \(number) times 1")
    case .failed(let disk, let request, let number):
      try tell(disk, "fail \(request) * EIO skip \(number) times 1")
    case .none, .killed: break
    }
    let before = try counts()
    let child = try Command.start(words, through: wrapper)
    try wait(for: child, blow)
    // Without a worker it has ended, or is about to.
    if !child.hasEnded { WorkerProcess.running(below: child.id)?.signal(SIGKILL) }
    requests = try counts().merging(before) { $0 - $1 }
    let isHostFirst = (seed ?? 0) & 1 == 0
    // ext4 takes its blocks of 4096 bytes for whole: a superblock has no second copy that a mount would look for.
    if isHostFirst { try host.disk.powerDown(seed, block: 4096) }
    try recovery.powerDown(seed)
    if !isHostFirst { try host.disk.powerDown(seed, block: 4096) }
    let ended = try child.wait(within: 120)
    try recovery.powerUp()
    try host.restart()
    figures.count(ended, blow)
    return ended
  }

  /// Waits for the moment of the blow, or for the end.
  private mutating func wait(for child: borrowing Child, _ blow: Blow) throws {
    let clock = ContinuousClock()
    let start = clock.now
    switch blow {
    case .killed(let part):
      _ = eventually(within: 120) { WorkerProcess.running(below: child.id) != nil || child.hasEnded }
      pause(milliseconds: UInt32(part * usual / 100))
    case .killedIn(let disk, _, _):
      _ = try eventually(within: 120) { try child.hasEnded || statistics(disk).waiting > 0 }
    case .none, .killedAt, .failed:
      _ = eventually(within: 120) { child.hasEnded }
    }
    if case .none = blow { usual = Int((clock.now - start) / .milliseconds(1)) }
  }

  private func tell(_ disk: Blow.Disk, _ command: String) throws {
    _ = try disk == .recovery ? recovery.tell(command) : host.disk.tell(command)
  }

  private func statistics(_ disk: Blow.Disk) throws -> FaultDisk.Statistics {
    try disk == .recovery ? recovery.statistics() : host.disk.statistics()
  }

  /// How many requests of each kind each disk has had.
  private func counts() throws -> [Blow.Request: Int] {
    var counts: [Blow.Request: Int] = [:]
    for disk in Blow.Disk.allCases {
      let statistics = try statistics(disk)
      counts[.init(disk: disk, kind: "read")] = statistics.read.requests
      counts[.init(disk: disk, kind: "write")] = statistics.write.requests
      counts[.init(disk: disk, kind: "sync")] = statistics.sync.requests
      counts[.init(disk: disk, kind: "discard")] = statistics.discard.requests
    }
    return counts
  }
}

extension PowerPair {
  /// One run that is met by a blow and a power cut, and what must hold of what they leave.
  mutating func strike(_ words: [String], _ blow: Blow, losing seed: UInt64?, _ title: String) throws {
    let before = try host.consistency()
    let old = try recovery.bytes()
    let new = try primary.bytes()
    let ended = try run(words, blow, losing: seed)
    let after = try host.consistency()
    let left = try recovery.bytes()
    let title = "\(title), \(words), \(blow): \(before) to \(after), \(ended)"
    let isNew = areEqual(left, new)
    let isOld = areEqual(left, old)
    #expect(Self.isMixture(left, of: old, new), "a block is neither old nor new: \(title)")
    if ended.status == 0, words[0] == "resync" {
      #expect(isNew && after == "Consistent", "what was called done is lost: \(title)")
    }
    if after == "Consistent" {
      // Of the time that the state names: also after a run before this one that ended without a write.
      #expect(isNew || areEqual(left, consistent), "it is not: \(title)")
      consistent = left
    } else if words.contains("staged"), before != "Applying", after != "Applying" {
      #expect(isOld, "written before the commit: \(title)")
    }
  }

  /// Whether each logical block is one of the two.
  private static func isMixture(_ bytes: [UInt8], of one: [UInt8], _ other: [UInt8]) -> Bool {
    stride(from: 0, to: bytes.count, by: 512).allSatisfy { place in
      let block = Array(bytes[place..<place + 512])
      return [one, other].contains { areEqual(block, Array($0[place..<place + 512])) }
    }
  }

  /// A run that nothing befalls but a power cut at its end; then every byte must be the primary's.
  ///
  /// - Parameter repairing: whether `repair` comes first.
  mutating func expectCompletes(_ mode: String, repairing: Bool, _ title: String) throws {
    let before = try host.consistency()
    if before == "Applying" { figures.rolledForward += 1 }
    if repairing {
      let report = try Report(Command.start(repair, through: host.inside).wait())
      // What a run in place has left needs its primary, unless the power failed before its first write, while its
      // marks were being made: then nothing is to be repaired.
      let isWhole = try areEqual(recovery.bytes(), consistent)
      #expect(
        report.value == 0 && (before != "Inconsistent" || isWhole)
          || report.value == 32775 && before == "Inconsistent", "\(title): \(before), \(report)")
    }
    let ended = try run(resync(mode), .none, losing: nil)
    #expect(ended.status == 0, "\(title): \(ended)")
    try tool("cmp", primary.path, recovery.path)
    consistent = try recovery.bytes()
    #expect(try host.consistency() == "Consistent", "\(title)")
    #expect(try host.stagedFiles() == 0, "\(title)")
  }
}
