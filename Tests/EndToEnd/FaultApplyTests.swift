import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// PITFALLS D4, D5, D6, D8, D10 after a commit: the state stays Applying, and a repair finishes it.
@Suite("faults while a commit is applied", .ownPlace, .tags(.devices, .slow)) struct FaultApplyTests {
  /// What befalls the recovery, with the value and the errno that the run ends with.
  struct Fault: Sendable, CustomTestStringConvertible {
    let command: String
    var errno = "EIO"
    var value = 32768
    var testDescription: String { command }
  }

  static let middle = FaultPair.difference.offset + 16384
  static let faults = [
    Fault(command: "tear \(middle) EIO times 1"),
    Fault(command: "fail write \(middle)+4096 EIO times 1"),
    Fault(command: "fail write \(middle)+4096 ENOSPC times 1", errno: "ENOSPC"),
    Fault(command: "fail write \(middle)+4096 ETIMEDOUT times 1", errno: "ETIMEDOUT", value: 32772),
    Fault(command: "short write \(middle)+4096 8192 times 1"),
    Fault(command: "fail sync * EIO times 1"),
  ]

  @Test(
    "the run fails with its value and a power cut takes the rest; repair makes it whole", arguments: faults)
  func applying(_ fault: Fault) throws {
    let state = try StateDirectory()
    let pair = try FaultPair()
    let run = try Command.start(Operation.resync.words(pair.primary.node, pair.recovery.node, state.options))
    if fault.command.hasPrefix("fail sync") {
      // The flush after the writes, which other flushes come before.
      try pair.recovery.stalling("write *") { try pair.recovery.tell(fault.command) }
    } else {
      try pair.recovery.tell(fault.command)
    }
    let report = try Report(run.wait())
    expect(report, fault.value)
    let error = report.pair()["Errors"][0]
    #expect(error["Errno"].text == fault.errno && error["Side"].text == "recovery", "\(report)")
    if fault.errno == "ENOSPC" { #expect(report.message.contains("the pool or file system below is full")) }
    #expect(report.pair()["Notes"].array.contains { $0.text?.contains("vmresync repair") == true })
    #expect(try state.states() == ["Applying"])
    #expect(try state.staged().count == 1)
    // What was not flushed is lost, in part.
    try pair.recovery.tell("clear\ncut 3")
    expect(try state.repair(pair.recovery.node), 0)
    try pair.recovery.tell("cut")
    #expect(areEqual(try pair.recovery.bytes(), FaultPair.bytes))
    try state.expect("Consistent")
  }

  @Test("a shortage that passes is no error", arguments: FaultErrorTests.shortages)
  func shortage(_ errno: String) throws {
    let state = try StateDirectory()
    let pair = try FaultPair()
    try pair.recovery.tell("fail write * \(errno) times 3")
    expect(try state.resync(pair.primary.node, pair.recovery.node), 0)
    #expect(areEqual(try pair.recovery.bytes(), FaultPair.bytes))
    #expect(try pair.recovery.statistics().write.failed == 3)
  }

  @Test("a recovery that becomes read-only before the commit: 32769, and nothing was committed")
  func readOnlyBefore() throws {
    let state = try StateDirectory()
    let pair = try FaultPair()
    let run = try Command.start(Operation.resync.words(pair.primary.node, pair.recovery.node, state.options))
    try pair.primary.stalling("read \(3 << 20)+4096") { try pair.recovery.setReadOnly(true) }
    let report = try Report(run.wait())
    try pair.recovery.setReadOnly(false)
    expect(report, 32769)
    #expect(report["BytesWritten"].int == 0)
    #expect(try pair.recovery.log().allSatisfy { $0.kind == .sync })
    try state.expect("Never")
  }

  @Test("one that becomes read-only while the commit is applied: 32769, and a repair finishes it")
  func readOnlyMeanwhile() throws {
    let state = try StateDirectory()
    let pair = try FaultPair()
    // More records than can be in flight at once.
    for block in 0..<100 { try pair.recovery.write([1, 2, 3], at: UInt64(block * 8192)) }
    try pair.recovery.tell("settle")
    let run = try Command.start(Operation.resync.words(pair.primary.node, pair.recovery.node, state.options))
    try pair.recovery.stalling("write *", count: 8) { try pair.recovery.setReadOnly(true) }
    let report = try Report(run.wait())
    expect(report, 32769)
    #expect(try state.states() == ["Applying"])
    expect(try state.repair(pair.recovery.node), 32769)
    try pair.recovery.setReadOnly(false)
    expect(try state.repair(pair.recovery.node), 0)
    #expect(areEqual(try pair.recovery.bytes(), FaultPair.bytes))
    try state.expect("Consistent")
  }

  @Test("a sparse recovery whose file system lacks the room: 32768 with figures, before the commit")
  func noRoom() throws {
    let state = try StateDirectory()
    let primary = try Image("primary", randomBytes(12 << 20, seed: 5))
    let directory = Place.ours("small")
    try tool("mkdir", directory)
    let recovery = "\(directory)/recovery"
    // Nothing of it was written, by the file system's count.
    let wrapper = onSmallTmpfs(recovery, size: 12 << 20, then: #"stat --format=%b "$path" >&2"#)
    let words = Operation.resync.words(primary.path, recovery, state.options)
    let report = try Report(Command.start(words, through: ["env", "path=\(recovery)"] + wrapper).wait())
    expect(report, 32768)
    #expect(report.pair()["Errors"][0]["Errno"].text == "ENOSPC")
    #expect(report.message.contains("needs 12 MiB, and its file system has 7.6 MiB"), "\(report)")
    #expect(report["BytesWritten"].int == 0)
    #expect(report.ended.error.split(separator: "\n").last == "0", "\(report)")
    try state.expect("Never")
  }

  @Test("one whose holes have room enough, or that is allocated already, is written")
  func room() throws {
    let state = try StateDirectory()
    let directory = Place.ours("small")
    try tool("mkdir", directory)
    let primary = try Image("primary", randomBytes(7 << 20, seed: 6))
    let recovery = "\(directory)/recovery"
    let check = #"cmp "$primary" "$path" >&2 && echo equal >&2"#
    for prepare in ["true", #"fallocate --length 7M "$path""#] {
      let script = """
        mount -t tmpfs -o size=8m none "${1%/*}" && truncate --size=7M "$1" && \(prepare) && shift && "$@"
        status=$?
        \(check)
        exit "$status"
        """
      let words = Operation.resync.words(primary.path, recovery, state.options)
      let report = try Report(
        Command.start(
          words,
          through: [
            "env", "path=\(recovery)", "primary=\(primary.path)", "unshare", "--mount", "--propagation",
            "private",
            "bash", "-c", script, "bash", recovery,
          ]
        ).wait())
      expect(report, 0)
      #expect(report["BytesWritten"].int == 7 << 20)
      #expect(report.ended.error.contains("equal"), "\(report)")
    }
  }

  @Test("progress says since when a disk has been waited for", arguments: ["bar", "plain"])
  func waiting(_ style: String) throws {
    let pair = try FaultPair()
    let words = [
      "compare", "--progress", style, "--primary", pair.primary.node, "--recovery", pair.recovery.node,
    ]
    let run = try Command.start(words)
    try pair.recovery.stalling("read \(3 << 20)+4096") {
      let isSaid = try eventually(within: 60) { try run.complained().contains("waiting for device") }
      let said = try run.complained()
      #expect(isSaid, "\(said)")
    }
    #expect(try run.wait().status == 1)
  }
}
