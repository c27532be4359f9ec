import Testing

@testable import DeviceResync

/// Issue 4: in staged mode the recovery is wholly old or wholly new, or the way to new is sure, at every moment.
@Suite("every moment of an application", .ownPlace, .tags(.devices, .slow)) struct WriteLogTests {
  /// A fault disk that holds `old`, an image that holds `new`, and what brought the one to the other.
  struct Logged: ~Copyable {
    let primary: Image
    let recovery: FaultDisk
    let old: [UInt8]
    let new: [UInt8]

    init() throws {
      let old = randomBytes(2 << 20, seed: 51)
      var new = old
      for place in stride(from: 100_000, to: new.count, by: 120_000) { new[place] ^= 1 }
      for place in 1_000_000..<1_200_000 { new[place] = 0 }
      for place in 1_500_000..<1_600_000 { new[place] ^= 0x55 }
      let primary = try Image("primary", new)
      let recovery = try FaultDisk(old)
      // All that can throw comes first: a half-made noncopyable value cannot be destroyed.
      self.primary = primary
      self.recovery = recovery
      self.old = old
      self.new = new
    }

    /// What a run writes, in the order in which it landed, and how many of them each sync has made durable.
    func run(_ options: [String]) throws -> (writes: [(range: ByteRange, bytes: [UInt8])], syncs: [Int]) {
      try recovery.tell("keep on")
      expect(try Command.json(.resync, primary.path, recovery.node, options), 0)
      try recovery.tell("keep off")
      var writes: [(range: ByteRange, bytes: [UInt8])] = []
      var syncs: [Int] = []
      for (number, entry) in try recovery.log().enumerated() {
        if entry.kind == .sync { syncs.append(writes.count) }
        guard entry.kind == .write || entry.kind == .discard else { continue }
        #expect(entry.outcome == "ok" && entry.moved == entry.range.length)
        writes.append((entry.range, try recovery.ask("data \(number)")))
      }
      return (writes, syncs)
    }

    /// Puts the recovery where it was when the first `count` writes had landed, but for `lost`.
    func restore(_ writes: [(range: ByteRange, bytes: [UInt8])], _ count: Int, losing lost: Set<Int>) throws {
      var bytes = old
      for (number, write) in writes.prefix(count).enumerated() where !lost.contains(number) {
        bytes.replaceSubrange(Int(write.range.offset)..<Int(write.range.end), with: write.bytes)
      }
      try recovery.write(bytes, at: 0)
      try recovery.tell("settle")
    }

    /// Every sector is one of the two.
    func expectOldOrNew(_ title: String) throws {
      let bytes = try recovery.bytes()
      for place in stride(from: 0, to: bytes.count, by: 512) {
        let sector = bytes[place..<place + 512]
        #expect(
          sector == old[place..<place + 512] || sector == new[place..<place + 512], "\(title), \(place)")
      }
    }
  }

  @Test("after each write, all of them there or some of what was not flushed: the repair makes it new")
  func staged() throws {
    let logged = try Logged()
    let (writes, syncs) = try logged.run(StateDirectory("whole").options)
    #expect(writes.count > 8)
    #expect(areEqual(try logged.recovery.bytes(), logged.new))
    let state = try StateDirectory("state")
    let saved = Place.ours("saved")
    try logged.restore(writes, 0, losing: [])
    _ = try state.leaveApplying(logged.primary.path, logged.recovery.node)
    try tool("cp", "--archive", state.path, saved)
    var random = SplitMix64(seed: .random(in: .min ... .max))
    for count in 0...writes.count {
      let durable = syncs.last { $0 <= count } ?? 0
      let lost = Set((durable..<count).filter { _ in Bool.random(using: &random) })
      // Every prefix whole or in part, and the last both ways.
      for lost in count == writes.count ? Set([[], lost]) : [count.isMultiple(of: 2) ? lost : []] {
        let title = "after \(count) of \(writes.count) writes, without \(lost.sorted())"
        try logged.restore(writes, count, losing: lost)
        try logged.expectOldOrNew(title)
        // Under the same path, by which the record names the staging file.
        try tool("rm", "--recursive", state.path)
        try tool("cp", "--archive", saved, state.path)
        expect(try state.repair(logged.recovery.node), 0)
        #expect(areEqual(try logged.recovery.bytes(), logged.new), "\(title)")
        try state.expect("Consistent")
      }
    }
  }

  @Test("in place every block is old or new at every moment, and nothing else is touched")
  func inPlaceWrites() throws {
    let logged = try Logged()
    let (writes, _) = try logged.run(inPlace + ["--state-dir", StateDirectory("whole").path])
    #expect(writes.count > 8)
    for count in 0...writes.count {
      try logged.restore(writes, count, losing: [])
      try logged.expectOldOrNew("after \(count) writes")
    }
    #expect(areEqual(try logged.recovery.bytes(), logged.new))
  }
}
