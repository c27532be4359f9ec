import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("the state of a run in place", .ownPlace, .tags(.devices, .slow)) struct InPlaceStateTests {
  private func resync(
    _ pair: borrowing TestPair, _ options: [String] = inPlace, through wrapper: [String] = []
  ) throws
    -> Report
  {
    try Command.json(.resync, pair.primary, pair.recovery, options, through: wrapper)
  }

  @Test("Consistent at its end, with its direction and figures", arguments: Form.allCases)
  func ordinary(_ form: Form) throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: form)
    let report = try resync(pair)
    expect(report, 0)
    #expect(report.pair()["WriteBack"].text == "in-place")
    try state.expect("Consistent")
    #expect(try state.records()[0]["CompletedRuns"][0]["BytesDifferent"].int == 4096)
    #expect(report.pair()["Consistency"]["State"].text == "Consistent")
    let shown = try JSONValue(parsing: Command.run("devices", "--json", pair.primary, pair.recovery).output)
    let remembered = (shown["Devices"].array + shown["Images"].array).map { $0["Remembered"] }
    #expect(remembered.contains { $0["Consistency"]["State"].text == "Consistent" }, "\(shown)")
    #expect(remembered.contains { $0["PrimaryOf"].int == 1 })
    let table = try Command.run("devices", pair.primary, pair.recovery).output
    #expect(table.contains("recovery, Consistent at") && table.contains("primary"), "\(table)")
    let back = try Command.json(.resync, pair.recovery, pair.primary, inPlace)
    expect(back, 32775)
    #expect(back.verdict("direction")["Verdict"].text == "refused")
  }

  @Test("Inconsistent from before the first write; the next run heals it in place, by itself")
  func killed() throws {
    let state = try StateDirectory()
    // Only the tail differs, so that the one write is a call that can be seen.
    let bytes = randomBytes(1 << 20 + 100, seed: 1)
    var other = bytes
    other[1 << 20] ^= 1
    let pair = try TestPair(bytes, other)
    let words = Operation.resync.words(pair.primary, pair.recovery, inPlace)
    let ended = try Command.start(words, through: killing("pwrite64", 1, on: pair.recovery)).wait()
    #expect(ended.wasKilled, "\(ended)")
    try state.expect("Inconsistent")
    #expect(areEqual(try pair.recoveryImage.bytes(), other))

    // The kernel detaches what the killed run had attached.
    _ = eventually(within: 10) { !isAttached(pair.primary) && !isAttached(pair.recovery) }
    let onward = try Command.json(.resync, pair.recovery, Image("third", other).path)
    expect(onward, 32775)
    #expect(onward.message.contains("Inconsistent since"), "\(onward)")

    let repaired = try state.repair(pair.recovery)
    expect(repaired, 32775)
    #expect(repaired.message.contains("vmresync resync --primary"), "\(repaired)")

    let plan = try Command.json(.plan, pair.primary, pair.recovery)
    #expect(plan.verdict("state")["Reason"].text?.contains("Inconsistent since") == true, "\(plan)")
    let report = try resync(pair, [])
    expect(report, 0)
    #expect(report.pair()["WriteBack"].text == "in-place")
    #expect(areEqual(try pair.recoveryImage.bytes(), bytes))
    try state.expect("Consistent")
  }

  @Test("what a run leaves that was killed before it wrote is as it was")
  func killedBefore() throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: .images)
    // The second replacement is that of the mark.
    let words = Operation.resync.words(pair.primary, pair.recovery, inPlace)
    let ended = try Command.start(words, through: killing("renameat", 2, on: "\(state.path)/states")).wait()
    #expect(ended.wasKilled, "\(ended)")
    try state.expect("Resynchronizing")
    try pair.expectUntouched()
    let repaired = try state.repair(pair.recovery)
    expect(repaired, 0)
    #expect(repaired.message.contains("had written nothing"), "\(repaired)")
    try state.expect("Never")
    expect(try resync(pair), 0)
    try state.expect("Consistent")
  }

  @Test("a run that finds nothing different never says Inconsistent")
  func equal() throws {
    let state = try StateDirectory()
    let pair = try TestPair(randomBytes(1 << 20, seed: 2), randomBytes(1 << 20, seed: 2))
    let words = Operation.resync.words(pair.primary, pair.recovery, inPlace)
    let ended = try Command.start(words, through: killing("renameat", 3, on: "\(state.path)/states")).wait()
    // Resynchronizing and Consistent are the only two states.
    #expect(ended.status == 0, "\(ended)")
    try state.expect("Consistent")
  }

  @Test(
    "without a state directory that can be written nothing is begun: 32769",
    arguments: RunRequest.WriteBack.allCases)
  func readOnly(_ writeBack: RunRequest.WriteBack) throws {
    let pair = try TestPair(differing: .images)
    try tool("mkdir", "--mode=0700", Place.ours("ro"))
    let script = """
      mount -t tmpfs -o ro none "$1" && shift && exec "$@"
      """
    let report = try Command.json(
      .resync, pair.primary, pair.recovery,
      ["--write-back", writeBack.rawValue, "--state-dir", Place.ours("ro/state")],
      through: [
        "unshare", "--mount", "--propagation", "private", "bash", "-c", script, "bash", Place.ours("ro"),
      ])
    expect(report, 32769)
    try pair.expectUntouched()
  }

  @Test("a blank image, and what --initial says is of no worth, are written in place by themselves")
  func blank() throws {
    let bytes = randomBytes(1 << 20, seed: 3)
    let primary = try Image("primary", bytes)
    let recovery = try Image("recovery", size: 1 << 20)
    let report = try Command.json(.resync, primary.path, recovery.path)
    expect(report, 0)
    #expect(report.pair()["WriteBack"].text == "in-place")
    #expect(areEqual(try recovery.bytes(), bytes))
    let other = try Image("other", randomBytes(1 << 20, seed: 4))
    let plan = try Command.run("plan", "--primary", primary.path, "--recovery", other.path)
    #expect(plan.output.contains("staged, then committed together"), "\(plan)")
    let initial = try Command.json(.resync, primary.path, other.path, ["--initial"])
    expect(initial, 0)
    #expect(initial.pair()["WriteBack"].text == "in-place")
    #expect(areEqual(try other.bytes(), bytes))
  }

  @Test("more differs than --max-difference allows: 32775, Inconsistent, not in a first run")
  func maxDifference() throws {
    let state = try StateDirectory()
    let bytes = randomBytes(1 << 20, seed: 5)
    let pair = try TestPair(bytes, bytes.map { ~$0 })
    expect(try resync(pair, inPlace + ["--max-difference", "1%"]), 0)
    for place in stride(from: 0, to: 1 << 20, by: 8192) {
      try pair.recoveryImage.write([0], at: UInt64(place))
    }
    let report = try resync(pair, inPlace + ["--max-difference", "64K"])
    expect(report, 32775)
    #expect(report["BytesWritten"].int == 64 << 10, "\(report)")
    #expect(report.message.contains("--max-difference 100%"))
    try state.expect("Inconsistent")
    #expect(report.pair()["Consistency"]["State"].text == "Inconsistent")
    expect(try resync(pair, ["--max-difference", "100%"]), 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), bytes))
    try state.expect("Consistent")
  }
}
