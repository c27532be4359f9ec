import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("kill -9 and power cuts of a run that keeps old bytes in place", .ownPlace, .tags(.devices, .slow))
struct UndoInPlaceCrashTests {
  /// What a stopped run leaves: what was there, with nothing kept once it is repaired, or a way back to it.
  private func expectWayBack(_ pair: borrowing UndonePair, _ title: String) throws {
    let state = pair.state
    let before = try state.states()
    switch before.first {
    case "Inconsistent", "Consistent":
      #expect(try state.staged().count >= 1, "\(title): \(before), and the way back is gone")
      let back = try state.rollback(pair.two.recovery)
      #expect(back.value == 0, "\(title): \(before), \(back)")
    case nil, "Never", "Resynchronizing":
      #expect(try pair.isOld, "\(title): written before the mark")
      let repaired = try state.repair(pair.one.recovery)
      #expect(repaired.value == 0, "\(title): \(before), \(repaired)")
      expect(try state.rollback(pair.one.recovery), 32775)
    default: Issue.record("\(title): \(before)")
    }
    #expect(try pair.isOld, "\(title): \(before)")
    #expect(try state.states().allSatisfy { $0 == "Never" }, "\(title): \(before)")
    let repaired = try state.repair(pair.one.recovery)
    #expect(repaired.value == 0, "\(title): \(before), \(repaired)")
    #expect(try state.staged() == [], "\(title): \(before)")
  }

  /// The next run keeps the way back to what was there before the first.
  private func expectNextKeeps(_ pair: borrowing UndonePair, _ title: String) throws {
    let before = try pair.state.states()
    let report = try pair.state.undoInPlace(pair.pairs)
    #expect(report.value == 0, "\(title): \(before), \(report)")
    #expect(try pair.isNew, "\(title): \(before)")
    #expect(try pair.state.staged().count == 1, "\(title): \(before)")
    let back = try pair.state.rollback(pair.one.recovery)
    #expect(back.value == 0, "\(title): \(before), \(back)")
    #expect(try pair.isOld, "\(title): \(before)")
    #expect(try pair.state.states() == ["Never"], "\(title): \(before)")
    try pair.state.expectNothingKept()
  }

  @Test("killed before any call of a kind, in either pass", arguments: CrashPair.calls, [true, false])
  func killed(_ call: String, goesOn: Bool) throws {
    let engine = call == "pwritev2" ? ["--engine", "threads"] : []
    let pair = try UndonePair()
    let words = pair.state.undoInPlaceWords(pair.pairs, ["--chunk-size", "64K", "--parallel", "1"] + engine)
    try forKills([1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 30, 45, 70]) { number in
      try pair.makeOld()
      let ended = try Command.start(words, through: killing(call, number)).wait()
      let title = "\(call) \(number)"
      #expect(ended.wasKilled || ended.status == 0, "\(title): \(ended)")
      if goesOn { try expectNextKeeps(pair, title) } else { try expectWayBack(pair, title) }
      return ended.wasKilled
    }
  }

  @Test("killed at any time, again and again, while the primary changes: the first bytes win")
  func anyTime() throws {
    let pair = try UndonePair(.loops)
    try forSeeds { seed in
      var random = SplitMix64(seed: seed)
      try pair.makeOld()
      var title = "seed \(seed)"
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = UInt64.random(in: 0..<2 << 20, using: &random) / 512 * 512
        try pair.one.primaryImage.write(randomBytes(300_000, seed: random.next()), at: place)
        let child = try Command.start(pair.state.undoInPlaceWords(pair.pairs, ["--chunk-size", "64K"]))
        pause(milliseconds: .random(in: 0...700, using: &random))
        WorkerProcess.running(below: child.id)?.signal(SIGKILL)
        let ended = try child.wait()
        #expect(ended.wasKilled || ended.status == 0, "\(title): \(ended)")
        title += ", \(try pair.state.states())"
        if try pair.state.states() == ["Consistent"] { break }
      }
      try pair.one.primaryImage.write(pair.new.one, at: 0)
      // A way back that the last run had begun.
      if try pair.state.states() == ["Applying"] {
        let repaired = try pair.state.repair(pair.one.recovery)
        #expect(repaired.value == 0, "\(title): \(repaired)")
      }
      try expectWayBack(pair, title)
    }
  }

  @Test("the power fails: each block old or new, and the way back leads to the old")
  func power() throws {
    var pair = try PowerPair()
    try forSeeds { seed in
      var random = SplitMix64(seed: seed)
      let title = "seed \(seed)"
      try pair.expectCompletes("staged", repairing: false, title)
      try pair.writePrimary(&random)
      let (old, new) = (try pair.recovery.bytes(), try pair.primary.bytes())
      let blow = Blow.random(using: &random)
      let ended = try pair.run(
        pair.resync("in-place", ["--recovery-point", "undo"]), blow,
        losing: Bool.random(using: &random) ? random.next() : nil)
      let left = try pair.recovery.bytes()
      let found = try pair.host.consistency()
      let after = "\(title), \(blow): \(found), \(ended)"
      if ended.status == 0 { #expect(areEqual(left, new), "what was called done is lost: \(after)") }
      if found == "Consistent" {
        #expect(areEqual(left, new) || areEqual(left, old), "mixed: \(after)")
      } else if found != "Inconsistent" {
        #expect(areEqual(left, old), "written before the mark: \(after)")
      }
      let repaired = try Report(Command.start(pair.repair, through: pair.host.inside).wait())
      #expect(repaired.value == (found == "Inconsistent" ? 32775 : 0), "\(after): \(repaired)")
      if found == "Inconsistent" || !areEqual(left, old) {
        let words = ["rollback", "--json", "--yes", "--state-dir", pair.host.state, pair.recovery.node]
        let back = try Report(Command.start(words, through: pair.host.inside).wait())
        #expect(back.value == 0, "\(after): \(back)")
      }
      #expect(areEqual(try pair.recovery.bytes(), old), "\(after): at the end")
      #expect(try pair.host.stagedFiles() == 0, "\(after)")
    }
  }
}
