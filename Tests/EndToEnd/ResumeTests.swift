import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("resume", .ownPlace, .tags(.devices, .slow)) struct ResumeTests {
  /// 16 MiB, of which 4 in four places differ, a tail and zeros among them; staging had no room for all of it.
  struct OutOfRoom: ~Copyable {
    let state: StateDirectory
    let pair: TestPair
    let small: SmallPlace
    let new: [UInt8]
    let old: [UInt8]

    private init(_ form: Form) throws {
      let state = try StateDirectory()
      let old = randomBytes(16 << 20 + (form == .images ? 100 : 0), seed: 41)
      var new = old
      for start in stride(from: 1 << 20, to: 16 << 20, by: 4 << 20) {
        for place in start..<start + 1 << 20 { new[place] ^= 0x5a }
      }
      for place in 5 << 20..<5 << 20 + 200_000 { new[place] = 0 }
      new[new.count - 1] ^= 1
      let pair = try TestPair(new, old, form)
      let small = try SmallPlace.make()
      // All that can throw comes first: a half-made noncopyable value cannot be destroyed.
      self.state = state
      self.pair = pair
      self.small = small
      self.new = new
      self.old = old
    }

    static func make(_ form: Form = .images) throws -> OutOfRoom {
      let made = try OutOfRoom(form)
      let report = try made.state.resync(
        made.pair.primary, made.pair.recovery, made.small.options, through: made.small.inside)
      expect(report, 32768)
      #expect(report.message.contains("--write-back in-place"), "\(report)")
      #expect(areEqual(try made.pair.recoveryImage.bytes(), made.old))
      try #require(try made.state.states() == ["Resynchronizing"])
      return made
    }

    func words(_ writeBack: String? = "in-place") -> [String] {
      ["resume", "--json", "--yes", "--primary", pair.primary, "--recovery", pair.recovery]
        + ["--state-dir", state.path] + small.options + (writeBack.map { ["--write-back", $0] } ?? [])
    }

    func resume(_ writeBack: String? = "in-place", _ options: [String] = []) throws -> Report {
      try Report(Command.start(words(writeBack) + options, through: small.inside).wait())
    }

    func expectEqual(_ report: Report, sourceLocation: SourceLocation = #_sourceLocation) throws {
      try report.expectEqual(pair, state, sourceLocation: sourceLocation)
    }
  }

  @Test(
    "in place after a staged run without room: what is known to differ is written, the rest not read",
    arguments: [(Form.images, ["--verify"]), (.loops, [])] as [(Form, [String])])
  func known(_ form: Form, _ options: [String]) throws {
    let stopped = try OutOfRoom.make(form)
    let whole = Oracle(stopped.new, stopped.old)
    let name = form == .loops ? String(stopped.pair.primary.dropFirst(5)) : nil
    let before = try name.map { try DeviceStat($0).read }
    let report = try stopped.resume("in-place", options)
    try stopped.expectEqual(report)
    #expect(report.notes.contains("what is known to differ is written"), "\(report)")
    #expect(report["BytesDifferent"].int == Int(whole.bytesDifferent), "\(report)")
    #expect(report["DifferentRanges"].int == whole.ranges.count, "\(report)")
    #expect((report["BytesVerified"].int ?? 0 > 0) == !options.isEmpty, "\(report)")
    if let name, let before, options.isEmpty {
      let read = (try DeviceStat(name).read - before) * 512
      // And what the plan looks at.
      #expect(read < 7 << 20, "\(read)")
    }
    let left = try Child(stopped.small.inside + ["ls", "\(stopped.small.path)/vmresync"]).wait()
    #expect(left.output == "", "\(left)")
  }

  @Test(
    "one sector written since, on either side: everything is compared, and written", arguments: Side.allCases)
  func written(_ side: Side) throws {
    let stopped = try OutOfRoom.make()
    let image = side == .primary ? stopped.pair.primaryImage : stopped.pair.recoveryImage
    try image.write([UInt8](repeating: 0x77, count: 512), at: 0)
    let report = try stopped.resume()
    try stopped.expectEqual(report)
    #expect(report.notes.contains("it starts at 0: the \(side)"), "\(report)")
  }

  @Test("its file is damaged: everything is compared, and written")
  func damaged() throws {
    let stopped = try OutOfRoom.make()
    let damage =
      #"f=$(echo "$1"/vmresync/*) && printf X | dd of="$f" bs=1 seek=$(($(stat -c%s "$f") - 5000)) conv=notrunc"#
    let done = try Child(stopped.small.inside + ["bash", "-c", damage, "bash", stopped.small.path]).wait()
    try #require(done.status == 0, "\(done)")
    let report = try stopped.resume()
    try stopped.expectEqual(report)
    #expect(report.notes.contains("its staging file cannot be used"), "\(report)")
  }

  @Test("killed at its first write it is Inconsistent; the next run compares everything")
  func killed() throws {
    let stopped = try OutOfRoom.make()
    // Taken up, replaced, marked.
    let ended = try Command.start(
      stopped.words(), through: stopped.small.inside + killing("fsync", 3, on: "\(stopped.state.path)/states")
    ).wait()
    #expect(ended.wasKilled, "\(ended)")
    try stopped.state.expect("Inconsistent")
    expect(try stopped.resume(), 32775)
    let report = try stopped.state.resync(stopped.pair.primary, stopped.pair.recovery, inPlace)
    try stopped.expectEqual(report)
  }

  @Test("staged there is nothing to go on with; what waits stays, and a new run with room begins anew")
  func staged() throws {
    let stopped = try OutOfRoom.make()
    let refused = try stopped.resume("staged")
    expect(refused, 32775)
    #expect(refused.message.contains("no room for all"), "\(refused)")
    #expect(try stopped.state.states() == ["Resynchronizing"])
    let report = try stopped.state.resync(stopped.pair.primary, stopped.pair.recovery)
    try stopped.expectEqual(report)
    #expect(report.notes.contains("it starts at 0: there was no room for all"), "\(report)")
  }

  @Test("a run that was stopped is gone on with; where none was it is 32775, and nothing is written")
  func ordinary() throws {
    let stopped = try StoppedPair()
    let words = ["resume"] + stopped.words.dropFirst()
    let none = try Report(Command.start(words).wait())
    expect(none, 32775)
    #expect(none.message.contains("none of these pairs was stopped"), "\(none)")
    #expect(areEqual(try stopped.pair.recoveryImage.bytes(), stopped.old))
    try stopped.kill()
    try stopped.expectEqual(Report(Command.start(words).wait()), saying: "continued at 8 MiB of ")
    let dry = try Command.start(words + ["--dry-run"]).wait()
    #expect(dry.status == 45, "\(dry)")
  }

  @Test("of other pairs than were stopped, or in another order: 32775, and what was staged stays")
  func otherPairs() throws {
    let stopped = try StoppedPair()
    let other = try TestPair(differing: .images, name: "other")
    let both = [(other.primary, other.recovery), (stopped.pair.primary, stopped.pair.recovery)]
    func words(_ pairs: [(String, String)]) -> [String] { stopped.state.words(pairs) + StoppedPair.options }
    try stopped.kill(words(both) + ["--parallel", "1"])
    for pairs in [[both[1]], both.reversed()] {
      let report = try Report(Command.start(["resume"] + words(pairs).dropFirst()).wait())
      expect(report, 32775)
      #expect(report.message.contains("stopped"), "\(report)")
      #expect(try stopped.state.states() == ["Resynchronizing"])
      #expect(try stopped.state.staged().count == 1)
    }
    let report = try Report(Command.start(["resume"] + words(both).dropFirst()).wait())
    expect(report, 0)
    #expect(report.notes.contains("continued at "), "\(report)")
  }
}
