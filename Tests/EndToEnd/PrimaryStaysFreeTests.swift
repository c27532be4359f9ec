import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// PITFALLS B16; each is tried while a run is stopped on its way.
@Suite("nothing waits for a run", .ownPlace, .tags(.devices, .slow)) struct PrimaryStaysFreeTests {
  /// An ext4 file system on a sparse disk, and its twin.
  private func images() throws -> (primary: Image, recovery: Image) {
    let primary = try Image("primary", size: LongRun.size)
    try tool("mkfs.ext4", "-q", primary.path)
    let recovery = Image(at: Place.ours("recovery"))
    try tool("cp", "--sparse=always", primary.path, recovery.path)
    return (primary, recovery)
  }

  @Test(
    "the primary can be mounted, opened exclusively and started by QEMU",
    arguments: [Operation.compare, .resync])
  func primary(_ operation: Operation) throws {
    let images = try images()
    // The first block differs, so that a resync has written.
    try images.recovery.write([1], at: 0)
    let primary = try NamedLoop(images.primary.path)
    let recovery = try NamedLoop(images.recovery.path)
    let options = operation == .resync ? inPlace : []
    let report = try LongRun(operation, primary.node, recovery.node, options).stopped {
      try use(primary.node)
    }
    // Somebody has written to the primary: the run notices.
    if operation == .resync {
      #expect(report.value != 0, "\(report)")
      #expect(report["BytesWritten"].int ?? 0 >= 4096)
    } else {
      #expect(report.value == 0)
      #expect(report.pair()["PointInTime"].bool == false)
    }
  }

  @Test("so can a primary that is an image", arguments: [Operation.compare, .resync])
  func primaryImage(_ operation: Operation) throws {
    let images = try images()
    let report = try LongRun(operation, images.primary.path, images.recovery.path).stopped {
      let loop = try NamedLoop(images.primary.path)
      try use(loop.node)
      let qemu = try QEMUTests.io(images.primary.path, locking: "on")
      _ = qemu.id
    }
    #expect(
      operation == .resync ? report.value != 0 : report.pair()["PointInTime"].bool == false, "\(report)")
  }

  @Test("and the recovery of a compare, which also locks nothing")
  func recoveryOfCompare() throws {
    let images = try images()
    let primary = try NamedLoop(images.primary.path)
    let recovery = try NamedLoop(images.recovery.path)
    let report = try LongRun(.compare, primary.node, recovery.node).stopped {
      for path in [primary.node, recovery.node, images.primary.path, images.recovery.path] {
        let file = try OwnedDescriptor(opening: FilePath(path), .readOnly)
        #expect(try !file.isLockedByOthers(ByteRange(offset: 0, length: 1 << 40)), "\(path)")
        try file.lockExclusively()
      }
      try use(recovery.node)
    }
    #expect(report.value == 0)
    #expect(report.pair()["PointInTime"].bool == false)
  }

  @Test(
    "the recovery of a resync that has written cannot be claimed, mounted or started",
    arguments: Form.allCases)
  func recoveryOfResync(_ form: Form) throws {
    let images = try images()
    try images.recovery.write([1], at: 0)
    let loop = form == .loops || form == .imageToLoop ? try NamedLoop(images.recovery.path) : nil
    let recovery = TestPair.path(loop, images.recovery)
    let report = try LongRun(.resync, images.primary.path, recovery, inPlace).stopped {
      let qemu = try Child(["qemu-io", "-f", "raw", "-c", "length", recovery]).wait()
      #expect(qemu.status != 0 && qemu.error.contains("lock"), "\(qemu)")
      let reader = try Child(["qemu-io", "-r", "-f", "raw", "-c", "length", recovery]).wait()
      #expect(reader.status != 0 && reader.error.contains("lock"), "\(reader)")
      if recovery.hasPrefix("/dev/") {
        #expect(throws: Errno.resourceBusy) {
          _ = try OwnedDescriptor(opening: FilePath(recovery), [.readWrite, .claim])
        }
        let mount = try Child(["unshare", "--mount", "mount", recovery, "/mnt"]).wait()
        #expect(mount.status != 0)
      }
      let again = try Command.json(.resync, images.primary.path, recovery)
      expect(again, 32774)
      #expect(again.evidence("processes").contains("vmresync"))
    }
    expect(report, 0)
    #expect(report["BytesWritten"].int == 4096)
    _ = TestPair.path(loop, images.recovery)
  }

  /// Mounts it, opens it exclusively, and lets QEMU open it for writing, one after the other.
  private func use(_ node: String) throws {
    do {
      let mount = try Child.mounting(node, at: Place.ours("mnt"))
      _ = mount.id
    }
    // The mount ends with its process's namespace, a moment later.
    let isFree = eventually(within: 5) {
      (try? OwnedDescriptor(opening: FilePath(node), [.readWrite, .claim])) != nil
    }
    #expect(isFree, "an exclusive open of \(node)")
    let qemu = try Child(["qemu-io", "-f", "raw", "-c", "length", node]).wait()
    #expect(qemu.status == 0, "\(qemu)")
  }
}
