import SystemPackage
import Testing

@testable import DeviceResync

/// What somebody does to the disks of a run that only the look at its end can find.
@Suite("users who come during a run", .ownPlace, .tags(.devices, .slow)) struct LateUserTests {
  @Test(
    "a write that is still in a node's page cache is found", arguments: [Side.primary, .recovery],
    [Operation.resync, .compare])
  func cachedWrite(_ side: Side, _ operation: Operation) throws {
    let images = (try Image("primary", size: LongRun.size), try Image("recovery", size: LongRun.size))
    let primary = try NamedLoop(images.0.path)
    let recovery = try NamedLoop(images.1.path)
    let node = side == .primary ? primary.node : recovery.node
    let report = try LongRun(operation, primary.node, recovery.node).stopped {
      // Of the part that was read already; our descriptors keep the last close from writing it back.
      try tool("bash", "-c", #"printf late | dd of="$1" conv=notrunc status=none"#, "bash", node)
    }
    if operation == .resync {
      expect(report, 32768)
      #expect(report.message.contains("wrote 4096 bytes"))
    } else {
      expect(report, 0)
      #expect(report.pair()["PointInTime"].bool == false)
    }
  }

  @Test("a loop that is attached to the recovery's image is found, though nobody has it open: 32774")
  func attachedLoop() throws {
    let primary = try Image("primary", size: LongRun.size)
    let recovery = try Image("recovery", size: LongRun.size)
    // Our own write, after which the image's times say nothing of others.
    try primary.write([1], at: LongRun.size - 1)
    let report = try LongRun(.resync, primary.path, recovery.path).stopped {
      try tool("losetup", "--find", recovery.path)
    }
    try tool("bash", "-c", #"losetup -j "$1" -n -O NAME | xargs losetup -d"#, "bash", recovery.path)
    expect(report, 32774)
    #expect(report.message.contains("was attached to it for writing"))
  }

  @Test("whoever opens the recovery again and again, and writes nothing, ends nothing")
  func passingOpeners() throws {
    let primary = try Image("primary", size: LongRun.size)
    let recoveryImage = try Image("recovery", size: LongRun.size)
    let recovery = try NamedLoop(recoveryImage.path)
    var visitor: Child?
    let report = try LongRun(.resync, primary.path, recovery.node).stopped {
      let child = try Child([
        "bash", "-c", #"echo ready; while :; do (exec 3<>"$1"); done"#, "bash", recovery.node,
      ])
      try child.waitUntilItSays("ready")
      visitor = consume child
    }
    _ = consume visitor
    expect(report, 0)
  }
}
