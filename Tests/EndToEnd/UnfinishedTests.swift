import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("what a stopped run has left", .ownPlace, .tags(.devices, .slow)) struct UnfinishedTests {
  /// A commit that is Inconsistent for want of its staging file, which is there again.
  private func giveUp(_ state: StateDirectory, _ pair: borrowing TestPair) throws {
    let file = try state.leaveApplying(pair.primary, pair.recovery)
    try tool("mv", file.path, Place.ours("aside"))
    expect(try state.repair(pair.recovery), 32775)
    try tool("mv", Place.ours("aside"), file.path)
    #expect(try state.states() == ["Inconsistent"])
  }

  @Test("other runs keep the staging file of a commit that was given up, while a later run is unfinished too")
  func keptByOthers() throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: .images)
    try giveUp(state, pair)
    // A run that dies before it has compared.
    let ended = try Command.start(
      state.words([(pair.primary, pair.recovery)]), through: killing("fsync", 1, on: "\(state.path)/staging")
    ).wait()
    #expect(ended.wasKilled, "\(ended)")
    #expect(try state.states() == ["Resynchronizing"])

    let other = try TestPair(differing: .images, name: "2")
    expect(try state.resync(other.primary, other.recovery), 0)
    try pair.expectUntouched()
    let report = try state.repair(pair.recovery)
    expect(report, 0)
    #expect(report.message.contains("as before"), "\(report)")
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
    #expect(try state.states() == ["Consistent", "Consistent"])
    #expect(try state.staged() == [])
  }

  @Test("a commit that a killed run has left in memory only is made durable before the first write")
  func commitsAgain() throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: .images)
    _ = try state.leaveApplying(pair.primary, pair.recovery)
    let ended = try Command.start(
      ["repair", "--state-dir", state.path, pair.recovery],
      through: killing("fsync", 1, on: "\(state.path)/states")
    ).wait()
    #expect(ended.wasKilled, "\(ended)")
    try pair.expectUntouched()
    expect(try state.repair(pair.recovery), 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
    try state.expect("Consistent")
  }

  @Test("a commit of a running source is finished also where the clock was set back since it began")
  func clockSetBack() throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: .images)
    let ended = try Command.start(
      state.words([(pair.primary, pair.recovery)]) + ["--source", "running"],
      through: killing("fsync", 2, on: "\(state.path)/states")
    ).wait()
    #expect(ended.wasKilled, "\(ended)")
    try #require(try state.states() == ["Applying"])
    let later = #"s/"Began" : "[^"]*"/"Began" : "2999-01-01T00:00:00Z"/"#
    try tool("bash", "-c", #"sed --in-place "$1" "$0"/states/*.json"#, state.path, later)
    expect(try state.repair(pair.recovery), 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
    try state.expect("Fuzzy")
  }

  @Test(
    "a final state that a killed run has left in memory only is made durable before its staging file goes")
  func sweepsLast() throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: .images)
    let folder = "\(state.path)/states"
    let words = state.words([(pair.primary, pair.recovery)])
    #expect(try Command.start(words, through: killing("fsync", 3, on: folder)).wait().wasKilled)
    #expect(try state.states() == ["Consistent"])
    #expect(try state.staged().count == 1)
    for words in [words, ["repair", "--state-dir", state.path, pair.recovery]] {
      #expect(try Command.start(words, through: killing("fsync", 1, on: folder)).wait().wasKilled)
      #expect(try state.staged().count == 1)
    }
    expect(try state.repair(pair.recovery), 0)
    try state.expect("Consistent")
  }

  @Test("what was given up is not written over what a run of more pairs has brought since")
  func superseded() throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: .images)
    try giveUp(state, pair)
    // The primary goes back to what the recovery holds, where they differed, and on elsewhere.
    try pair.primaryImage.write(try pair.recoveryImage.bytes(4096, at: 4096), at: 4096)
    try pair.primaryImage.write([1, 2, 3], at: 300_000)
    let other = try TestPair(differing: .images, name: "2")
    expect(try state.resync([(pair.primary, pair.recovery), (other.primary, other.recovery)]), 0)
    let report = try state.repair(pair.recovery)
    expect(report, 0)
    #expect(report.message == "nothing was left unfinished")
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
  }

  @Test(
    "after a restart a disk that was left Applying, and is not known again, is not read under its old name")
  func formerBoot() throws {
    let state = try StateDirectory()
    let primary = try Image("primary", randomBytes(1 << 20, seed: 8))
    let disk = try FaultDisk(randomBytes(1 << 20, seed: 9))
    _ = try state.leaveApplying(primary.path, disk.node)
    try tool(
      "bash", "-c",
      #"sed --in-place 's/boot-[0-9a-f-]\{36\}/boot-11111111-2222-4333-8444-555555555555/' "$0"/states/*.json"#,
      state.path)
    try tool("rm", "--recursive", "\(state.path)/disks")
    try tool("mkdir", "--mode=0700", "\(state.path)/disks")
    let third = try Image("third", size: 1 << 20)
    let report = try state.resync(disk.node, third.path)
    expect(report, 32775)
    #expect(report.message.contains("before the host started again"), "\(report)")
    #expect(areEqual(try third.bytes(), [UInt8](repeating: 0, count: 1 << 20)))
  }

  @Test("somebody wrote to the second of two recoveries: neither is written")
  func foreignWriteOnSecond() throws {
    let state = try StateDirectory()
    let one = try TestPair(differing: .images)
    let two = try TestPair(differing: .loops, name: "2")
    _ = try state.leaveApplying([(one.primary, one.recovery), (two.primary, two.recovery)])
    try two.recoveryImage.write([0x55], at: 4200)
    let report = try state.repair(one.recovery)
    expect(report, 32775)
    #expect(report.message.contains("somebody wrote"), "\(report)")
    try one.expectUntouched()
    #expect(try state.states() == ["Applying"])
  }

  @Test(
    "somebody writes to a recovery that is applied already while another is being: 32768, Inconsistent",
    arguments: [false, true])
  func foreignWriteOnFirst(repairing: Bool) throws {
    let state = try StateDirectory()
    let one = try TestPair(differing: .loops)
    let bytes = randomBytes(1 << 20, seed: 8)
    let primary = try Image("second", bytes)
    let disk = try FaultDisk(bytes.map { ~$0 })
    let pairs = [(one.primary, one.recovery), (primary.path, disk.node)]
    if repairing { _ = try state.leaveApplying(pairs) }
    // One after the other, or the first may not be read back yet.
    let run = try Command.start(
      (repairing ? ["repair", "--json", "--state-dir", state.path, one.recovery] : state.words(pairs))
        + ["--parallel", "1"])
    try disk.stalling("write *") {
      let node = try OwnedDescriptor(opening: FilePath(one.recovery), .readWrite)
      try node.write([0x77], at: 900_000)
      try node.synchronizeData()
    }
    let report = try Report(run.wait())
    expect(report, 32768)
    #expect(report.message.contains("somebody else wrote"), "\(report)")
    #expect(try state.states() == ["Inconsistent"])
    expect(try state.resync(pairs), 0)
    #expect(areEqual(try one.recoveryImage.bytes(), try one.primaryImage.bytes()))
    try state.expect("Consistent")
  }

  @Test(
    "a write error that the next run meets again leaves it Inconsistent, and a run from the primary heals it")
  func writeErrors() throws {
    let state = try StateDirectory()
    let bytes = randomBytes(1 << 20, seed: 8)
    let primary = try Image("primary", bytes)
    let disk = try FaultDisk(bytes.map { ~$0 })
    try disk.tell("fail write 65536+4096 EIO")
    for left in ["Applying", "Inconsistent"] {
      let report = try state.resync(primary.path, disk.node)
      expect(report, 32768)
      #expect(report.message.contains("EIO"), "\(report)")
      #expect(try state.states() == [left])
      #expect(try state.staged().count == 1)
    }
    try disk.tell("clear")
    expect(try state.resync(primary.path, disk.node), 0)
    #expect(areEqual(try disk.bytes(), bytes))
    try state.expect("Consistent")
  }
}
