import SystemPackage
import Testing

@testable import DeviceResync

@Suite("going back", .ownPlace, .tags(.devices, .slow)) struct RollbackTests {
  @Test("brings back every byte of all recoveries, and the state before", arguments: [Form.images, .loops])
  func bytes(_ form: Form) throws {
    let pair = try UndonePair(form)
    let state = pair.state
    let report = try state.resyncKeeping(pair.pairs)
    expect(report, 0)
    #expect(try pair.isNew)
    #expect(report.pair(0)["RecoveryPoint"]["Kind"].text == "undo")
    #expect(report.pair(1)["RecoveryPoint"]["Before"]["State"].text == "Never")
    #expect(try state.point()["Kind"].text == "undo")
    #expect(try state.staged().count == 1)

    let back = try state.rollback(pair.one.recovery)
    expect(back, 0)
    #expect(try pair.isOld)
    #expect(try state.states() == ["Never"])
    try state.expectNothingKept()
    // There is one way back, and it was gone.
    expect(try state.rollback(pair.one.recovery), 32775)
    // The directions are what they were.
    expect(try state.resync(pair.one.recovery, pair.one.primary), 32775)
    expect(try state.resync(pair.pairs), 0)
    #expect(try pair.isNew)
  }

  @Test("Consistent as before: at the time of the run before, whose staging nothing needs")
  func before() throws {
    let pair = try UndonePair()
    expect(try pair.state.resync(pair.pairs), 0)
    let former = try pair.state.records()[0]["Consistency"]
    try pair.makeOld()
    let report = try pair.state.resyncKeeping(pair.pairs)
    expect(report, 0)
    expect(try pair.state.rollback(pair.two.recovery, pair.one.recovery), 0)
    #expect(try pair.isOld)
    #expect(try pair.state.records()[0]["Consistency"] == former)
  }

  @Test("holes that zeros were brought to become holes again where the recovery is thin")
  func holes() throws {
    let state = try StateDirectory()
    let primary = try Image("primary", size: 64 << 20)
    try primary.write(randomBytes(1 << 20, seed: 1), at: 8 << 20)
    let recovery = try Image("recovery", size: 64 << 20)
    try recovery.write(randomBytes(1 << 20, seed: 2), at: 32 << 20)
    let before = try recovery.bytes()
    expect(try state.resyncKeeping([(primary.path, recovery.path)]), 0)
    #expect(areEqual(try recovery.bytes(), try primary.bytes()))
    expect(try state.rollback(recovery.path), 0)
    #expect(areEqual(try recovery.bytes(), before))
    #expect(try recovery.status().allocated <= 2 << 20)
  }

  @Test(
    "somebody has written since, under a block of the run or beside all of them: 32775, nothing written",
    arguments: [1000, 1_450_000, 3 << 20])
  func foreign(_ place: Int) throws {
    let pair = try UndonePair()
    expect(try pair.state.resyncKeeping(pair.pairs), 0)
    try pair.expectForeignByteFound(at: UInt64(place))
  }

  @Test("an old block that is there already is not what the run wrote either")
  func oldBlock() throws {
    let pair = try UndonePair()
    expect(try pair.state.resyncKeeping(pair.pairs), 0)
    try pair.one.recoveryImage.write(Array(pair.old.one[0..<4096]), at: 0)
    expect(try pair.state.rollback(pair.one.recovery), 32775)
  }

  @Test("an undo file that is damaged or gone: 32775, nothing written", arguments: ["rm", "flip", "cut"])
  func damaged(_ how: String) throws {
    let pair = try UndonePair()
    expect(try pair.state.resyncKeeping(pair.pairs), 0)
    let file = Image(at: "\(pair.state.path)/staging/\(try #require(try pair.state.staged().first))")
    switch how {
    case "rm": try tool("rm", file.path)
    case "cut": try file.resize(to: try file.status().size - 4096)
    default: try file.write([try file.bytes(1, at: 700_000)[0] ^ 1], at: 700_000)
    }
    let report = try pair.state.rollback(pair.one.recovery)
    expect(report, 32775)
    #expect(report.message.contains(file.path) && report.message.contains("--discard"), "\(report)")
    #expect(try pair.isNew)
    #expect(try pair.state.states() == ["Consistent"])
    expect(try pair.state.rollback(pair.one.recovery, options: ["--discard"]), 0)
    try pair.state.expectNothingKept()
  }

  @Test("--discard removes it, as often as it is asked, and leaves the recoveries")
  func discard() throws {
    let pair = try UndonePair()
    let none = try pair.state.rollback(pair.one.recovery, options: ["--discard"])
    expect(none, 0)
    expect(try pair.state.resyncKeeping(pair.pairs), 0)
    for _ in 0..<2 {
      expect(try pair.state.rollback(pair.one.recovery, options: ["--discard"]), 0)
      try pair.state.expectNothingKept()
    }
    #expect(try pair.isNew)
    #expect(try pair.state.states() == ["Consistent"])
    expect(try pair.state.rollback(pair.one.recovery), 32775)
  }

  @Test("without a terminal --yes is required, and nothing is written")
  func confirmation() throws {
    let pair = try UndonePair()
    expect(try pair.state.resyncKeeping(pair.pairs), 0)
    let words = pair.state.rollbackWords([pair.one.recovery]).filter { $0 != "--yes" }
    let ended = try Command.start(words).wait()
    expect(try Report(ended), 32773)
    for recovery in [pair.one.recovery, pair.two.recovery] {
      #expect(ended.error.contains("WRITTEN  \(recovery)"), "\(ended)")
    }
    #expect(try pair.isNew)
  }

  @Test("a recovery that is in use: 32774, nothing written")
  func inUse() throws {
    let pair = try UndonePair(.loops)
    expect(try pair.state.resyncKeeping(pair.pairs), 0)
    let writer = try Child.holding(pair.one.recovery)
    expect(try pair.state.rollback(pair.two.recovery), 32774)
    #expect(try pair.isNew)
    writer.endInput()
  }

  @Test(
    "a run that keeps nothing drops what was kept, one that finds nothing leaves it, another one replaces it")
  func laterRuns() throws {
    let pair = try UndonePair()
    let state = pair.state
    expect(try state.resyncKeeping(pair.pairs), 0)
    let first = try state.point()
    // Nothing differs: what is kept still fits.
    let idle = try state.resyncKeeping(pair.pairs)
    expect(idle, 0)
    #expect(idle.notes.contains("nothing differs: no recovery point was made"), "\(idle)")
    expect(try state.resync(pair.pairs), 0)
    #expect(try state.point() == first)
    #expect(try state.staged().count == 1)

    try pair.one.primaryImage.write([1, 2, 3], at: 500_000)
    let again = try state.resyncKeeping(pair.pairs)
    #expect(again.notes.contains("was replaced"), "\(again)")
    #expect(try state.point() != first)
    #expect(try state.staged().count == 1)
    expect(try state.rollback(pair.one.recovery), 0)
    #expect(try pair.isNew)

    expect(try state.resyncKeeping(pair.pairs), 0)
    try pair.one.primaryImage.write([4, 5, 6], at: 600_000)
    let dropping = try state.resync(pair.pairs)
    #expect(dropping.notes.contains("was dropped"), "\(dropping)")
    try state.expectNothingKept()
  }

  @Test(
    "what is older than 7 days is removed by the next run or repair, and not before",
    arguments: [true, false])
  func expiry(repairing: Bool) throws {
    let pair = try UndonePair()
    let state = pair.state
    expect(try state.resyncKeeping(pair.pairs), 0)
    let made = try #require(try state.point()["MadeAt"].text.flatMap(Timestamp.init(coded:)))
    for (age, stays) in [(7 * 86400 - 120, true), (7 * 86400, false)] {
      let older = try #require(Timestamp(seconds: made.seconds - Int64(age)))
      try tool(
        "bash", "-c", #"sed --in-place "s/\"MadeAt\" : \"[^\"]*\"/\"MadeAt\" : \"$1\"/" "$0"/states/*.json"#,
        state.path,
        older.description)
      let report = repairing ? try state.repair(pair.one.recovery) : try state.resync(pair.pairs)
      expect(report, 0)
      if stays {
        #expect(try state.staged().count == 1)
      } else {
        #expect((report.notes + report.message).contains("older than 7 days"), "\(report)")
        try state.expectNothingKept()
      }
    }
  }

  @Test("devices tells of it")
  func devices() throws {
    let pair = try UndonePair()
    expect(try pair.state.resyncKeeping(pair.pairs), 0)
    let text = try Command.run("devices", "--state-dir", pair.state.path, pair.one.recovery)
    #expect(text.output.contains("recovery point (undo) of"), "\(text)")
    let plan = try Command.start(
      ["plan", "--primary", pair.one.primary, "--recovery", pair.one.recovery, "--recovery-point", "undo"]
    ).wait()
    #expect(plan.output.contains("point    undo"), "\(plan)")
  }
}
