import SystemPackage
import Testing

@testable import DeviceResync

/// With a terminal that script(1) makes: between the plan and the answer the world may change.
@Suite("the plan's question", .ownPlace, .tags(.devices, .slow)) struct TerminalTests {
  private func ask(_ primary: String, _ recovery: String, _ options: [String] = []) throws -> Child {
    let words = Command.remembering([
      "resync", "--primary", primary, "--recovery", recovery, "--progress", "none",
    ])
    let command = ([Command.path] + words + options).joined(separator: " ")
    let child = try Child(["script", "--quiet", "--flush", "--return", "--command", command, "/dev/null"])
    try child.waitUntilItSays("[y/N]")
    return child
  }

  @Test("is answered with yes: it writes")
  func yes() throws {
    let pair = try TestPair(differing: .images)
    let child = try ask(pair.primary, pair.recovery)
    #expect(try child.said().contains("WRITTEN"))
    try child.say("y\n")
    let ended = try child.wait()
    #expect(ended.status == 0, "\(ended)")
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
  }

  @Test(
    "is answered with anything else: 23, and nothing is written",
    arguments: ["n\n", "\n", "no\n", "Yes, please\n", "\u{4}"])
  func no(_ answer: String) throws {
    let pair = try TestPair(differing: .images)
    let child = try ask(pair.primary, pair.recovery)
    try child.say(answer)
    let ended = try child.wait()
    #expect(ended.status == 23, "\(ended)")
    try pair.expectUntouched()
  }

  @Test(
    "a path that leads elsewhere when the answer comes ends the run",
    arguments: ["link", "fifo", "directory", "file", "nothing"])
  func swapped(_ kind: String) throws {
    let pair = try TestPair(differing: .images)
    let victim = try Image("victim", randomBytes(1 << 20, seed: 99))
    let child = try ask(pair.primary, pair.recovery)
    try tool("mv", pair.recovery, Place.ours("moved"))
    switch kind {
    case "link": try tool("ln", "-s", victim.path, pair.recovery)
    case "fifo": try tool("mkfifo", pair.recovery)
    case "directory": try tool("mkdir", pair.recovery)
    case "file": try tool("cp", victim.path, pair.recovery)
    default: break
    }
    try child.say("y\n")
    let ended = try child.wait()
    #expect((40...51).contains(ended.status ?? 0), "\(ended)")
    #expect(areEqual(try victim.bytes(), randomBytes(1 << 20, seed: 99)))
    if kind == "file" { #expect(areEqual(try pair.recoveryImage.bytes(), randomBytes(1 << 20, seed: 99))) }
    try tool("rm", "-rf", pair.recovery)
    try tool("mv", Place.ours("moved"), pair.recovery)
    try pair.expectUntouched()
  }

  @Test("another file on the same loop when the answer comes: 32777, nothing written")
  func otherDisk() throws {
    let pair = try TestPair(differing: .loopToImage)
    let other = try Image("other", randomBytes(1 << 20, seed: 98))
    var loop: NamedLoop? = try NamedLoop(pair.recovery)
    let node = TestPair.path(loop, pair.recoveryImage)
    let child = try ask(pair.primary, node)
    loop = nil
    // The same number, as nobody else may be given it meanwhile.
    let isAttached = eventually(within: 5) { (try? tool("losetup", node, other.path)) != nil }
    try #require(isAttached)
    defer { _ = try? tool("losetup", "--detach", node) }
    try child.say("y\n")
    let ended = try child.wait()
    #expect(ended.status == 49, "\(ended)")
    #expect(areEqual(try other.bytes(), randomBytes(1 << 20, seed: 98)))
    try pair.expectUntouched()
    _ = loop == nil
  }
}
