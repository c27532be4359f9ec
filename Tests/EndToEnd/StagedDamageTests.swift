import SystemPackage
import Testing

@testable import DeviceResync

@Suite("an unfinished commit that cannot be finished", .ownPlace, .tags(.devices, .slow))
struct StagedDamageTests {
  /// What happened to the staging file.
  enum Damage: CaseIterable { case removed, flippedHeader, flippedData, truncated, empty }

  private func damage(_ file: Image, _ damage: Damage) throws {
    let size = try file.status().size
    switch damage {
    case .removed: try tool("rm", file.path)
    case .flippedHeader: try flip(file, at: 40)
    // The one record's block is the last of what holds data.
    case .flippedData: try flip(file, at: try #require(try lastData(of: file)))
    case .truncated: try file.resize(to: size - 4096)
    case .empty: try file.resize(to: 0)
    }
  }

  private func flip(_ file: Image, at offset: UInt64) throws {
    try file.write([try file.bytes(1, at: offset)[0] ^ 0x10], at: offset)
  }

  private func lastData(of file: Image) throws -> UInt64? {
    try file.bytes().lastIndex { $0 != 0 }.map(UInt64.init)
  }

  @Test(
    "for want of its staging file: 32775, nothing written, Inconsistent, healed by a run",
    arguments: Damage.allCases)
  func damagedStaging(_ kind: Damage) throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: .images)
    let file = try state.leaveApplying(pair.primary, pair.recovery)
    try damage(file, kind)
    let report = try state.repair(pair.recovery)
    expect(report, 32775)
    #expect(report.message.contains(pair.recovery) && report.message.contains(file.path))
    #expect(report.message.contains("vmresync repair"), "\(report)")
    #expect(try state.states() == ["Inconsistent"])
    try pair.expectUntouched()
    #expect(try state.staged().count == (kind == .removed ? 0 : 1), "nothing is dropped")
    expect(try state.repair(pair.recovery), 32775)

    // The recovery may not be read from.
    let third = try Image("third", size: 1 << 20)
    expect(try state.resync(pair.recovery, third.path), 32775)
    expect(try state.resync(pair.primary, pair.recovery), 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
    try state.expect("Consistent")
  }

  @Test(
    "for want of its record: 32775 by a run and by repair, nothing written, nothing dropped, healed with the record",
    arguments: ["", "{}", #"{"FormatVersion": 2}"#, "half", "seal", "gone"])
  func damagedRecord(_ content: String) throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: .images)
    _ = try state.leaveApplying(pair.primary, pair.recovery)
    let name = try #require(
      try directoryNames(FilePath("\(state.path)/states")).first { $0.hasSuffix(".json") })
    let record = Image(at: "\(state.path)/states/\(name)")
    let bytes = try record.bytes()
    var damaged = Array(content.utf8)
    switch content {
    case "half": damaged = Array(bytes.prefix(bytes.count / 2))
    case "seal":
      // A number that is another one: the staging file is not what it says was committed.
      damaged = Array(
        String(decoding: bytes, as: UTF8.self).replacing(#""Records" : 1,"#, with: #""Records" : 2,"#).utf8)
      try #require(damaged != bytes)
    default: break
    }
    try record.resize(to: 0)
    try record.write(damaged, at: 0)
    if content == "gone" { try tool("rm", record.path) }
    for _ in 0..<2 {
      expect(try state.repair(pair.recovery), 32775)
      if content != "seal" { expect(try state.resync(pair.primary, pair.recovery), 32775) }
      try pair.expectUntouched()
      #expect(try state.staged().count == 1)
    }
    if content == "gone" { _ = try Image("state/states/\(name)", bytes) }
    try record.resize(to: 0)
    try record.write(bytes, at: 0)
    try tool("chmod", "0600", record.path)
    expect(try state.repair(pair.recovery), 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
    try state.expect("Consistent")
  }

  @Test("a run meets it as repair does, and the next one heals it")
  func metByRun() throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: .loops)
    try damage(state.leaveApplying(pair.primary, pair.recovery), .removed)
    expect(try state.resync(pair.primary, pair.recovery), 32775)
    try pair.expectUntouched()
    #expect(try state.states() == ["Inconsistent"])
    expect(try state.resync(pair.primary, pair.recovery), 0)
    try state.expect("Consistent")
  }

  @Test("given up, and the staging file comes back: repair finishes it")
  func stagingComesBack() throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: .images)
    let file = try state.leaveApplying(pair.primary, pair.recovery)
    try tool("mv", file.path, Place.ours("aside"))
    expect(try state.repair(pair.recovery), 32775)
    try tool("mv", Place.ours("aside"), file.path)
    expect(try state.repair(pair.recovery), 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
    try state.expect("Consistent")
  }

  @Test("somebody writes under a staged block: 32775, and nothing is written")
  func foreignWrite() throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: .images)
    _ = try state.leaveApplying(pair.primary, pair.recovery)
    try pair.recoveryImage.write([0x55], at: 4200)
    let before = try pair.recoveryImage.bytes()
    for _ in 0..<2 {
      let report = try state.repair(pair.recovery)
      expect(report, 32775)
      #expect(report.message.contains("somebody wrote"), "\(report)")
      #expect(areEqual(try pair.recoveryImage.bytes(), before))
      #expect(try state.staged().count == 1)
    }
    // Whoever says that it is of no worth gives the commit up.
    let options = ["--state-dir", state.path, "--initial"]
    let report = try Command.json(.resync, pair.primary, pair.recovery, options)
    expect(report, 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
    try state.expect("Consistent")
  }

  @Test("somebody writes beside the staged blocks: the proof finds it, 32768 and Inconsistent")
  func foreignWriteBeside() throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: .images)
    _ = try state.leaveApplying(pair.primary, pair.recovery)
    try pair.recoveryImage.write([0x55], at: 500_000)
    expect(try state.repair(pair.recovery), 32768)
    #expect(try state.states() == ["Inconsistent"])
    expect(try state.resync(pair.primary, pair.recovery), 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
    try state.expect("Consistent")
  }

  @Test("another disk under the recovery's name is not written")
  func anotherDisk() throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: .images)
    _ = try state.leaveApplying(pair.primary, pair.recovery)
    try tool("mv", pair.recovery, Place.ours("aside"))
    let other = try Image("recovery", randomBytes(1 << 20, seed: 9))
    // It is nobody's that is known.
    expect(try state.repair(other.path), 0)
    #expect(areEqual(try other.bytes(), randomBytes(1 << 20, seed: 9)))
    #expect(try state.states() == ["Applying"])
    // The disk by the name that it has now.
    expect(try state.repair(Place.ours("aside")), 0)
    #expect(areEqual(try other.bytes(), randomBytes(1 << 20, seed: 9)))
    #expect(areEqual(try Image(at: Place.ours("aside")).bytes(), try pair.primaryImage.bytes()))
    try state.expect("Consistent")
  }

  @Test(
    "recoveries that have changed their names: 32775, and nothing is written; named both, each gets its own")
  func swappedDisks() throws {
    let state = try StateDirectory()
    let one = try TestPair(differing: .images)
    let bytes = randomBytes(1 << 20, seed: 3)
    let two = try TestPair(bytes, bytes.map { ~$0 }, name: "2")
    _ = try state.leaveApplying([(one.primary, one.recovery), (two.primary, two.recovery)])
    try tool("mv", one.recovery, Place.ours("aside"))
    try tool("mv", two.recovery, one.recovery)
    try tool("mv", Place.ours("aside"), two.recovery)
    let before = (try one.recoveryImage.bytes(), try two.recoveryImage.bytes())
    for path in [one.recovery, two.recovery] {
      let report = try state.repair(path)
      expect(report, 32775)
      #expect(report.message.contains("does not lead to the disk that was being written"), "\(report)")
      #expect(areEqual(try one.recoveryImage.bytes(), before.0))
      #expect(areEqual(try two.recoveryImage.bytes(), before.1))
      #expect(try state.states() == ["Applying"])
    }
    expect(try state.repair(one.recovery, two.recovery), 0)
    #expect(areEqual(try one.recoveryImage.bytes(), bytes))
    #expect(areEqual(try two.recoveryImage.bytes(), try one.primaryImage.bytes()))
    try state.expect("Consistent")
  }

  @Test("an older staging file, or another pair's, in the place of the committed one: 32775, nothing written")
  func foreignStaging() throws {
    let pair = try TestPair(differing: .images)
    let other = try TestPair(differing: .images, name: "2")
    var strangers: [Image] = []
    for (name, pair) in [
      ("older", (pair.primary, pair.recovery)), ("other", (other.primary, other.recovery)),
    ] {
      let state = try StateDirectory("state-" + name)
      try tool("cp", "--preserve=mode", try state.leaveApplying([pair]).path, Place.ours(name))
      strangers.append(Image(at: Place.ours(name)))
    }
    let state = try StateDirectory()
    let file = try state.leaveApplying(pair.primary, pair.recovery)
    let committed = try file.bytes()
    for stranger in strangers {
      try tool("cp", stranger.path, file.path)
      let report = try state.repair(pair.recovery)
      expect(report, 32775)
      #expect(report.message.contains("it is of other disks or another run"), "\(report)")
      try pair.expectUntouched()
    }
    try file.resize(to: 0)
    try file.write(committed, at: 0)
    expect(try state.repair(pair.recovery), 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
    try state.expect("Consistent")
  }
}
