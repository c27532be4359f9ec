import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("a staged run", .ownPlace, .tags(.devices, .slow)) struct StagedTests {
  @Test("writes what differs, proves every byte and leaves no staging file", arguments: Form.allCases)
  func ordinary(_ form: Form) throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: form)
    let report = try state.resync(pair.primary, pair.recovery)
    expect(report, 0)
    #expect(report["BytesWritten"].int == 4096)
    #expect(report["BytesVerified"].int == 1 << 20)
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
    try state.expect("Consistent")

    let again = try state.resync(pair.primary, pair.recovery)
    expect(again, 0)
    #expect(again["BytesWritten"].int == 0)
    #expect(again["BytesCompared"].int == 1 << 20)
    try state.expect("Consistent")
    let idle = try state.repair(pair.recovery)
    expect(idle, 0)
    #expect(idle.message == "nothing was left unfinished")
  }

  @Test("an image's last bytes, beyond its device, are staged with the rest", arguments: [1, 511])
  func tails(_ tail: Int) throws {
    let state = try StateDirectory()
    let bytes = randomBytes(1 << 20 + tail, seed: 1)
    var other = bytes
    other[other.count - 1] ^= 1
    for (recovery, written) in [(other, tail), (bytes.map { ~$0 }, bytes.count)] {
      let pair = try TestPair(bytes, recovery, name: "\(written)")
      let report = try state.resync(pair.primary, pair.recovery)
      expect(report, 0)
      #expect(report["BytesWritten"].int == written)
      #expect(report["BytesVerified"].int == bytes.count)
      #expect(areEqual(try pair.recoveryImage.bytes(), bytes))
      #expect(try state.staged() == [])
    }
  }

  @Test(
    "logical blocks of 4096 bytes on either side",
    arguments: [(UInt32(4096), UInt32(4096)), (512, 4096), (4096, 512)])
  func largeBlocks(_ primary: UInt32, _ recovery: UInt32) throws {
    let state = try StateDirectory()
    let bytes = randomBytes(1 << 20, seed: 2)
    var other = bytes
    for place in stride(from: 0, to: other.count, by: 12288) { other[place] ^= 1 }
    let pair = try TestPair(bytes, other, .loops, blockSizes: (primary, recovery))
    let report = try state.resync(pair.primary, pair.recovery)
    expect(report, 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), bytes))
    try state.expect("Consistent")
  }

  @Test("everything differs, zeros too, over more than one segment")
  func everything() throws {
    let state = try StateDirectory()
    var bytes = randomBytes(9 << 20, seed: 3)
    for place in 2 << 20..<3 << 20 { bytes[place] = 0 }
    let pair = try TestPair(bytes, randomBytes(9 << 20, seed: 4))
    let report = try state.resync(pair.primary, pair.recovery)
    expect(report, 0)
    #expect(report["BytesWritten"].int == 9 << 20)
    #expect(areEqual(try pair.recoveryImage.bytes(), bytes))
    try state.expect("Consistent")
  }

  @Test("a state directory named from where one stands")
  func relativePath() throws {
    _ = try StateDirectory()
    let pair = try TestPair(differing: .images)
    let report = try Command.json(
      .resync, pair.primary, pair.recovery, ["--write-back", "staged", "--state-dir", "state"],
      through: ["env", "--chdir", Place.ours.path])
    expect(report, 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
  }

  @Test("pairs of one call have one commit and one record")
  func pairs() throws {
    let state = try StateDirectory()
    let one = try TestPair(differing: .images)
    let bytes = randomBytes(2 << 20, seed: 5)
    let two = try TestPair(bytes, bytes.map { ~$0 }, .loops, name: "2")
    let equal = try TestPair(bytes, bytes, .imageToLoop, name: "3")
    let report = try state.resync([
      (one.primary, one.recovery), (two.primary, two.recovery), (equal.primary, equal.recovery),
    ])
    expect(report, 0)
    #expect((0..<3).map { report.pair($0)["BytesWritten"].int } == [4096, 2 << 20, 0])
    #expect(areEqual(try one.recoveryImage.bytes(), try one.primaryImage.bytes()))
    #expect(areEqual(try two.recoveryImage.bytes(), bytes))
    #expect(areEqual(try equal.recoveryImage.bytes(), bytes))
    try state.expect("Consistent")
    #expect(try state.records()[0]["Pairs"].array.count == 3)
  }

  @Test("a running source gives a Fuzzy recovery and exit 22")
  func running() throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: .loops)
    let writer = try Child.holding(pair.primary)
    let report = try state.resync(pair.primary, pair.recovery, ["--source", "running"])
    expect(report, 0, status: 22)
    try state.expect("Fuzzy")
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
    writer.endInput()
  }

  @Test("a read error on one pair leaves all recoveries as they were")
  func readError() throws {
    let state = try StateDirectory()
    let first = try Image("first", size: LongRun.size)
    let bytes = randomBytes(4 << 20, seed: 6)
    let bad = try TestPair(bytes, bytes.map { ~$0 }, .loops, name: "bad")
    try first.write([1], at: 5000)
    let recovery = try Image("second", size: LongRun.size)
    let run = try LongRun(
      .resync, first.path, recovery.path,
      ["--primary", bad.primary, "--recovery", bad.recovery, "--parallel", "1"] + state.options)
    // The first pair is being compared: no guard meets it.
    let report = try run.stopped { try bad.primaryImage.resize(to: 1 << 20) }
    #expect(report.value == 32768, "\(report)")
    #expect(report["BytesWritten"].int == 0)
    #expect(report.message.contains("EIO"), "\(report)")
    #expect(try recovery.bytes(1, at: 5000) == [0])
    #expect(areEqual(try bad.recoveryImage.bytes(), bytes.map { ~$0 }))
    try state.expect("Never")
  }

  @Test(
    "SIGTERM before the commit: 21, the recovery as before; repair drops what was staged",
    arguments: [SIGTERM, SIGINT])
  func terminated(_ number: CInt) throws {
    let state = try StateDirectory()
    let primary = try Image("primary", size: LongRun.size)
    for place in stride(from: UInt64(0), to: 64 << 20, by: 1 << 20) {
      try primary.write(randomBytes(512, seed: place), at: place)
    }
    let recovery = try Image("recovery", size: LongRun.size)
    let run = try LongRun(.resync, primary.path, recovery.path, state.options)
    #expect(try state.states() == ["Resynchronizing"])
    #expect(try state.staged().count == 1)
    run.child.signal(number)
    let report = try run.finish()
    expect(report, 32768, status: 21)
    #expect(report["BytesWritten"].int == 0)
    #expect(!report.message.contains("mixed"))
    #expect(try state.states() == ["Resynchronizing"])
    #expect(try state.records()[0]["Consistency"]["Before"]["State"].text == "Never")
    expect(try state.repair(recovery.path), 0)
    try state.expect("Never")
    #expect(areEqual(try recovery.bytes(64 << 20, at: 0), [UInt8](repeating: 0, count: 64 << 20)))
  }
}
