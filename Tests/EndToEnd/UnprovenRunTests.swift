import SystemPackage
import Testing

@testable import DeviceResync

@Suite("a stopped staged run that starts at 0", .ownPlace, .tags(.devices, .slow)) struct UnprovenRunTests {
  /// What is written between crash and next run, and where.
  enum Writer: CaseIterable, Sendable { case primary, recovery }

  @Test(
    "one sector below the checkpoint, written on either side since: it is found, and the disk named",
    arguments: Writer.allCases, [Form.images, .loops])
  func written(_ writer: Writer, _ form: Form) throws {
    let stopped = try StoppedPair(form)
    try stopped.kill()
    let path = writer == .primary ? stopped.pair.primary : stopped.pair.recovery
    let image = writer == .primary ? stopped.pair.primaryImage : stopped.pair.recoveryImage
    let time = try image.status().modified
    let node = try OwnedDescriptor(opening: FilePath(path), .readWrite)
    try node.write([UInt8](repeating: 0x77, count: 512), at: 1 << 20)
    try node.close()
    // The time of the last change can be put back.
    try tool(
      "touch", "--date=@\(time / 1_000_000_000).\(String(time % 1_000_000_000 + 1_000_000_000).dropFirst())",
      image.path)
    let report = try stopped.resync()
    try stopped.expectEqual(
      report, saying: "it starts at 0: the \(writer) \(path) cannot be shown to be unchanged")
  }

  @Test("what was written behind a loop is found too", arguments: Writer.allCases)
  func writtenBehind(_ writer: Writer) throws {
    let stopped = try StoppedPair(.loops)
    try stopped.kill()
    let image = writer == .primary ? stopped.pair.primaryImage : stopped.pair.recoveryImage
    try image.write([UInt8](repeating: 0x77, count: 512), at: 1 << 20)
    let path = writer == .primary ? stopped.pair.primary : stopped.pair.recovery
    // The loop's own cache may hold what the plan has read of it.
    try OwnedDescriptor(opening: FilePath(path), .readOnly).dropCaches()
    let report = try stopped.resync()
    try stopped.expectEqual(report, saying: "its file was changed")
  }

  @Test("who came to write after the plan may be at it still: what was seen of the disk is no proof")
  func cameMeanwhile() throws {
    let stopped = try StoppedPair()
    // It waits while it settles the disk; the run is killed at its first checkpoint.
    let slowly = [
      "strace", "-f", "-o", "/dev/null", "-P", "\(stopped.state.path)/states", "-P", stopped.pair.primary,
      "-e", "trace=fsync,fdatasync", "-e", "inject=fsync:signal=SIGKILL:when=2",
      "-e", "inject=fdatasync:delay_enter=3000000:when=1",
    ]
    let run = try Command.start(stopped.words, through: slowly)
    #expect(eventually(within: 20) { (try? stopped.state.states()) == ["Resynchronizing"] })
    let writer = try OwnedDescriptor(opening: FilePath(stopped.pair.primary), .readWrite)
    #expect(try run.wait().wasKilled)
    try writer.close()
    try stopped.expectEqual(stopped.resync(), saying: ") had it open for writing")
  }

  @Test("on tmpfs a store into a mapping leaves all times as they are: nothing there is proof")
  func mapped() throws {
    let stopped = try StoppedPair()
    let kill = killing("fsync", 2, on: "\(stopped.state.path)/states").joined(separator: " ")
    // In a mount namespace of its own, so that nothing is left whatever happens.
    let script = #"""
      mount -t tmpfs none "$1" && cp "$2" "$1/image" && image=$1/image && shift 2
      \#(kill) "$@" >/dev/null 2>&1
      ls "$0" | grep --quiet . || exit
      python3 -c '
      import mmap, sys
      file = open(sys.argv[1], "r+b")
      memory = mmap.mmap(file.fileno(), 0)
      memory[1 << 20] ^= 0xff' "$image"
      "$@"
      """#
    let mount = Place.ours("tmpfs")
    try tool("mkdir", mount)
    let words = Operation.resync.words(
      "\(mount)/image", stopped.pair.recovery, stopped.state.options + StoppedPair.options)
    let report = try Report(
      Command.start(
        words,
        through: [
          "unshare", "--mount", "--propagation", "private", "bash", "-c", script,
          "\(stopped.state.path)/staging", mount, stopped.pair.primary,
        ]
      ).wait())
    expect(report, 0)
    #expect(report.notes.contains("a file on tmpfs prove nothing"), "\(report)")
    var wanted = stopped.new
    wanted[1 << 20] ^= 0xff
    #expect(areEqual(try stopped.pair.recoveryImage.bytes(), wanted))
  }

  @Test("the host was started again since")
  func rebooted() throws {
    let stopped = try StoppedPair()
    try stopped.kill()
    try tool(
      "bash", "-c",
      #"sed --in-place 's/"BootID" : "[0-9a-f-]*"/"BootID" : "11111111-2222-4333-8444-555555555555"/' "$0"/states/*.json"#,
      stopped.state.path)
    try stopped.expectEqual(stopped.resync(), saying: "it starts at 0: the host has been started again since")
  }

  /// What has become of the staging file.
  enum Damage: CaseIterable, Sendable { case flipped, cut, gone, ofAnotherRun }

  @Test("its staging file is not what the checkpoint says: it is never trusted", arguments: Damage.allCases)
  func damaged(_ damage: Damage) throws {
    let stopped = try StoppedPair()
    try stopped.kill()
    let file = Image(at: "\(stopped.state.path)/staging/\(try #require(try stopped.state.staged().first))")
    switch damage {
    case .flipped:
      let place = try file.status().size - 300_000
      try file.write(try file.bytes(1, at: place).map { ~$0 }, at: place)
    case .cut: try file.resize(to: 600 << 10)
    case .gone: try tool("rm", file.path)
    case .ofAnotherRun:
      let other = try StateDirectory("other")
      let pair = try TestPair(differing: .images, name: "2")
      let sealed = try other.leaveApplying(pair.primary, pair.recovery)
      try tool("cp", sealed.path, file.path)
    }
    let report = try stopped.resync()
    try stopped.expectEqual(report, saying: "it starts at 0: its staging file cannot be used")
  }

  @Test("--full after a run that passed over holes, another --write-back and another place")
  func otherRequests() throws {
    for (options, reason) in [
      (["--full"], "--full"), (["--write-back", "in-place"], "--write-back"),
      (["--staging-dir", Place.ours("elsewhere")], "another place"),
    ] {
      let stopped = try StoppedPair()
      try stopped.kill()
      let report = try stopped.resync(options)
      try stopped.expectEqual(report, saying: "it starts at 0")
      #expect(report.notes.contains(reason), "\(report)")
      for name in ["primary", "recovery", "state"] { try tool("rm", "--recursive", Place.ours(name)) }
    }
  }

  @Test("a disk that shows nothing of who writes to it is said to be one", arguments: [false, true])
  func unprovable(switchedOff: Bool) throws {
    if switchedOff {
      let stopped = try StoppedPair(.loops)
      try stopped.kill()
      let queue = "/sys/block/\(stopped.pair.recovery.dropFirst(5))/queue/iostats"
      try tool("bash", "-c", #"echo 0 >"$0""#, queue)
      let report = try stopped.resync()
      try tool("bash", "-c", #"echo 1 >"$0""#, queue)
      return try stopped.expectEqual(report, saying: "the kernel does not count what is written to it")
    }
    // Behind its loop is a file of a file system in user space.
    let stopped = try StoppedPair()
    let disk = try FaultDisk(stopped.old.prefix(StoppedPair.size) + [])
    let primary = try Image("third", Array(stopped.new.prefix(StoppedPair.size)))
    let words = Operation.resync.words(
      primary.path, disk.node, stopped.state.options + StoppedPair.options)
    let ended = try Command.start(
      words, through: killing("fsync", 2, on: "\(stopped.state.path)/states")
    ).wait()
    #expect(ended.wasKilled, "\(ended)")
    let report = try Report(Command.start(words).wait())
    expect(report, 0)
    #expect(report.notes.contains("it starts at 0: the recovery \(disk.node)"), "\(report)")
    #expect(areEqual(try disk.bytes(), try primary.bytes()))
  }
}
