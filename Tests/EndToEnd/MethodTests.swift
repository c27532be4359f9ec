import SystemPackage
import Testing

@testable import DeviceResync

/// Issue 5: `Resynchronize(ComputerSystem, StartTime, out Job)`, through the command and through the library.
@Suite("the method", .ownPlace, .tags(.devices, .slow)) struct MethodTests {
  /// Expects the value from both, and a job from neither.
  private func expectBoth(
    _ value: Int, _ systems: SystemPair, system: String = "web01", start: String? = nil,
    through wrapper: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let options = start.map { ["--start-time", $0] } ?? []
    let report = try systems.run(.resync, options, system: system, through: wrapper)
    expect(report, value, sourceLocation: sourceLocation)
    #expect(report["Job"] == .null, "\(report)", sourceLocation: sourceLocation)
    let method = try systems.method(system, start, through: wrapper)
    #expect(method.value == value && method.job == nil, "\(method)", sourceLocation: sourceLocation)
  }

  @Test("0: both are identical then, and the command's record is named in its result")
  func completed() throws {
    let pair = try TestPair(differing: .loops)
    let systems = try SystemPair(pair.primary, pair.recovery)
    let report = try systems.run(.resync)
    expect(report, 0)
    #expect(report["Job"] == .null && report["JobRecord"]["InstanceID"].text?.count == 36, "\(report)")
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
    try pair.primaryImage.write([1, 2, 3], at: 70000)
    let method = try systems.method()
    #expect(method.value == 0 && method.job == nil, "\(method)")
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
  }

  @Test("4096 and a job: for a time ahead; nothing is written before it")
  func scheduled() throws {
    let pair = try TestPair(differing: .loops)
    let systems = try SystemPair(pair.primary, pair.recovery)
    let report = try systems.run(.resync, ["--start-time", "00000000010000.000000:000"])
    #expect(report.value == 4096 && report.status == 0, "\(report)")
    let job = try #require(report["Job"]["InstanceID"].text)
    #expect(report["StartTime"].text?.count == 25 && report["JobRecord"] == .missing, "\(report)")
    let method = try systems.method("web01", "00000000010000.000000:000")
    #expect(method.value == 4096 && method.job?.count == 36, "\(method)")
    let ended = try Command.run("job", "terminate", job)
    #expect(ended.status == 0, "\(ended)")
    try pair.expectUntouched()
  }

  @Test("what is refused has its value, and no job, and nothing is written")
  func refused() throws {
    let pair = try TestPair(differing: .loops)
    let systems = try SystemPair(pair.primary, pair.recovery)
    try expectBoth(32771, systems, through: ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"])
    try expectBoth(32773, systems, start: "20000101000000.000000+000")
    try expectBoth(32775, systems, system: "replica")
    try expectBoth(32776, systems, start: "tomorrow")
    try expectBoth(32777, systems, system: "web02")
    try expectBoth(32778, systems, through: injecting("io_uring_setup:error=ENOMEM"))
    let holder = try Child.holding(pair.recovery)
    try expectBoth(32774, systems)
    holder.endInput()
    try pair.expectUntouched()
    try tool("blockdev", "--setro", pair.recovery)
    try expectBoth(32769, systems)
    try tool("blockdev", "--setrw", pair.recovery)
    try pair.primaryImage.resize(to: 1 << 19)
    try expectBoth(32768, systems)
  }

  @Test("32770 for a container, 32773 for one disk on both sides, 32779 for one that is not there")
  func disks() throws {
    let bytes = randomBytes(1 << 20, seed: 3)
    let primary = try Image("primary", [0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3] + bytes.dropFirst(8))
    let recovery = try Image("recovery", bytes)
    try expectBoth(32770, SystemPair(primary.path, recovery.path))
    try tool("rm", Place.ours("pair.toml"))
    let loop = try NamedLoop(recovery.path)
    try expectBoth(32773, SystemPair(loop.node, recovery.path))
    try tool("rm", Place.ours("pair.toml"))
    try expectBoth(32779, SystemPair(Place.ours("nothing"), recovery.path))
    #expect(areEqual(try recovery.bytes(), bytes))
  }

  @Test("32772: a disk that does not answer, by the configured time")
  func stalled() throws {
    let pair = try FaultPair()
    let systems = try SystemPair(
      pair.primary.node, pair.recovery.node, defaults: "stall-timeout = \"2s\"")
    let stall = "stall read \(FaultPair.difference.offset)+4096"
    try pair.primary.tell(stall)
    defer { _ = try? pair.primary.tell("release") }
    expect(try systems.run(.resync), 32772)
    _ = try pair.primary.tell("release")
    try pair.primary.tell(stall)
    let method = try systems.method()
    #expect(method.value == 32772 && method.job == nil, "\(method)")
  }
}
