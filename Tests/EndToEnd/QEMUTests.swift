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

  @Test(
    "QEMU on the image behind a named loop, or a partition of one", arguments: ["on", "off"], [false, true])
  func behindLoop(_ locking: String, _ isPartition: Bool) throws {
    let disks = try Behind(size: 8 << 20, isPartition: isPartition)
    let qemu = try Self.io(disks.image.path, locking: locking)
    let report = try Command.json(.resync, disks.primary.path, disks.recovery)
    expect(report, 32774)
    #expect(report.evidence("processes").contains("pid \(qemu.id) (qemu-io)"))
    if locking == "on" { #expect(report.verdict("locks")["ReturnValue"].int == 32774) }
  }

  @Test(
    "QEMU is kept from the image behind a named loop, or a partition of one, from the first write on",
    arguments: [false, true])
  func keptOut(_ isPartition: Bool) throws {
    let disks = try Behind(size: LongRun.size, isPartition: isPartition)
    let image = disks.image.path
    let report = try LongRun(.resync, disks.primary.path, disks.recovery, inPlace).stopped {
      for options in [[], ["-r"], ["-r", "-U"]] as [[String]] {
        let words = ["qemu-io", "-f", "raw"] + options + ["-c", "read 0 512", image]
        let said = try Child(words).wait()
        #expect(said.status != 0 && said.error.contains("lock"), "\(options): \(said)")
      }
    }
    expect(report, 0)
    #expect(report.pair()["Notes"].array.isEmpty, "\(report)")
    #expect(try Child(["qemu-io", "-f", "raw", "-c", "read 0 512", image]).wait().status == 0)
  }

  @Test("a file behind a loop that no path leads to is said")
  func unguarded() throws {
    let disks = try Behind(size: 8 << 20, isPartition: false)
    try tool("mv", disks.image.path, Place.ours("moved"))
    let moved = try Command.json(.resync, disks.primary.path, disks.recovery)
    expect(moved, 0)
    #expect(moved.pair()["Notes"].array.isEmpty, "the kernel follows it")
    try tool("rm", Place.ours("moved"))
    let report = try Command.json(.resync, disks.primary.path, disks.recovery)
    expect(report, 0)
    #expect(
      report.pair()["Notes"][0].text?.contains("\(Place.ours("moved")) (deleted) leads elsewhere") == true)
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

/// A primary, and a recovery of its size behind a loop; its first block differs.
private struct Behind: ~Copyable {
  let primary: Image
  let image: Image
  let recovery: String
  private let loop: NamedLoop

  init(size: UInt64, isPartition: Bool) throws {
    let primary = try Image("primary", size: size)
    let image = try Image("recovery", size: size + (2 << 20))
    try primary.write([1], at: 0)
    var loop = try NamedLoop(image.path)
    if isPartition {
      recovery = try loop.addPartition(1, start: 1 << 20, length: size)
    } else {
      try image.resize(to: size)
      try loop.takeFilesSize()
      recovery = loop.node
    }
    self.primary = primary
    self.image = image
    self.loop = loop
  }
}
