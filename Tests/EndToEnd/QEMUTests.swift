import SystemPackage
import Testing

@testable import DeviceResync

@Suite("QEMU on the recovery is 32774", .ownPlace, .tags(.devices, .slow)) struct QEMUTests {
  /// QEMU with the disk open for writing, its processor stopped.
  static func machine(_ path: String, locking: String) throws -> Child {
    let drive =
      "driver=raw,node-name=disk,file.driver=\(path.hasPrefix("/dev/") ? "host_device" : "file"),file.filename=\(path),file.locking=\(locking)"
    let child = try Child([
      "qemu-system-x86_64", "-S", "-display", "none", "-nodefaults", "-machine", "pc,accel=tcg", "-m", "32",
      "-blockdev", drive, "-device", "virtio-blk-pci,drive=disk", "-serial", "null", "-monitor", "stdio",
    ])
    try child.waitUntilItSays("(qemu)", within: 60)
    return child
  }

  /// qemu-io with the disk open for writing until its input ends.
  static func io(_ path: String, locking: String) throws -> Child {
    let driver = path.hasPrefix("/dev/") ? "host_device" : "file"
    let child = try Child([
      "bash", "-c", #"exec qemu-io --image-opts "$1" < <(echo length; cat)"#, "bash",
      "driver=raw,file.driver=\(driver),file.filename=\(path),file.locking=\(locking)",
    ])
    try child.waitUntilItSays("iB")
    return child
  }

  @Test(
    "a machine or qemu-io, with locks and without, on an image or a loop", arguments: ["on", "off"],
    Form.allCases)
  func inUse(_ locking: String, _ form: Form) throws {
    let pair = try TestPair(differing: form)
    for user in ["qemu-io", "qemu-system-x86"] {
      let qemu =
        user == "qemu-io"
        ? try Self.io(pair.recovery, locking: locking) : try Self.machine(pair.recovery, locking: locking)
      let report = try Command.json(.resync, pair.primary, pair.recovery)
      expect(report, 32774)
      #expect(
        report.evidence("processes").contains("pid \(qemu.id) (\(user))"), "\(report.evidence("processes"))")
      if locking == "on" { #expect(report.verdict("locks")["ReturnValue"].int == 32774) }
      let compared = try Command.json(.compare, pair.primary, pair.recovery)
      expect(compared, 0, status: 1)
    }
    try pair.expectUntouched()
  }

  @Test("QEMU on the image behind a named loop", arguments: ["on", "off"])
  func behindLoop(_ locking: String) throws {
    let pair = try TestPair(differing: .imageToLoop)
    let qemu = try Self.io(pair.recoveryImage.path, locking: locking)
    let report = try Command.json(.resync, pair.primary, pair.recovery)
    expect(report, 32774)
    #expect(report.evidence("processes").contains("pid \(qemu.id) (qemu-io)"))
    try pair.expectUntouched()
  }

  @Test(
    "a machine that runs on the primary: 32775, and with --source running a copy that is no point in time")
  func primary() throws {
    let pair = try TestPair(differing: .images)
    let qemu = try Self.machine(pair.primary, locking: "on")
    let refused = try Command.json(.resync, pair.primary, pair.recovery)
    expect(refused, 32775)
    #expect(refused.evidence("source").contains("pid \(qemu.id) (qemu-system-x86)"))
    #expect(refused.evidence("source").contains("QEMU's write lock"))
    expect(try Command.json(.resync, pair.primary, pair.recovery, ["--source", "running"]), 0, status: 22)
  }
}
