import Testing

@testable import DeviceResync

/// PITFALLS D2, D3, G11: what cannot be read, in every way of writing.
@Suite("what a disk cannot read", .ownPlace, .tags(.devices, .slow)) struct FaultReadTests {
  /// Unreadable bytes of 512-byte blocks: in the difference, beside it, and at a border of chunks.
  static let bad = [
    ByteRange(offset: FaultPair.difference.offset + 4608, length: 512),
    ByteRange(offset: FaultPair.difference.end + 4096, length: 12288),
    ByteRange(offset: (3 << 20) - 1024, length: 2048),
  ]
  /// The blocks that hold them.
  static let blocks = [
    ByteRange(offset: FaultPair.difference.offset + 4096, length: 4096), bad[1],
    ByteRange(offset: (3 << 20) - 4096, length: 8192),
  ]
  static let record = ["--on-read-error", "record"]

  private func failing(_ pair: borrowing FaultPair, _ side: Side) throws {
    let rules = Self.bad.map { "fail read \($0.offset)+\($0.length) EIO" }
    try pair.tell(side, rules.joined(separator: "\n"))
  }

  /// Expects that `report` lists exactly what is bad, and counts its blocks as unread.
  private func expectListed(_ report: Report, _ side: Side, _ node: String) {
    expect(report, 32768)
    let errors = report.pair()["Errors"].array.filter { $0["Attempt"].text == "read" }
    #expect(errors.compactMap { $0["Offset"].int } == Self.bad.map { Int($0.offset) }, "\(report)")
    #expect(errors.compactMap { $0["Length"].int } == Self.bad.map { Int($0.length) }, "\(report)")
    #expect(errors.allSatisfy { $0["Side"].text == side.name && $0["Device"].text == node })
    #expect(errors.allSatisfy { $0["Errno"].text == "EIO" && $0["ReturnValue"].int == 32768 })
    #expect(report.pair()["ErrorsOmitted"].int == 0)
    #expect(report["BytesUnread"].int == 24576)
    #expect(report["BytesCompared"].int == 4 << 20 - 24576)
    #expect(report["Identical"].bool != true)
    #expect(report.message.contains("24 KiB in blocks that could not be read were left out"), "\(report)")
  }

  @Test(
    "in place, recorded: all else is written, the recovery keeps its bytes there",
    arguments: [[], ["--verify"], ["--engine", "threads"]])
  func inPlace(_ options: [String]) throws {
    let pair = try FaultPair()
    // Other bytes on the recovery, so that what was left is told from what was equal.
    for block in Self.blocks {
      try pair.recovery.write([UInt8](repeating: 0xa5, count: Int(block.length)), at: block.offset)
    }
    try pair.recovery.tell("settle")
    let before = try pair.recovery.bytes()
    try failing(pair, .primary)
    let state = try StateDirectory()
    let report = try Command.json(
      .resync, pair.primary.node, pair.recovery.node,
      ["--write-back", "in-place", "--state-dir", state.path] + Self.record + options)
    expectListed(report, .primary, pair.primary.node)
    #expect(report.message.contains("mixed"))
    try state.expect("Inconsistent")
    #expect(report["BytesWritten"].int == Int(FaultPair.difference.length) - 4096)
    var expected = FaultPair.bytes
    for block in Self.blocks {
      let place = Int(block.offset)..<Int(block.end)
      expected.replaceSubrange(place, with: before[place])
    }
    try pair.recovery.tell("cut")
    #expect(areEqual(try pair.recovery.bytes(), expected))
    try pair.expectHealing()
  }

  @Test("staged, recorded: the whole list, and nothing is committed or written")
  func staged() throws {
    let state = try StateDirectory()
    let pair = try FaultPair()
    try failing(pair, .primary)
    let report = try state.resync(pair.primary.node, pair.recovery.node, Self.record)
    expectListed(report, .primary, pair.primary.node)
    #expect(report["BytesDifferent"].int == Int(FaultPair.difference.length) - 4096)
    #expect(report["BytesWritten"].int == 0)
    #expect(report.message.contains("nothing was written") && !report.message.contains("mixed"))
    #expect(try pair.recovery.log().allSatisfy { $0.kind == .sync })
    try state.expect("Never")
    // Nothing but what cannot be read: there is no commit of nothing either.
    expect(try pair.run(.resync, Self.record), 32768)
    let equal = try state.resync(pair.primary.node, pair.recovery.node, Self.record)
    #expect(equal["BytesDifferent"].int == 0, "\(equal)")
    expect(equal, 32768)
    try state.expect("Never")
    try pair.primary.tell("clear")
    expect(try state.resync(pair.primary.node, pair.recovery.node), 0)
    #expect(areEqual(try pair.recovery.bytes(), FaultPair.bytes))
    try state.expect("Consistent")
  }

  @Test("staged, of several pairs, one that cannot be read keeps all of them from being written")
  func severalPairs() throws {
    let state = try StateDirectory()
    let pair = try FaultPair()
    let other = try TestPair(differing: .images)
    try failing(pair, .primary)
    let report = try state.resync(
      [(other.primary, other.recovery), (pair.primary.node, pair.recovery.node)], Self.record)
    expect(report, 32768)
    #expect(report.pair(1)["Errors"].array.count == 3, "\(report)")
    #expect(report.pair(1)["ReturnValue"].int == 32768)
    try other.expectUntouched()
    try state.expect("Never")
  }

  @Test(
    "a compare lists what either side cannot read, and never says identical",
    arguments: [Side.primary, .recovery])
  func compared(_ side: Side) throws {
    let pair = try FaultPair()
    try pair.recovery.write(FaultPair.bytes, at: 0)
    try failing(pair, side)
    let report = try pair.run(.compare, Self.record)
    expectListed(report, side, pair.node(side))
    #expect(report.pair()["ProcessedByteLength"].int == 4 << 20 - 24576)
    #expect(report["BytesDifferent"].int == 0)

    let stopped = try pair.run(.compare)
    expect(stopped, 32768)
    #expect(stopped.pair()["Errors"].array.count == 1)
    #expect(stopped.pair()["Errors"][0]["Offset"].int == Int(Self.bad[0].offset))
    #expect(stopped.pair()["Errors"][0]["Length"].int == 512)
    #expect(stopped.pair()["Errors"][0]["Side"].text == side.name)
  }

  @Test("people read the list, and how much it is")
  func text() throws {
    let pair = try FaultPair()
    try failing(pair, .primary)
    let ended = try Command.run(
      "compare", "--on-read-error", "record", "--primary", pair.primary.node, "--recovery", pair.recovery.node
    )
    #expect(ended.status == 40)
    #expect(ended.output.contains("24 KiB unread"), "\(ended)")
    for bad in Self.bad {
      #expect(
        ended.output.contains(
          "error: could not read \(pair.primary.node) (the primary) at bytes \(bad.offset)–\(bad.end - 1): "
            + "Input/output error (EIO)"), "\(ended)")
    }
  }

  @Test(
    "a recovery that cannot be read is written, which heals it, and is read back", arguments: [[], record])
  func healed(_ options: [String]) throws {
    let pair = try FaultPair()
    try failing(pair, .recovery)
    let run = try pair.start(.resync, options)
    // The last of them: by then all of it was read.
    try pair.recovery.stalling("write \(3 << 20)+512") { try pair.recovery.tell("clear") }
    let report = try Report(run.wait())
    expectHealed(report)
    #expect((report["BytesVerified"].int ?? 0) >= 24576)
    #expect(areEqual(try pair.recovery.bytes(), FaultPair.bytes))
  }

  private func expectHealed(_ report: Report) {
    expect(report, 0)
    #expect(report.pair()["Errors"].array.isEmpty)
    // The block in the difference differs anyway.
    #expect(report["BytesDifferent"].int == Int(FaultPair.difference.length) + 20480, "\(report)")
    #expect(report["BytesWritten"].int == Int(FaultPair.difference.length) + 20480)
    #expect(report["BytesUnread"].int == 0)
    let notes = report.pair()["Notes"].array.compactMap(\.text)
    for bad in Self.bad { #expect(notes.contains { $0.contains("\(bad)") }, "\(report)") }
  }

  @Test("the same staged, with and without --verify", arguments: [[], ["--no-verify"]])
  func healedStaged(_ options: [String]) throws {
    let state = try StateDirectory()
    let pair = try FaultPair()
    try failing(pair, .recovery)
    let run = try Command.start(
      Operation.resync.words(pair.primary.node, pair.recovery.node, state.options + options))
    try pair.recovery.stalling("write *") { try pair.recovery.tell("clear") }
    let report = try Report(run.wait())
    expectHealed(report)
    #expect(report["BytesVerified"].int == 4 << 20)
    #expect(areEqual(try pair.recovery.bytes(), FaultPair.bytes))
    try state.expect("Consistent")
  }

  @Test("staged, writing that heals nothing is found out by reading back, and a repair finishes it")
  func notHealed() throws {
    let state = try StateDirectory()
    let pair = try FaultPair()
    try failing(pair, .recovery)
    let report = try state.resync(pair.primary.node, pair.recovery.node, ["--no-verify"])
    expect(report, 32768)
    let error = report.pair()["Errors"][0]
    #expect(error["Attempt"].text == "read" && error["Side"].text == "recovery", "\(report)")
    #expect(error["Offset"].int == Int(Self.bad[0].offset) && error["Length"].int == 512, "\(report)")
    #expect(try state.states() == ["Applying"])
    try pair.recovery.tell("clear")
    expect(try state.repair(pair.recovery.node), 0)
    #expect(areEqual(try pair.recovery.bytes(), FaultPair.bytes))
    try state.expect("Consistent")
  }

  @Test(
    "a stop after the commit: what could not be read then may hold anything at the replay, readable or not")
  func replayed() throws {
    for isReadable in [true, false] {
      let state = try StateDirectory("state\(isReadable)")
      let pair = try FaultPair()
      try failing(pair, .recovery)
      _ = try state.leaveApplying(pair.primary.node, pair.recovery.node)
      for bad in Self.bad {
        try pair.recovery.write([UInt8](repeating: 0x77, count: Int(bad.length)), at: bad.offset)
      }
      if isReadable { try pair.recovery.tell("clear") }
      let run = try Command.start(["repair", "--json", "--state-dir", state.path, pair.recovery.node])
      if !isReadable { try pair.recovery.stalling("write *") { try pair.recovery.tell("clear") } }
      expect(try Report(run.wait()), 0)
      #expect(areEqual(try pair.recovery.bytes(), FaultPair.bytes))
      try state.expect("Consistent")
    }
  }

  @Test("a dry run says what the run would write, unreadable recovery included")
  func dryRun() throws {
    let pair = try FaultPair()
    try failing(pair, .recovery)
    let report = try pair.run(.resync, ["--dry-run"])
    expect(report, 0, status: 1)
    #expect(report["BytesToWrite"].int == Int(FaultPair.difference.length) + 20480)
    #expect(report.pair()["Notes"].array.count == 3)
  }

  @Test("a read that fails now and then is repeated, and said")
  func passing() throws {
    let pair = try FaultPair()
    try pair.primary.tell("fail read \(Self.bad[0].offset)+512 EIO times 2")
    let report = try pair.run()
    expect(report, 0)
    #expect(
      report.pair()["Notes"].array.contains { $0.text?.contains("went through in smaller pieces") == true })
    #expect(areEqual(try pair.recovery.bytes(), FaultPair.bytes))
  }

  @Test("of more ranges than are listed the rest is counted")
  func omitted() throws {
    let pair = try FaultPair()
    let rules = (0..<1100).map { "fail read \((1 << 20) + $0 * 1024)+512 EIO" }
    for start in stride(from: 0, to: rules.count, by: 100) {
      try pair.primary.tell(rules[start..<min(rules.count, start + 100)].joined(separator: "\n"))
    }
    let report = try pair.run(.compare, Self.record + ["--chunk-size", "64K"])
    expect(report, 32768)
    #expect(report.pair()["Errors"].array.count == 1024)
    #expect(report.pair()["ErrorsOmitted"].int == 76)
    // Each alone, also where the next chunk's read lies beside it.
    #expect(report.pair()["Errors"].array.allSatisfy { $0["Length"].int == 512 })
    #expect(report["BytesUnread"].int == 1100 * 1024)
  }
}
