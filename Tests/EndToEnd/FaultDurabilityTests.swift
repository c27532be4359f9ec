import Testing

@testable import DeviceResync

/// PITFALLS C6, C7, D4, D5, D6: what was written, and what the disk makes of it.
@Suite("what a disk keeps", .ownPlace, .tags(.devices, .slow)) struct FaultDurabilityTests {
  @Test("a power cut right after return value 0 loses nothing", arguments: [[], ["--verify"]])
  func cut(_ options: [String]) throws {
    let pair = try FaultPair()
    expect(try pair.run(.resync, options), 0)
    try pair.recovery.tell("cut")
    #expect(areEqual(try pair.recovery.bytes(), FaultPair.bytes))
  }

  @Test("a torn write ends with 32768 and its whole range, and the next run makes it whole")
  func torn() throws {
    let pair = try FaultPair()
    try pair.recovery.tell("tear \(FaultPair.difference.offset + 20000) EIO times 1")
    let report = try pair.run()
    expect(report, 32768)
    let error = report.pair()["Errors"][0]
    #expect(error["Offset"].int == Int(FaultPair.difference.offset))
    #expect(error["Length"].int == Int(FaultPair.difference.length))
    let torn = try #require(try pair.recovery.log().first { $0.kind == .write })
    #expect(torn.moved == 20000)
    #expect(torn.outcome == "EIO")
    // The part that landed is no byte written: nobody knows of it.
    #expect(report["BytesWritten"].int == 0)
    #expect(try pair.recovery.log().last?.kind == .sync)
    try pair.expectHealing()
  }

  @Test("what a failed run has written is no worse than mixed after a power cut", arguments: 1...8)
  func cutAfterFailure(_ seed: Int) throws {
    let pair = try FaultPair()
    for block in 0..<8 { try pair.recovery.write([9, 9, 9], at: UInt64(block * 8192 + (1 << 20))) }
    try pair.recovery.tell("settle\nfail write \(FaultPair.difference.offset)+4096 EIO times 1")
    expect(try pair.run(), 32768)
    try pair.recovery.tell("cut \(seed)")
    try pair.expectHealing()
  }

  @Test("a write of which only a part lands is no success")
  func shortWrite() throws {
    let pair = try FaultPair()
    try pair.recovery.tell("short write \(FaultPair.difference.offset)+4096 8192 times 1")
    let report = try pair.run(.resync, ["--verify"])
    expect(report, 32768)
    // Linux 6.18's loop makes EIO of it; one that took it for whole would be found out by reading back.
    #expect(["write", "verify"].contains(report.pair()["Errors"][0]["Attempt"].text))
    #expect(try pair.recovery.log().first { $0.kind == .write }?.moved == 8192)
    try pair.expectHealing()
  }

  @Test("the one flush that fails ends the run with 32768, although another would succeed")
  func failedFlush() throws {
    let pair = try FaultPair()
    let run = try pair.start()
    try pair.recovery.stalling("write *") {
      try pair.recovery.tell("fail sync * EIO times 1")
    }
    let report = try Report(run.wait())
    expect(report, 32768)
    let error = report.pair()["Errors"][0]
    #expect(error["Attempt"].text == "flush")
    #expect(error["Errno"].text == "EIO")
    #expect(error["Side"].text == "recovery")
    #expect(report.message.contains("mixed"))
    try pair.expectHealing()
  }

  @Test(
    "whichever flush fails, of either side, the run does not end in 0", arguments: [Side.primary, .recovery])
  func anyFlush(_ side: Side) throws {
    var number = 0
    while true {
      let pair = try FaultPair()
      try pair.tell(side, "fail sync * EIO skip \(number) times 1")
      let report = try pair.run()
      if try pair.statistics(side).sync.failed == 0 {
        expect(report, 0)
        break
      }
      expect(report, 32768)
      #expect(report.pair()["Errors"][0]["Side"].text == side.name, "the flush number \(number)")
      try pair.expectHealing()
      number += 1
    }
    #expect(number > 0)
  }

  @Test("a disk that lies about its flush is not found out by reading back; the next run mends it")
  func lie() throws {
    let pair = try FaultPair()
    try pair.recovery.tell("lie on")
    expect(try pair.run(.resync, ["--verify"]), 0)
    try pair.recovery.tell("cut")
    #expect(areEqual(try pair.recovery.bytes(), FaultPair.old))
    try pair.recovery.tell("lie off")
    try pair.expectHealing()
  }
}
