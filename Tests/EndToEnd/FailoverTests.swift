import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("failing over and back", .ownPlace, .tags(.devices, .slow)) struct FailoverTests {
  @Test(
    "the drill: nothing overwrites the live recovery; reversed, only its changes come back; and back again",
    arguments: [Form.images, .loops])
  func drill(_ form: Form) throws {
    let drill = try Drill(form)
    expect(try drill.call("resync", "a"), 0)
    let marked = try drill.call("failover", "b")
    expect(marked, 0)
    #expect(marked.message.contains("vmresync reverse b") && marked.message.contains("failover --revert b"))
    #expect(marked["ComputerSystem"].text == "b")
    // The recovery VM runs, and writes.
    try drill.two.recoveryImage.write(Array(repeating: 0x5a, count: 9000), at: 300_000)
    for (command, options) in [("resync", ["--yes"]), ("resume", ["--yes"]), ("plan", [])] {
      let refused = try drill.call(command, "a", options)
      expect(refused, 32775)
      #expect(refused.message.contains("vmresync reverse b"), "\(refused)")
      #expect(refused.message.contains("vmresync failover --revert b"), "\(refused)")
      #expect(refused.verdict("failed over")["ReturnValue"].int == 32775, "\(refused)")
    }
    #expect(try drill.call("compare", "a").status == 1)
    try drill.expectExplicitRefused(drill.one.primary, drill.one.recovery)
    // Its disk in another pairing.
    let other = try Image("other", randomBytes(1 << 20, seed: 77))
    try drill.expectExplicitRefused(other.path, drill.two.recovery)
    #expect(try drill.two.recoveryImage.bytes(9000, at: 300_000) == Array(repeating: 0x5a, count: 9000))

    expect(try drill.call("reverse", "a", []), 32773)
    expect(try drill.call("reverse", "a", ["--yes"]), 0)
    let leaf = try drill.call("resync", "a")
    expect(leaf, 32775)
    #expect(leaf.message.contains("vmresync resync b"), "\(leaf)")
    try drill.expectExplicitRefused(drill.one.primary, drill.one.recovery)
    try drill.expectExplicitRefused(other.path, drill.two.recovery)
    let shown = try Command.run(
      "config", "show", "b", "--config", drill.config, "--state-dir", drill.state.path)
    #expect(shown.output.contains("primary         b\n") && shown.output.contains("the file has a -> b"))
    #expect(try Command.run("config", "check", drill.config).status == 0)
    let back = try drill.call("resync", "b")
    expect(back, 0)
    #expect(back["ComputerSystem"].text == "b")
    #expect(back["BytesWritten"].int == 12288, "\(back)")
    try drill.expectSame(as: drill.two.recoveryImage.bytes())
    #expect(try drill.call("compare", "b")["Identical"] == .bool(true))

    expect(try drill.call("failover", "b"), 0)
    try drill.one.primaryImage.write([1, 2, 3], at: 5000)
    expect(try drill.call("resync", "b"), 32775)
    expect(try drill.call("reverse", "a", ["--yes"]), 0)
    let again = try drill.call("resync", "a")
    expect(again, 0)
    #expect(again["BytesWritten"].int == 4096, "\(again)")
    #expect(areEqual(try drill.one.recoveryImage.bytes(), try drill.one.primaryImage.bytes()))
    #expect(try drill.state.records().count == 1)
  }

  @Test("taken back, the next resync overwrites what the recovery got; it asks")
  func revert() throws {
    let drill = try Drill()
    expect(try drill.call("resync", "a"), 0)
    expect(try drill.call("failover", "a"), 0)
    try drill.one.recoveryImage.write([9, 9, 9], at: 70_000)
    expect(try drill.call("failover", "b", ["--revert"]), 32773)
    expect(try drill.call("resync", "a"), 32775)
    for (answer, status) in [("n\n", Int32(23)), ("y\n", 0)] {
      let child = try drill.onTerminal("failover", "b", ["--revert"], until: "[y/N]")
      #expect(try child.said().contains("overwrites it"))
      try child.say(answer)
      let ended = try child.wait()
      #expect(ended.status == status, "\(ended)")
    }
    expect(try drill.call("failover", "b", ["--revert", "--yes"]), 0)
    expect(try drill.call("resync", "a"), 0)
    #expect(areEqual(try drill.one.recoveryImage.bytes(), try drill.one.primaryImage.bytes()))
  }

  @Test("what was never resynchronized has nothing to start: 32775")
  func never() throws {
    let drill = try Drill()
    expect(try drill.call("failover", "b"), 32775)
    let words = drill.state.words(drill.pairs)
    let folder = "\(drill.state.path)/staging"
    #expect(try Command.start(words, through: killing("fsync", 1, on: folder)).wait().wasKilled)
    let refused = try drill.call("failover", "b")
    expect(refused, 32775)
    #expect(refused.message.contains("vmresync resync a"), "\(refused)")
    expect(try drill.call("reverse", "b", ["--yes"]), 32775)
  }

  @Test(
    "an Inconsistent recovery: 32775 with the ways out; as it is only when its name is typed, and recorded")
  func asIs() throws {
    let drill = try Drill()
    expect(try drill.call("resync", "a"), 0)
    try drill.leaveInconsistent()
    let refused = try drill.call("failover", "b")
    expect(refused, 32775)
    #expect(refused.message.contains("vmresync failover --as-is b"), "\(refused)")
    expect(try drill.call("failover", "b", ["--as-is", "--yes"]), 32775)
    for (answer, status) in [("y\n", Int32(23)), ("b\n", 0)] {
      let child = try drill.onTerminal("failover", "b", ["--as-is", "--yes"], until: "to go on:")
      try child.say(answer)
      let ended = try child.wait()
      #expect(ended.status == status, "\(ended)")
      #expect(try drill.state.records()[0]["FailedOver"]["AsIs"] == (status == 0 ? .bool(true) : .missing))
    }
    expect(try drill.call("resync", "a"), 32775)
    // Nothing is finished on it any more, and it is a primary like any other.
    expect(try drill.call("reverse", "b", ["--yes"]), 0)
    expect(try drill.call("resync", "b"), 0)
    #expect(areEqual(try drill.one.primaryImage.bytes(), try drill.one.recoveryImage.bytes()))
  }

  @Test("what a stopped run left: before the commit it is dropped, after it finished first")
  func stopped() throws {
    let drill = try Drill()
    expect(try drill.call("resync", "a"), 0)
    let before = try drill.one.recoveryImage.bytes()
    try drill.one.primaryImage.write([1, 2, 3, 4], at: 40_000)
    let words = drill.state.words(drill.pairs)
    #expect(
      try Command.start(words, through: killing("fsync", 1, on: "\(drill.state.path)/staging")).wait()
        .wasKilled)
    #expect(try drill.state.states() == ["Resynchronizing"])
    expect(try drill.call("failover", "b"), 0)
    try drill.state.expect("Consistent")
    #expect(areEqual(try drill.one.recoveryImage.bytes(), before))
    expect(try drill.call("failover", "b", ["--revert", "--yes"]), 0)
    _ = try drill.state.leaveApplying(drill.pairs)
    let marked = try drill.call("failover", "b")
    expect(marked, 0)
    #expect(marked.message.contains("was finished"), "\(marked)")
    try drill.state.expect("Consistent")
    #expect(areEqual(try drill.one.recoveryImage.bytes(), try drill.one.primaryImage.bytes()))
  }

  @Test("a commit whose staging file is gone: 32775, then as it is")
  func lostCommit() throws {
    let drill = try Drill()
    let file = try drill.state.leaveApplying(drill.pairs)
    try tool("mv", file.path, Place.ours("aside"))
    let refused = try drill.call("failover", "b")
    expect(refused, 32775)
    #expect(try drill.state.states() == ["Inconsistent"])
    let child = try drill.onTerminal("failover", "b", ["--as-is"], until: "to go on:")
    try child.say("b\n")
    let ended = try child.wait()
    #expect(ended.status == 0, "\(ended)")
    // Its file comes back: a repair must not write what is live.
    try tool("mv", Place.ours("aside"), file.path)
    let held = try drill.one.recoveryImage.bytes()
    expect(try drill.state.repair(drill.one.recovery), 32775)
    #expect(areEqual(try drill.one.recoveryImage.bytes(), held))
  }

  @Test("a run under way is ended before its commit within seconds, and every claim is free")
  func underWay() throws {
    let drill = try Drill(size: LongRun.size)
    expect(try drill.call("resync", "a"), 0)
    let run = try LongRun(.resync, drill.one.primary, drill.one.recovery, drill.state.options)
    let clock = ContinuousClock()
    let start = clock.now
    let marked = try drill.call("failover", "b")
    expect(marked, 0)
    #expect(clock.now - start < .seconds(10))
    #expect(marked.message.contains("was ended in"), "\(marked)")
    let ended = try run.finish()
    #expect(ended.status == 21, "\(ended)")
    // What the run kept when it was ended, the failover has dropped.
    #expect(ended.notes.contains("the same command goes on at"), "\(ended)")
    try drill.state.expect("Consistent")
    #expect(!isAttached(drill.one.recoveryImage.path))
  }

  @Test("a run that does not end is named with its process: 32774, and nothing is marked")
  func stands() throws {
    let drill = try Drill(size: LongRun.size)
    expect(try drill.call("resync", "a"), 0)
    let run = try LongRun(.resync, drill.one.primary, drill.one.recovery, drill.state.options)
    let process = run.worker.id
    _ = try run.stopped {
      let refused = try drill.call("failover", "b")
      expect(refused, 32774)
      #expect(refused.message.contains("process \(process)"), "\(refused)")
      #expect(try drill.state.records().allSatisfy { $0["FailedOver"] == .missing })
    }
  }

  @Test("going back to a recovery point waits until the failover is taken back")
  func rollback() throws {
    let drill = try Drill()
    expect(try drill.call("resync", "a", ["--yes", "--recovery-point", "undo"]), 0)
    expect(try drill.call("failover", "b"), 0)
    let refused = try drill.state.rollback(drill.one.recovery)
    expect(refused, 32775)
    #expect(refused.message.contains("failover --revert b"), "\(refused)")
    expect(try drill.call("failover", "b", ["--revert", "--yes"]), 0)
    expect(try drill.state.rollback(drill.one.recovery), 0)
  }

  @Test("a copy of a running primary is called what it is")
  func fuzzy() throws {
    let drill = try Drill()
    let user = try Child.holding(drill.one.primary)
    #expect(try drill.call("resync", "a", ["--yes", "--source", "running"]).status == 22)
    user.endInput()
    let marked = try drill.call("failover", "b")
    expect(marked, 0)
    #expect(marked.message.contains("no point in time"), "\(marked)")
  }

  @Test("the primary's disks may be gone, and whatever has their paths by then")
  func primaryIsGone() throws {
    let drill = try Drill()
    expect(try drill.call("resync", "a"), 0)
    for image in [drill.one.primaryImage, drill.two.primaryImage] { try tool("rm", image.path) }
    expect(try drill.call("failover", "b"), 0)
    expect(try drill.call("reverse", "b", ["--yes"]), 0)
  }

  @Test("a disk that the configuration has got or lost since the last run is no hindrance, and told of")
  func otherDisks() throws {
    let drill = try Drill()
    // The run had one disk, the configuration has two.
    expect(try drill.state.resync(drill.one.primary, drill.one.recovery), 0)
    let marked = try drill.call("failover", "b")
    expect(marked, 0)
    #expect(marked.message.contains("\(drill.two.recovery) takes no part in it"), "\(marked)")
    expect(try drill.call("resync", "a"), 32775)
    expect(try drill.call("failover", "b", ["--revert", "--yes"]), 0)
    // Now the last run had both, and the configuration has one.
    expect(try drill.call("resync", "a"), 0)
    try drill.forgetSecondDisks()
    expect(try drill.call("failover", "b"), 0)
    try drill.expectExplicitRefused(drill.two.primary, drill.two.recovery)
    expect(try drill.call("reverse", "b", ["--yes"]), 0)
    expect(try drill.call("resync", "b"), 0)
    try drill.expectExplicitRefused(drill.two.primary, drill.two.recovery)
  }

  @Test("a recovery that a run of other pairs has left Inconsistent is so, whatever its relationship says")
  func tornByOthers() throws {
    let drill = try Drill()
    expect(try drill.call("resync", "a"), 0)
    let other = try Image("other", randomBytes(1 << 20, seed: 77))
    let words = Operation.resync.words(
      other.path, drill.one.recovery,
      [
        "--state-dir", drill.state.path, "--write-back", "in-place", "--engine", "threads",
        "--accept-content-change",
      ])
    #expect(try Command.start(words, through: killing("pwritev2", 1)).wait().wasKilled)
    try #require(try drill.state.states().sorted() == ["Consistent", "Inconsistent"])
    let refused = try drill.call("failover", "b")
    expect(refused, 32775)
    #expect(refused.message.contains("it is Inconsistent since"), "\(refused)")
  }
}
