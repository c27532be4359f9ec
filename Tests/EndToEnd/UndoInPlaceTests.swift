import SystemPackage
import Testing

@testable import DeviceResync

@Suite("old bytes kept in place", .ownPlace, .tags(.devices, .slow)) struct UndoInPlaceTests {
  @Test(
    "brings back every byte of all recoveries, and the state before", arguments: [Form.images, .loops],
    [
      ["--parallel", "1"], ["--parallel", "2"], ["--verify"], ["--engine", "threads", "--full"],
      ["--initial"],
    ])
  func bytes(_ form: Form, _ options: [String]) throws {
    let pair = try UndonePair(form)
    let state = pair.state
    let report = try state.undoInPlace(pair.pairs, options)
    expect(report, 0)
    #expect(try pair.isNew)
    for number in 0..<2 {
      let result = report.pair(number)
      #expect(result["WriteBack"].text == "in-place", "\(report)")
      #expect(result["BytesWritten"].int == result["BytesDifferent"].int, "\(report)")
      #expect(result["RecoveryPoint"]["Kind"].text == "undo")
      #expect(result["RecoveryPoint"]["Before"]["State"].text == "Never")
    }
    #expect(try state.states() == ["Consistent"])
    #expect(try state.staged().count == 1)

    let back = try state.rollback(pair.one.recovery)
    expect(back, 0)
    #expect(try pair.isOld)
    #expect(try state.states() == ["Never"])
    try state.expectNothingKept()
    expect(try state.rollback(pair.one.recovery), 32775)
  }

  @Test("what is said of the differences is what a comparison finds", arguments: [[], ["--full"]])
  func figures(_ options: [String]) throws {
    let pair = try UndonePair()
    let compared = try Report(
      Command.start(parallelWords(.compare, pair.pairs.map { (primary: $0.0, recovery: $0.1) }, options))
        .wait())
    let report = try pair.state.undoInPlace(pair.pairs, options)
    expect(report, 0)
    for number in 0..<2 {
      for key in [
        "BytesCompared", "BytesSkipped", "BytesDifferent", "BytesUnread", "DifferentRanges",
      ] {
        #expect(compared.pair(number)[key].int != nil)
        #expect(report.pair(number)[key] == compared.pair(number)[key], "\(key): \(report), \(compared)")
      }
    }
  }

  @Test("Consistent as before, and a run that finds nothing leaves what is kept")
  func before() throws {
    let pair = try UndonePair()
    let state = pair.state
    expect(try state.resync(pair.pairs), 0)
    let former = try state.records()[0]["Consistency"]
    try pair.makeOld()
    expect(try state.undoInPlace(pair.pairs), 0)
    let point = try state.point()
    let idle = try state.undoInPlace(pair.pairs)
    expect(idle, 0)
    #expect(idle.notes.contains("nothing differs: no recovery point was made"), "\(idle)")
    #expect(try state.point() == point)
    #expect(try state.staged().count == 1)
    expect(try state.rollback(pair.two.recovery), 0)
    #expect(try pair.isOld)
    #expect(try state.records()[0]["Consistency"]["State"].text == former["State"].text)
  }

  @Test(
    "somebody has written since, under a block of the run or beside all of them: 32775, nothing written",
    arguments: [1000, 1_450_000, 3 << 20])
  func foreign(_ place: Int) throws {
    let pair = try UndonePair()
    expect(try pair.state.undoInPlace(pair.pairs), 0)
    try pair.expectForeignByteFound(at: UInt64(place))
  }

  @Test("a stopped run is gone back over, and a block that is neither old nor new is found")
  func stopped() throws {
    let pair = try UndonePair()
    try pair.stopInPlace()
    let place = UInt64(pair.old.one.count - 4096)
    let now = try pair.one.recoveryImage.bytes(1, at: place)[0]
    try pair.one.recoveryImage.write([now ^ 2], at: place)
    expect(try pair.state.rollback(pair.one.recovery), 32775)
    try pair.one.recoveryImage.write([now], at: place)
    expect(try pair.state.rollback(pair.one.recovery), 0)
    #expect(try pair.isOld)
    #expect(try pair.state.states() == ["Never"])
    try pair.state.expectNothingKept()
  }

  @Test(
    "the run after a stopped one goes back first, also where the primary is another by then: the first bytes win",
    arguments: ["in-place", "staged"])
  func firstWins(_ how: String) throws {
    let pair = try UndonePair()
    let state = pair.state
    try pair.stopInPlace()
    // What the stopped run wrote is neither what was there nor what comes.
    let place = 300_000
    try pair.one.primaryImage.write(randomBytes(700_000, seed: 77), at: UInt64(place))
    let new = try pair.one.primaryImage.bytes()
    let plan = try Command.start(
      ["plan", "--state-dir", state.path, "--write-back", how, "--recovery-point", "undo"]
        + pair.pairs.flatMap { ["--primary", $0.0, "--recovery", $0.1] }
    ).wait()
    #expect(plan.output.contains("is gone back over: it was stopped"), "\(plan)")
    let again = try state.undoInPlace(pair.pairs, ["--write-back", how])
    expect(again, 0)
    #expect(again.notes.contains("went back over the run of"), "\(again)")
    #expect(areEqual(try pair.one.recoveryImage.bytes(), new))
    #expect(try state.point()["Before"]["State"].text == "Never")
    #expect(try state.staged().count == 1)
    expect(try state.rollback(pair.one.recovery), 0)
    #expect(try pair.isOld)
    #expect(try state.states() == ["Never"])
    try state.expectNothingKept()
  }

  @Test(
    "where there is no way back over a stopped run, the next that keeps old bytes is refused, and says the way out"
  )
  func noWayBack() throws {
    let pair = try UndonePair()
    let state = pair.state
    try pair.stopInPlace()
    let file = Image(at: "\(state.path)/staging/\(try #require(try state.staged().first))")
    let byte = try file.bytes(1, at: 700_000)[0]
    try file.write([byte ^ 1], at: 700_000)
    let mixed = try pair.one.recoveryImage.bytes()
    let refused = try state.undoInPlace(pair.pairs)
    expect(refused, 32775)
    #expect(refused.message.contains("--discard"), "\(refused)")
    #expect(areEqual(try pair.one.recoveryImage.bytes(), mixed))
    #expect(try state.states() == ["Inconsistent"])
    #expect(try state.staged() == [file.path.split(separator: "/").last.map(String.init)])
    // One without drops it, and says so.
    let dropping = try state.resync(pair.pairs)
    expect(dropping, 0)
    #expect(dropping.notes.contains("was dropped"), "\(dropping)")
    try state.expectNothingKept()

    try pair.makeOld()
    try pair.stopInPlace()
    try tool("rm", "\(state.path)/staging/\(try #require(try state.staged().first))")
    expect(try state.undoInPlace(pair.pairs), 32775)
    expect(try state.rollback(pair.one.recovery, options: ["--discard"]), 0)
    expect(try state.undoInPlace(pair.pairs), 0)
    #expect(try pair.isNew)
    #expect(try state.point()["Before"]["State"].text == "Inconsistent")
  }

  @Test("more than may differ: 32775, nothing written, and what is there stays Consistent")
  func tooMuch() throws {
    let pair = try UndonePair()
    let state = pair.state
    expect(try state.resync(pair.pairs), 0)
    try pair.makeOld()
    let report = try state.undoInPlace(pair.pairs, ["--max-difference", "1M"])
    expect(report, 32775)
    #expect(report.message.contains("nothing was written"), "\(report)")
    #expect(try pair.isOld)
    try state.expect("Consistent")
    try state.expectNothingKept()
  }

  @Test("a running primary is refused with the way to have it: 32770")
  func running() throws {
    let pair = try TestPair(differing: .images)
    let state = try StateDirectory()
    let report = try state.undoInPlace([(pair.primary, pair.recovery)], ["--source", "running"])
    expect(report, 32770)
    #expect(report.message.contains("--write-back staged --recovery-point undo"), "\(report)")
    try pair.expectUntouched()
  }

  @Test("ended in order after its first write, it says the way back")
  func ended() throws {
    let pair = try FaultPair()
    let state = try StateDirectory()
    try pair.recovery.tell("fail write * EIO")
    let report = try state.undoInPlace([(pair.primary.node, pair.recovery.node)])
    expect(report, 32768)
    #expect(report.notes.contains("vmresync rollback \(pair.recovery.node) --state-dir"), "\(report)")
    #expect(try state.states() == ["Inconsistent"])
    try pair.recovery.tell("clear")
    expect(try state.rollback(pair.recovery.node), 0)
    #expect(areEqual(try pair.recovery.bytes(), FaultPair.old))
    try state.expectNothingKept()
  }

  @Test(
    "what cannot be read has no way back: 32768 before anything is written", arguments: Side.allCases,
    [[], ["--on-read-error", "record"]])
  func unreadable(_ side: Side, _ options: [String]) throws {
    let pair = try FaultPair()
    let state = try StateDirectory()
    try pair.tell(side, "fail read \(FaultPair.difference.offset + 4096)+4096 EIO")
    let report = try state.undoInPlace([(pair.primary.node, pair.recovery.node)], options)
    expect(report, 32768)
    #expect(report["BytesWritten"].int == 0)
    #expect(try pair.recovery.log().allSatisfy { $0.kind != .write })
    try state.expect("Never")
    try state.expectNothingKept()
  }

  @Test(
    "what the primary holds since its pair was compared is not written: the way back stays",
    arguments: [400_000, 3 << 20 + 100])
  func moved(_ place: Int) throws {
    let one = try FaultPair()
    let two = try UndonePair(.images)
    let state = two.state
    let pairs = [(one.primary.node, one.recovery.node), (two.one.primary, two.one.recovery)]
    let run = try Command.start(state.undoInPlaceWords(pairs, ["--parallel", "1"]))
    try one.recovery.stalling("write *") {
      // Both are compared; the second is not written yet.
      try two.one.primaryImage.write([0x77, 0x78, 0x79], at: UInt64(place))
    }
    let report = try Report(run.wait())
    expect(report, 32768)
    #expect(report.message.contains("somebody has written to it"), "\(report)")
    #expect(try state.states() == ["Inconsistent"])
    expect(try state.rollback(one.recovery.node), 0)
    #expect(areEqual(try one.recovery.bytes(), FaultPair.old))
    #expect(areEqual(try two.one.recoveryImage.bytes(), two.old.one))
  }

  @Test(
    "somebody writes to a disk whose pair is compared, before anything is written: 32768, and nothing is",
    arguments: Side.allCases)
  func writtenBefore(_ side: Side) throws {
    let one = try FaultPair()
    let two = try FaultPair()
    let state = try StateDirectory()
    let pairs = [(one.primary.node, one.recovery.node), (two.primary.node, two.recovery.node)]
    let run = try Command.start(state.undoInPlaceWords(pairs, ["--parallel", "1"]))
    try two.recovery.stalling("read \(FaultPair.difference.offset)+4096") { try write(to: one.node(side)) }
    let report = try Report(run.wait())
    expect(report, 32768)
    #expect(report.message.contains("wrote 4096 bytes"), "\(report)")
    #expect(report["BytesWritten"].int == 0)
    try state.expect("Never")
    try state.expectNothingKept()
    #expect(areEqual(try two.recovery.bytes(), FaultPair.old))
  }

  @Test("somebody writes to a recovery beside what the run writes: Inconsistent, and no way back: 32775")
  func writtenMeanwhile() throws {
    let one = try FaultPair()
    let two = try FaultPair()
    let state = try StateDirectory()
    let pairs = [(one.primary.node, one.recovery.node), (two.primary.node, two.recovery.node)]
    let run = try Command.start(state.undoInPlaceWords(pairs, ["--parallel", "1"]))
    try one.recovery.stalling("write *") { try write(to: two.recovery.node) }
    let report = try Report(run.wait())
    expect(report, 32768)
    #expect(try state.states() == ["Inconsistent"])
    let held = (try one.recovery.bytes(), try two.recovery.bytes())
    let back = try state.rollback(one.recovery.node)
    expect(back, 32775)
    #expect(back.message.contains("somebody wrote"), "\(back)")
    #expect(areEqual(try one.recovery.bytes(), held.0))
    #expect(areEqual(try two.recovery.bytes(), held.1))
    // Nor does the next run lose what is kept.
    expect(try state.undoInPlace(pairs), 32775)
    #expect(try state.staged().count == 1)
    expect(try state.resync(pairs), 0)
    #expect(areEqual(try two.recovery.bytes(), FaultPair.bytes))
  }

  private func write(to path: String) throws {
    let node = try OwnedDescriptor(opening: FilePath(path), .readWrite)
    try node.write([UInt8](repeating: 0x77, count: 4096), at: 1 << 20)
    try node.synchronizeData()
    try node.close()
  }
}
