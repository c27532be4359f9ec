import SystemPackage
import Testing

@testable import DeviceResync

@Suite("access is denied with 32769", .ownPlace, .tags(.devices)) struct AccessTests {
  @Test("to others than root", arguments: Operation.allCases)
  func notRoot(_ operation: Operation) throws {
    let pair = try TestPair(differing: .images)
    let report = try Command.json(
      operation, pair.primary, pair.recovery,
      through: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    expect(report, 32769)
    #expect(report.verdict("privilege")["Remedy"].text == "run it with sudo")
  }

  @Test("to a recovery on a read-only loop; compare needs no writing")
  func readOnlyLoop() throws {
    let images = try TestPair(differing: .images)
    let loop = try NamedLoop(images.recovery, readOnly: true)
    expect(try Command.json(.plan, images.primary, loop.node), 32769)
    expect(try Command.json(.resync, images.primary, loop.node), 32769)
    expect(try Command.json(.compare, images.primary, loop.node), 0, status: 1)
  }

  @Test("to a recovery that was set read-only")
  func setReadOnly() throws {
    let images = try TestPair(differing: .images)
    let loop = try NamedLoop(images.recovery)
    try loop.setReadOnly(true)
    let report = try Command.json(.resync, images.primary, loop.node)
    try loop.setReadOnly(false)
    expect(report, 32769)
    #expect(report.message.contains("blockdev --setrw \(loop.node)") || report.message.contains("losetup"))
  }

  @Test("to an immutable image")
  func immutable() throws {
    let pair = try TestPair(differing: .images)
    try tool("chattr", "+i", pair.recovery)
    let report: Report
    do {
      report = try Command.json(.resync, pair.primary, pair.recovery)
    } catch {
      try tool("chattr", "-i", pair.recovery)
      throw error
    }
    try tool("chattr", "-i", pair.recovery)
    expect(report, 32769)
    #expect(report.message.contains("chattr -i \(pair.recovery)"))
  }

  @Test("to an image on a file system that is mounted read-only")
  func readOnlyFileSystem() throws {
    let pair = try TestPair(differing: .images)
    let directory = Place.ours("mirror")
    try tool("mkdir", directory)
    let script = #"mount --bind "$1" "$2" && mount -o remount,bind,ro "$2" && shift 2 && exec "$@""#
    let report = try Command.json(
      .resync, pair.primary, "\(directory)/recovery",
      through: [
        "unshare", "--mount", "--propagation", "private", "bash", "-c", script, "bash", Place.ours.path,
        directory,
      ])
    expect(report, 32769)
  }
}
