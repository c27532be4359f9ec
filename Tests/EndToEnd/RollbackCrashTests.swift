import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("kill -9 and power cuts on the way back", .ownPlace, .tags(.devices, .slow))
struct RollbackCrashTests {
  /// What a stopped rollback leaves: nothing written, or a commit that repair finishes; then the way is back or gone.
  private func expectRecoverable(_ pair: borrowing UndonePair, _ title: String) throws {
    let state = pair.state
    let states = try state.states()
    #expect(["Consistent", "Applying", "Never"].contains(states.first ?? ""), "\(title): \(states)")
    if states == ["Consistent"] { #expect(try pair.isNew, "\(title): written before the commit") }
    if states == ["Never"] { #expect(try pair.isOld, "\(title): called what it is not") }
    let repaired = try state.repair(pair.two.recovery)
    #expect(repaired.value == 0, "\(title): \(states), \(repaired)")
    if states == ["Consistent"] {
      #expect(try pair.isNew, "\(title): after repair")
      #expect(try state.staged().count == 1, "\(title): what is kept is lost")
      expect(try state.rollback(pair.one.recovery), 0)
    }
    #expect(try pair.isOld, "\(title): \(states), at the end")
    #expect(try state.states() == ["Never"], "\(title)")
    try state.expectNothingKept()
  }

  @Test("rollback, killed before any call of a kind", arguments: CrashPair.calls)
  func killed(_ call: String) throws {
    let engine = call == "pwritev2" ? ["--engine", "threads"] : []
    let pair = try UndonePair()
    try forKills([1, 2, 3, 4, 5, 6, 8, 11, 15, 20, 30]) { number in
      try pair.makeOld()
      expect(try pair.state.resyncKeeping(pair.pairs), 0)
      let words = pair.state.rollbackWords([pair.one.recovery], engine)
      let ended = try Command.start(words, through: killing(call, number)).wait()
      #expect(ended.wasKilled || ended.status == 0, "\(call) \(number): \(ended)")
      if ended.wasKilled {
        try expectRecoverable(pair, "\(call) \(number)")
      } else {
        #expect(try pair.isOld)
      }
      return ended.wasKilled
    }
  }

  @Test("rollback, killed at any time")
  func anyTime() throws {
    let pair = try UndonePair(.loops)
    try forSeeds { seed in
      var random = SplitMix64(seed: seed)
      try pair.makeOld()
      expect(try pair.state.resyncKeeping(pair.pairs), 0)
      let child = try Command.start(pair.state.rollbackWords([pair.one.recovery]))
      pause(milliseconds: .random(in: 0...600, using: &random))
      WorkerProcess.running(below: child.id)?.signal(SIGKILL)
      let ended = try child.wait()
      if ended.wasKilled {
        try expectRecoverable(pair, "seed \(seed)")
      } else {
        #expect(try ended.status == 0 && pair.isOld, "seed \(seed): \(ended)")
      }
    }
  }

  @Test(
    "a run that keeps old bytes, killed: the way back is there exactly when the commit is",
    arguments: CrashPair.calls)
  func keeping(_ call: String) throws {
    let engine = call == "pwritev2" ? ["--engine", "threads"] : []
    let pair = try UndonePair()
    let state = pair.state
    let words = state.words(pair.pairs) + ["--recovery-point", "undo"] + engine
    for number in sampled([1, 2, 3, 4, 6, 9, 13], few: call == "pwritev2" ? 3 : 1) {
      try pair.makeOld()
      let ended = try Command.start(words, through: killing(call, number)).wait()
      let title = "\(call) \(number)"
      let isCommitted = try ["Applying", "Consistent"].contains(state.states().first ?? "")
      let repaired = try state.repair(pair.one.recovery)
      #expect(repaired.value == 0, "\(title): \(repaired), \(ended)")
      if isCommitted {
        #expect(try pair.isNew, "\(title)")
        #expect(try state.staged().count == 1, "\(title): what was kept is lost")
        let back = try state.rollback(pair.one.recovery)
        #expect(back.value == 0, "\(title): \(back)")
      } else {
        #expect(try state.staged() == [], "\(title)")
        expect(try state.rollback(pair.one.recovery), 32775)
      }
      #expect(try pair.isOld, "\(title)")
      #expect(try state.staged() == [], "\(title)")
    }
  }

  @Test("the power fails in a rollback: old or new, each block one of the two, and repair ends it")
  func power() throws {
    var pair = try PowerPair()
    try forSeeds { seed in
      var random = SplitMix64(seed: seed)
      let title = "seed \(seed)"
      try pair.expectCompletes("staged", repairing: false, title)
      try pair.writePrimary(&random)
      let (old, new) = (try pair.recovery.bytes(), try pair.primary.bytes())
      let keeping = try Report(
        Command.start(pair.resync("staged", ["--recovery-point", "undo"]), through: pair.host.inside).wait())
      #expect(keeping.value == 0, "\(title): \(keeping)")
      let words = ["rollback", "--json", "--yes", "--state-dir", pair.host.state, pair.recovery.node]
      let blow = Blow.random(using: &random)
      let ended = try pair.run(words, blow, losing: Bool.random(using: &random) ? random.next() : nil)
      let left = try pair.recovery.bytes()
      let after = "\(title), \(blow): \(try pair.host.consistency()), \(ended)"
      if ended.status == 0 { #expect(areEqual(left, old), "what was called done is lost: \(after)") }
      // Whether it was committed is in the state, whatever was lost.
      if try pair.host.consistency() == "Consistent" {
        #expect(areEqual(left, new) || areEqual(left, old), "mixed: \(after)")
      }
      let repaired = try Report(Command.start(pair.repair, through: pair.host.inside).wait())
      // A read error may have been left for good in what the fault disk was told.
      #expect(repaired.value == 0, "\(after): \(repaired)")
      if areEqual(try pair.recovery.bytes(), new), !areEqual(old, new) {
        let again = try Report(Command.start(words, through: pair.host.inside).wait())
        #expect(again.value == 0, "\(after): \(again)")
      }
      #expect(areEqual(try pair.recovery.bytes(), old), "\(after): at the end")
      #expect(try pair.host.stagedFiles() == 0, "\(after)")
    }
  }
}
