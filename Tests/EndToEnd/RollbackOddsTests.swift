import SystemPackage
import Testing

@testable import DeviceResync

@Suite("a way back that is in odd shape", .ownPlace, .tags(.devices, .slow)) struct RollbackOddsTests {
  @Test("what one can go back by outlives a way back that was given up, and a run that writes nothing")
  func givenUp() throws {
    let pair = try UndonePair()
    let state = pair.state
    expect(try state.resyncKeeping(pair.pairs), 0)
    let ended = try Command.start(
      state.rollbackWords([pair.one.recovery]), through: killing("fsync", 1, on: "\(state.path)/states")
    ).wait()
    #expect(ended.wasKilled, "\(ended)")
    #expect(try state.states() == ["Applying"])
    let file = "\(state.path)/staging/\(try #require(try state.staged().first))"
    try tool("mv", file, "\(state.path)/hidden")
    expect(try state.repair(pair.one.recovery), 32775)
    #expect(try state.states() == ["Inconsistent"])
    try tool("mv", "\(state.path)/hidden", file)
    let report = try state.resync(pair.pairs)
    expect(report, 0)
    #expect(report["BytesWritten"].int == 0)
    expect(try state.rollback(pair.one.recovery), 0)
    #expect(try pair.isOld)
    try state.expectNothingKept()
  }

  @Test("a way back that was given up is discarded where its undo file is gone for good: Inconsistent")
  func givenUpForGood() throws {
    let pair = try UndonePair()
    let state = pair.state
    expect(try state.resyncKeeping(pair.pairs), 0)
    let ended = try Command.start(
      state.rollbackWords([pair.one.recovery]), through: killing("fsync", 1, on: "\(state.path)/states")
    ).wait()
    #expect(ended.wasKilled, "\(ended)")
    // It can be finished.
    expect(try state.rollback(pair.one.recovery, options: ["--discard"]), 32775)
    try tool("rm", "\(state.path)/staging/\(try #require(try state.staged().first))")
    expect(try state.repair(pair.one.recovery), 32775)
    let report = try state.rollback(pair.one.recovery, options: ["--discard"])
    expect(report, 0)
    #expect(report.message.contains("stays Inconsistent"), "\(report)")
    try state.expectNothingKept()
    #expect(try state.states() == ["Inconsistent"])
    let repaired = try state.repair(pair.one.recovery)
    expect(repaired, 32775)
    #expect(repaired.message.contains("vmresync resync"), "\(repaired)")
    expect(try state.resync(pair.pairs), 0)
    #expect(try pair.isNew)
  }

  @Test("no room for what falls into holes: 32768, and nothing is written")
  func noRoom() throws {
    let state = try StateDirectory()
    let disk = try Image("disk", size: 64 << 20)
    try tool("mkfs.ext4", "-q", "-m", "0", "-J", "size=4", disk.path)
    let loop = try NamedLoop(disk.path)
    let holder = try Child.mounting(loop.node, at: Place.ours("small"))
    let inside = ["nsenter", "--mount=/proc/\(holder.id)/ns/mnt", "--"]
    let recovery = Place.ours("small/recovery")
    let seen = Image(at: "/proc/\(holder.id)/root\(recovery)")
    let old = randomBytes(16 << 20, seed: 61)
    try tool("install", "-m", "0600", "/dev/null", seen.path)
    let file = try OwnedDescriptor(opening: FilePath(seen.path), .readWrite, followingLinks: true)
    try file.write(old, at: 0)
    // A hole makes it thin.
    try tool("truncate", "--size=17M", seen.path)
    try file.close()
    let primary = try Image("primary", size: 17 << 20)
    let words = state.words([(primary.path, recovery)]) + ["--max-difference", "100%"]
    let kept = try Report(
      Command.start(words + ["--blank-primary", "--recovery-point", "undo"], through: inside).wait())
    expect(kept, 0)
    let filling = #"""
      sync "$1" && read -r blocks size < <(stat --file-system --format='%a %S' "$1") &&
        fallocate --length $((blocks * size - (8 << 20))) "$1/full"
      """#
    let filled = try Child(inside + ["bash", "-c", filling, "bash", Place.ours("small")]).wait()
    try #require(filled.status == 0, "\(filled)")
    let back = state.rollbackWords([recovery])
    let report = try Report(Command.start(back, through: inside).wait())
    expect(report, 32768)
    #expect(report.message.contains("nothing was written"), "\(report)")
    #expect(try state.states() == ["Consistent"])
    _ = try Child(inside + ["rm", Place.ours("small/full")]).wait()
    expect(try Report(Command.start(back, through: inside).wait()), 0)
    let now = try OwnedDescriptor(opening: FilePath(seen.path), .readOnly, followingLinks: true)
    #expect(areEqual(try now.read(16 << 20, at: 0), old))
  }

  @Test("what is older than 7 days is removed by runs of other pairs too: its recovery may be gone")
  func expiryOfOthers() throws {
    let state = try StateDirectory()
    let gone = try TestPair(differing: .images)
    let other = try TestPair(differing: .images, name: "2")
    expect(try state.resyncKeeping([(gone.primary, gone.recovery)]), 0)
    try tool("rm", gone.recovery)
    let kept = try state.resync(other.primary, other.recovery)
    expect(kept, 0)
    #expect(try state.staged().count == 1)
    let earlier = #"s/"MadeAt" : "[^"]*"/"MadeAt" : "2001-01-01T00:00:00Z"/"#
    try tool("bash", "-c", #"sed --in-place "$1" "$0"/states/*.json"#, state.path, earlier)
    let report = try state.resync(other.primary, other.recovery)
    expect(report, 0)
    #expect(report.notes.contains("older than 7 days"), "\(report)")
    #expect(report.notes.contains(gone.recovery), "\(report)")
    #expect(try state.staged() == [])
  }
}
