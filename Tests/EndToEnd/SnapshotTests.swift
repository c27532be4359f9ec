import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("clones of images", .ownPlace, .tags(.devices, .slow)) struct SnapshotTests {
  @Test(
    "are given back, byte for byte, staged and in place", arguments: ["xfs", "btrfs"], ["staged", "in-place"])
  func bytes(_ kind: String, _ mode: String) throws {
    let pair = try ClonedPair(kind)
    try pair.fill()
    let hole = try #require(try pair.nextData(from: 1 << 20, of: "r2"))
    #expect(hole > 1 << 20)
    let report = try pair.resync(["--recovery-point", "snapshot", "--write-back", mode])
    expect(report, 0)
    #expect(try pair.holds(pair.new))
    #expect(report.pair(1)["RecoveryPoint"]["Kind"].text == "snapshot")
    #expect(try pair.clones().count == 2)
    for clone in try pair.clones() {
      #expect(try FileStatus(at: FilePath(pair.seen(clone)), followingLink: false).permissions == 0o600)
    }
    expect(try pair.rollback(), 0)
    #expect(try pair.holds(pair.old))
    #expect(try pair.clones() == [])
    #expect(try pair.consistency() == "Never")
    // XFS allocates by 128 KiB what shared blocks are replaced by, beyond what is written, too.
    let left = try #require(try pair.nextData(from: 1 << 20, of: "r2"))
    #expect(left >= hole - 131_072 && left > 1 << 20)
    // One that finds nothing leaves no clone, and what was kept.
    expect(try pair.resync(), 0)
    let kept = try pair.clones()
    expect(try pair.resync(), 0)
    expect(try pair.resync([]), 0)
    #expect(try pair.clones() == kept)
    expect(try pair.rollback(), 0)
    #expect(try pair.holds(pair.old))
  }

  @Test("whatever was changed since: 32775, nothing written", arguments: ["image", "clone", "gone", "size"])
  func changed(_ what: String) throws {
    let pair = try ClonedPair("xfs")
    try pair.fill()
    expect(try pair.resync(), 0)
    let clone = try #require(try pair.clones().last)
    switch what {
    case "image":
      // What was there already: the time tells.
      try pair.write([pair.new[77]], at: 77, of: "r2")
    case "clone": try pair.write([1], at: 77, of: clone)
    case "size": try tool("truncate", "--size=4096", pair.seen(clone))
    default: try tool("rm", pair.seen(clone))
    }
    let report = try pair.rollback()
    expect(report, 32775)
    #expect(report.message.contains("--discard"), "\(report)")
    #expect(try pair.holds(pair.new))
    #expect(try pair.consistency() == "Consistent")
    expect(try pair.rollback(["--discard"]), 0)
    #expect(try pair.clones() == [])
  }

  @Test(
    "a run that was stopped leaves no clone behind once repair has gone, or one to go back by",
    arguments: CrashPair.calls)
  func killed(_ call: String) throws {
    let pair = try ClonedPair("xfs")
    let engine = call == "pwritev2" ? ["--engine", "threads"] : []
    for number in sampled([1, 2, 3, 5, 8, 12], few: 1) {
      try pair.fill()
      let words = pair.words(["--recovery-point", "snapshot", "--write-back", "staged"] + engine)
      let ended = try Command.start(words, through: pair.inside + killing(call, number)).wait()
      let title = "\(call) \(number)"
      let isCommitted = try ["Applying", "Consistent"].contains(pair.consistency() ?? "")
      let repaired = try pair.repair()
      #expect(repaired.value == 0, "\(title): \(repaired), \(ended)")
      #expect(try pair.clones().count == (isCommitted ? 2 : 0), "\(title)")
      if isCommitted {
        #expect(try pair.holds(pair.new), "\(title)")
        let back = try pair.rollback()
        #expect(back.value == 0, "\(title): \(back)")
      }
      #expect(try pair.holds(pair.old), "\(title)")
    }
  }

  @Test(
    "a rollback that was stopped is finished by repair",
    arguments: ["ioctl", "fsync", "renameat", "unlinkat"])
  func rollbackKilled(_ call: String) throws {
    let pair = try ClonedPair("xfs")
    for number in sampled([1, 2, 3, 4, 5, 6, 8, 10], few: 1) {
      try pair.fill()
      expect(try pair.resync(), 0)
      let ended = try Command.start(pair.rollbackWords, through: pair.inside + killing(call, number)).wait()
      let title = "\(call) \(number), \(ended)"
      let state = try pair.consistency()
      let repaired = try pair.repair()
      #expect(repaired.value == 0, "\(title): \(repaired)")
      // Nothing was begun: then it is as it was.
      if try pair.consistency() == "Consistent" {
        #expect(try state == "Consistent" && pair.holds(pair.new), "\(title)")
        let back = try pair.rollback()
        #expect(back.value == 0, "\(title): \(back)")
      }
      #expect(try pair.holds(pair.old), "\(title)")
      #expect(try pair.consistency() == "Never" && pair.clones() == [], "\(title)")
    }
  }

  @Test("a rollback that was stopped, and whose clones nobody can finish with, can be given up; not before")
  func rollbackLost() throws {
    let pair = try ClonedPair("xfs")
    try pair.fill()
    expect(try pair.resync(), 0)
    let ended = try Command.start(
      pair.rollbackWords, through: pair.inside + killing("fsync", 1, on: "\(pair.state.path)/states")
    ).wait()
    #expect(ended.wasKilled, "\(ended)")
    #expect(try pair.consistency() == "Inconsistent")
    // As long as it can be finished nobody gives it up by mistake.
    let refused = try pair.rollback(["--discard"])
    expect(refused, 32775)
    #expect(refused.message.contains("vmresync repair"), "\(refused)")
    try tool("rm", pair.seen(try #require(try pair.clones().last)))
    for report in [try pair.repair(), try pair.rollback()] {
      expect(report, 32775)
      #expect(report.message.contains("--discard"), "\(report)")
    }
    expect(try pair.rollback(["--discard"]), 0)
    #expect(try pair.clones() == [])
    #expect(try pair.consistency() == "Inconsistent")
    expect(try pair.resync([]), 0)
    #expect(try pair.holds(pair.new))
  }

  @Test("what the clones of a former run share needs room too: 32768 before the commit, nothing written")
  func room() throws {
    let pair = try ClonedPair("xfs")
    try pair.fill()
    let old = randomBytes(64 << 20, seed: 51)
    try pair.write(old, at: 0, of: "r1")
    try pair.write(old, at: 0, of: "p1")
    expect(try pair.resync(), 0)
    // All of it differs now, and only half of that has room.
    try pair.write(randomBytes(64 << 20, seed: 52), at: 0, of: "p1")
    let filling = #"""
      sync "$1" && read -r blocks size < <(stat --file-system --format='%a %S' "$1") &&
        fallocate --length $((blocks * size - (32 << 20))) "$1/full"
      """#
    let filled = try Child(pair.inside + ["bash", "-c", filling, "bash", pair.directory]).wait()
    try #require(filled.status == 0, "\(filled)")
    let report = try pair.resync(["--write-back", "staged"])
    expect(report, 32768)
    #expect(report.message.contains("nothing was written"), "\(report)")
    #expect(report.message.contains("--discard"), "\(report)")
    #expect(try pair.consistency() == "Consistent")
    expect(try pair.rollback(["--discard"]), 0)
    expect(try pair.resync(["--write-back", "staged"]), 0)
  }

  @Test("a run in place that was stopped half-way is taken back")
  func stoppedInPlace() throws {
    let pair = try ClonedPair("xfs")
    try pair.fill()
    // strace counts the calls of each thread by themselves.
    let words = pair.words(["--recovery-point", "snapshot", "--write-back", "in-place", "--parallel", "1"])
    // Right after the rename that says Inconsistent; what it would have written next is written here.
    let ended = try Command.start(
      words, through: pair.inside + killing("fsync", 2, on: "\(pair.state.path)/states")
    ).wait()
    #expect(ended.wasKilled, "\(ended)")
    try pair.write(Array(pair.new[..<(1 << 20)]), at: 0, of: "r1")
    #expect(try pair.consistency() == "Inconsistent")
    let repaired = try pair.repair()
    expect(repaired, 32775)
    #expect(repaired.message.contains("vmresync rollback"), "\(repaired)")
    // Whoever is asked is told that nothing is looked at but the clones.
    let shown = try Command.start(
      pair.rollbackWords.filter { !["--yes", "--json"].contains($0) }, through: pair.inside
    ).wait()
    #expect(shown.error.contains("cannot be told"), "\(shown)")
    #expect(!shown.error.contains("nothing is done"), "\(shown)")
    expect(try pair.rollback(), 0)
    #expect(try pair.holds(pair.old))
    #expect(try pair.consistency() == "Never")
  }

  @Test(
    "32770 with what to use instead where there are none",
    arguments: [("ext4", []), ("xfs", ["-m", "reflink=0"])] as [(String, [String])])
  func notSupported(_ kind: String, _ options: [String]) throws {
    let pair = try ClonedPair(kind, options)
    try pair.fill()
    let report = try pair.resync()
    expect(report, 32770)
    #expect(report.message.contains("--recovery-point undo"), "\(report)")
    #expect(try pair.holds(pair.old))
    #expect(try pair.clones() == [])
  }

  @Test("32770 of a device, also a loop over such an image")
  func device() throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: .loops)
    let report = try state.resync(pair.primary, pair.recovery, ["--recovery-point", "snapshot"])
    expect(report, 32770)
    #expect(report.message.contains("--recovery-point undo"), "\(report)")
    try pair.expectUntouched()
  }
}
