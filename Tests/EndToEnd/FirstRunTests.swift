import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("the first run of a pair", .ownPlace, .tags(.devices, .slow)) struct FirstRunTests {
  private func formatted(_ name: String, _ label: String) throws -> Image {
    let image = try Image(name, size: 8 << 20)
    try tool("mkfs.ext4", "-q", "-L", label, image.path)
    return image
  }

  @Test("a blank primary over a recovery with something on it: 32775, unless --blank-primary")
  func blankPrimary() throws {
    let primary = try Image("primary", size: 8 << 20)
    let recovery = try formatted("recovery", "guest")
    let before = try recovery.bytes()
    let report = try Command.json(.resync, primary.path, recovery.path)
    expect(report, 32775)
    #expect(report.message.contains("guest") && report.message.contains("--blank-primary"), "\(report)")
    #expect(areEqual(try recovery.bytes(), before))
    expect(try Command.json(.compare, primary.path, recovery.path), 0, status: 1)
    expect(try Command.json(.resync, primary.path, recovery.path, ["--initial"]), 32775)

    // A byte in the last MiB, and it is not blank.
    try primary.write([1], at: 8 << 20 - 1)
    expect(try Command.json(.plan, primary.path, recovery.path), 0)
    try primary.write([0], at: 8 << 20 - 1)

    expect(try Command.json(.resync, primary.path, recovery.path, ["--blank-primary"]), 0)
    #expect(areEqual(try recovery.bytes(), try primary.bytes()))
  }

  @Test("contents that disagree: 32775, unless --accept-content-change; never again after that")
  func contentChange() throws {
    let primary = try formatted("primary", "new")
    let recovery = try formatted("recovery", "old")
    let before = try recovery.bytes()
    let report = try Command.json(.resync, primary.path, recovery.path)
    expect(report, 32775)
    for word in ["new", "old", "--accept-content-change"] {
      #expect(report.message.contains(word), "\(report)")
    }
    #expect(areEqual(try recovery.bytes(), before))
    expect(try Command.json(.resync, primary.path, recovery.path, ["--accept-content-change"]), 0)
    // A guest that makes its file system anew cannot stop its own replication.
    try tool("mkfs.ext4", "-q", "-F", "-L", "newer", primary.path)
    expect(try Command.json(.resync, primary.path, recovery.path), 0)
    try tool("truncate", "--size=0", primary.path)
    try tool("truncate", "--size=\(8 << 20)", primary.path)
    expect(try Command.json(.resync, primary.path, recovery.path), 0)
    #expect(areEqual(try recovery.bytes(), try primary.bytes()))
  }

  @Test("on a terminal it is answered by typing the recovery's name", arguments: [true, false])
  func typed(_ rightly: Bool) throws {
    let primary = try formatted("primary", "new")
    let recovery = try formatted("recovery", "old")
    let before = try recovery.bytes()
    let words = Command.remembering([
      "resync", "--yes", "--primary", primary.path, "--recovery", recovery.path, "--progress", "none",
    ])
    let command = ([Command.path] + words).joined(separator: " ")
    let child = try Child(["script", "--quiet", "--flush", "--return", "--command", command, "/dev/null"])
    try child.waitUntilItSays("Type \(recovery.path) to go on: ")
    try child.say(rightly ? "\(recovery.path)\n" : "y\n")
    let ended = try child.wait()
    #expect(ended.status == (rightly ? 0 : 23), "\(ended)")
    #expect(areEqual(try recovery.bytes(), rightly ? try primary.bytes() : before))
  }
}
