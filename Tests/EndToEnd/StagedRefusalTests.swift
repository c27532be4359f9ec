import SystemPackage
import Testing

@testable import DeviceResync

@Suite("a staged run is refused", .ownPlace, .tags(.devices, .slow)) struct StagedRefusalTests {
  @Test(
    "more differs than --max-difference allows: 32775, before the commit", arguments: ["0%", "4K", "25%"])
  func maxDifference(_ limit: String) throws {
    let state = try StateDirectory()
    let bytes = randomBytes(64 << 10, seed: 1)
    var other = bytes
    for place in 0..<20 << 10 { other[place] ^= 1 }
    let pair = try TestPair(bytes, other)
    let report = try state.resync(pair.primary, pair.recovery, ["--max-difference", limit])
    expect(report, 32775)
    #expect(report["BytesWritten"].int == 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), other))
    try state.expect("Never")
    expect(try state.resync(pair.primary, pair.recovery, ["--max-difference", "20K"]), 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), bytes))
  }

  @Test("a state directory that a reboot takes away: 32773")
  func volatilePlace() throws {
    let pair = try TestPair(differing: .images)
    let place = Place.ours("state")
    try tool("mkdir", place)
    let script = #"mount -t tmpfs -o mode=0700 none "$1" && shift && exec "$@""#
    let report = try Command.json(
      .resync, pair.primary, pair.recovery, ["--write-back", "staged", "--state-dir", place],
      through: ["unshare", "--mount", "--propagation", "private", "bash", "-c", script, "bash", place])
    expect(report, 32773)
    #expect(report.message.contains("tmpfs"), "\(report)")
    try pair.expectUntouched()
  }

  @Test(
    "a state directory that is not root's alone: 32769", arguments: [["chmod", "0777"], ["chown", "65534"]])
  func foreignPlace(_ change: [String]) throws {
    let state = try StateDirectory()
    try tool(change[0], change[1], state.path)
    let pair = try TestPair(differing: .images)
    expect(try state.resync(pair.primary, pair.recovery), 32769)
    try pair.expectUntouched()
    #expect(try state.staged() == [])
    expect(try state.repair(pair.recovery), 32769)
  }

  @Test("a link in its place: 32773")
  func linkedPlace() throws {
    let state = try StateDirectory("elsewhere")
    try tool("ln", "--symbolic", state.path, Place.ours("link"))
    let pair = try TestPair(differing: .images)
    let options = ["--write-back", "staged", "--state-dir", Place.ours("link")]
    expect(try Command.json(.resync, pair.primary, pair.recovery, options), 32773)
    try pair.expectUntouched()
  }

  @Test("the way back, after the way there: 32775")
  func reversed() throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: .images)
    expect(try state.resync(pair.primary, pair.recovery), 0)
    try pair.recoveryImage.write([1, 2, 3], at: 70_000)
    let before = try pair.primaryImage.bytes()
    let report = try state.resync(pair.recovery, pair.primary)
    expect(report, 32775)
    #expect(areEqual(try pair.primaryImage.bytes(), before))
    try state.expect("Consistent")
  }

  @Test("a primary that is the recovery of an unfinished commit: 32775 with the way out")
  func unfitPrimary() throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: .images)
    _ = try state.leaveApplying(pair.primary, pair.recovery)
    let third = try Image("third", size: 1 << 20)
    let report = try state.resync(pair.recovery, third.path)
    expect(report, 32775)
    #expect(report.message.contains("Applying") && report.message.contains("vmresync repair"), "\(report)")
    #expect(areEqual(try third.bytes(), [UInt8](repeating: 0, count: 1 << 20)))
    // Another primary for the same recovery: the commit is finished first.
    expect(try state.resync(third.path, pair.recovery), 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), try third.bytes()))
    #expect(try state.staged() == [])
  }
}
