import Testing

@testable import DeviceResync

/// PITFALLS D1, D2, D13 and appendix A, with the errnos that a loop passes on.
@Suite("errors of a disk", .ownPlace, .tags(.devices, .slow)) struct FaultErrorTests {
  /// What a run makes of an errno.
  struct Row: Sendable, CustomTestStringConvertible {
    let errno: String
    let value: Int
    var message = ""
    /// Whether it is a sector's fault: what cannot be read is found exactly.
    var isUnreadable: Bool { ["EIO", "ENODATA", "EREMOTEIO", "EILSEQ"].contains(errno) }
    var testDescription: String { errno }
  }

  static let rows = [
    Row(errno: "EIO", value: 32768, message: "Input/output error"),
    Row(errno: "ENODATA", value: 32768, message: "unreadable sectors"),
    Row(errno: "EREMOTEIO", value: 32768, message: "the target reported an error"),
    Row(errno: "EILSEQ", value: 32768, message: "the integrity check failed"),
    Row(errno: "ENOSPC", value: 32768, message: "the pool or file system below is full"),
    Row(errno: "ENOMEM", value: 32768),
    Row(errno: "EBUSY", value: 32768),
    Row(errno: "EINVAL", value: 32770),
    Row(errno: "ETIMEDOUT", value: 32772),
    Row(errno: "ETIME", value: 32772),
    Row(errno: "EBADE", value: 32774, message: "another host has reserved it"),
    Row(errno: "ENOLINK", value: 32777, message: "the path to the device is gone"),
    Row(errno: "ENODEV", value: 32777),
  ]

  /// What is short for a moment.
  static let shortages = ["ENOMEM", "EBUSY", "ENOLINK"]

  @Test(
    "a read that fails ends the run with its value, and names side, device and range",
    arguments: rows, [Side.primary, .recovery])
  func read(_ row: Row, _ side: Side) throws {
    let pair = try FaultPair()
    let bad = FaultPair.difference.offset + 4096
    try pair.tell(side, "fail read \(bad)+4096 \(row.errno)")
    let report = try pair.run(.resync, ["--chunk-size", "64K"])
    try expectError(report, row, "read", side, pair.node(side))
    let error = report.pair()["Errors"][0]
    let offset = try #require(error["Offset"].int)
    let length = try #require(error["Length"].int)
    guard row.isUnreadable else {
      #expect(offset <= Int(bad) && Int(bad) + 4096 <= offset + length && length <= 65536, "\(report)")
      return try expectNothingWritten(pair)
    }
    #expect(offset == Int(bad) && length == 4096, "\(report)")
    if side == .primary { return try expectNothingWritten(pair) }
    // It counted as different and was written; that healed nothing, as was found out by reading it back.
    #expect(report.pair()["Notes"].array.contains { $0.text?.contains("counts as different") == true })
    #expect(report["BytesWritten"].int == Int(FaultPair.difference.length))
  }

  private func expectNothingWritten(_ pair: borrowing FaultPair) throws {
    #expect(
      try pair.recovery.log().allSatisfy { $0.kind == .sync || !$0.range.overlaps(FaultPair.difference) })
  }

  @Test("a write that fails ends the run with its value, and names exactly its range", arguments: rows)
  func write(_ row: Row) throws {
    let pair = try FaultPair()
    try pair.recovery.tell("fail write \(FaultPair.difference.offset + 4096)+4096 \(row.errno)")
    let report = try pair.run()
    try expectError(report, row, "write", .recovery, pair.recovery.node)
    let error = report.pair()["Errors"][0]
    #expect(error["Offset"].int == Int(FaultPair.difference.offset))
    #expect(error["Length"].int == Int(FaultPair.difference.length))
    #expect(report["BytesWritten"].int == 0)
  }

  private func expectError(
    _ report: Report, _ row: Row, _ attempt: String, _ side: Side, _ node: String
  ) throws {
    expect(report, row.value)
    #expect(report.pair()["ReturnValue"].int == row.value)
    #expect(report["Identical"].bool != true)
    let error = report.pair()["Errors"][0]
    #expect(error["Errno"].text == row.errno, "\(report)")
    #expect(error["Attempt"].text == attempt)
    #expect(error["Side"].text == side.name)
    #expect(error["Device"].text == node)
    for part in [node, side.name, row.errno, row.message] where !part.isEmpty {
      #expect(report.message.contains(part), "no \(part) in \(report.message)")
    }
  }

  @Test("a shortage that passes is no error", arguments: shortages)
  func shortage(_ errno: String) throws {
    let pair = try FaultPair()
    for side in [Side.primary, .recovery] {
      try pair.tell(side, "fail read \(FaultPair.difference.offset)+4096 \(errno) times 3")
    }
    try pair.recovery.tell("fail write * \(errno) times 3")
    expect(try pair.run(), 0)
    #expect(try pair.primary.statistics().read.failed == 3)
    #expect(try pair.recovery.statistics().read.failed == 3)
    #expect(try pair.recovery.statistics().write.failed == 3)
    #expect(areEqual(try pair.recovery.bytes(), FaultPair.bytes))
  }

  @Test("a refused operation ends in 32770, or in 0 where the kernel's ring has repeated it until it passed")
  func notSupported() throws {
    let pair = try FaultPair()
    // A ring repeats what ends in EOPNOTSUPP, without an end (Linux 927069c4ac2c, 6.18 and stable kernels of
    // 2025): a disk that says so for good is met by a timeout only.
    try pair.primary.tell("fail read \(FaultPair.difference.offset)+4096 EOPNOTSUPP times 2")
    let report = try pair.run()
    expect(report, report.value == 0 ? 0 : 32770)
    try pair.expectHealing()
  }

  @Test("whatever write fails, the run fails, and the next one makes the recovery whole", arguments: 0..<6)
  func anyWrite(_ number: Int) throws {
    let pair = try FaultPair()
    // Six runs of blocks that differ, so that there are six writes.
    for block in 0..<5 { try pair.recovery.write([0, 1, 2, 3], at: UInt64(block * 8192 + (1 << 20))) }
    try pair.recovery.tell("settle\nfail write * EIO skip \(number) times 1")
    let report = try pair.run()
    expect(report, 32768)
    #expect(report.message.contains("mixed") == (report["BytesWritten"].int != 0))
    try pair.expectHealing()
  }

  @Test("an unreadable block that no run needs to read harms nobody")
  func elsewhere() throws {
    let pair = try FaultPair()
    try pair.primary.tell("fail write * EIO\nfail discard * EIO")
    try pair.recovery.tell("fail discard * EOPNOTSUPP\nfail write \(FaultPair.difference.end)+4096 EIO")
    expect(try pair.run(), 0)
    #expect(areEqual(try pair.recovery.bytes(), FaultPair.bytes))
  }
}
