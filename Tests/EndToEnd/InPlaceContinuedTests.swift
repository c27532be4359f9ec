import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("a run in place that was stopped", .ownPlace, .tags(.devices, .slow)) struct InPlaceContinuedTests {
  /// All that differs passes.
  static let onward = ["--chunk-size", "64K", "--max-difference", "100%"]

  @Test(
    "in order: it is gone on with at its checkpoint, and ends as if never stopped", arguments: Form.allCases)
  func inOrder(_ form: Form) throws {
    let stopped = try StoppedInPlace.make(form)
    let plan = try Command.json(
      .plan, stopped.pair.primary, stopped.pair.recovery, ["--state-dir", stopped.state.path])
    #expect(plan.verdict("state")["Reason"].text?.contains("is gone on with at 8.1 MiB") == true, "\(plan)")
    let name = stopped.pair.primary.hasPrefix("/dev/") ? String(stopped.pair.primary.dropFirst(5)) : nil
    let before = try name.map { try DeviceStat($0).read }
    let report = try stopped.resync(Self.onward)
    try stopped.expectEqual(report, saying: "continued at 8.1 MiB of 16 MiB")
    #expect(report["BytesWritten"].int == 64 << 10, "\(report)")
    #expect(report["DifferentRanges"].int == 16, "\(report)")
    if let name, let before {
      let read = (try DeviceStat(name).read - before) * 512
      #expect(read < UInt64(StoppedInPlace.size - StoppedInPlace.offset + (4 << 20)), "\(read)")
    }
    let again = try stopped.resync()
    expect(again, 0)
    #expect(again["BytesWritten"].int == 0)
    #expect(again.notes == "", "\(again)")
  }

  @Test(
    "one sector below the checkpoint, written on either side since: it is found, and the disk named",
    arguments: Side.allCases, [Form.images, .loops])
  func written(_ side: Side, _ form: Form) throws {
    let stopped = try StoppedInPlace.make(form)
    let path = side == .primary ? stopped.pair.primary : stopped.pair.recovery
    let node = try OwnedDescriptor(opening: FilePath(path), .readWrite)
    try node.write([UInt8](repeating: 0x77, count: 512), at: 1 << 20)
    try node.close()
    let report = try stopped.resync(Self.onward)
    try stopped.expectEqual(
      report, saying: "it starts at 0: the \(side) \(path) cannot be shown to be unchanged")
  }

  @Test("killed after it had gone on writing: what it wrote last nobody knows, it starts at 0")
  func killed() throws {
    let stopped = try StoppedInPlace.make()
    // The record of its beginning, then that of its first write.
    let ended = try Command.start(
      stopped.words + Self.onward, through: killing("fsync", 2, on: "\(stopped.state.path)/states")
    ).wait()
    #expect(ended.wasKilled, "\(ended)")
    try stopped.state.expect("Inconsistent")
    try stopped.expectEqual(
      stopped.resync(Self.onward), saying: "the run did not end in order after it had begun to write")
  }

  @Test("killed before it went on writing: it is gone on with")
  func killedBefore() throws {
    let stopped = try StoppedInPlace.make()
    let ended = try Command.start(
      stopped.words + Self.onward, through: killing("fsync", 1, on: "\(stopped.state.path)/states")
    ).wait()
    #expect(ended.wasKilled, "\(ended)")
    #expect(try stopped.offset() == StoppedInPlace.offset)
    try stopped.expectEqual(stopped.resync(Self.onward), saying: "continued at 8.1 MiB of 16 MiB")
  }

  @Test("on the way a checkpoint moves, and proves nothing once something is written")
  func onTheWay() throws {
    let stopped = try StoppedInPlace.make()
    expect(try stopped.resync(Self.onward), 0)
    try stopped.pair.recoveryImage.write([stopped.bytes[5000] ^ 1], at: 5000)
    let ended = try Command.start(
      stopped.words + Self.onward + ["--checkpoint-every", "4M"],
      // Beginning, mark, then every 4 MiB.
      through: killing("fsync", 4, on: "\(stopped.state.path)/states")
    ).wait()
    #expect(ended.wasKilled, "\(ended)")
    #expect(try stopped.offset() == 8 << 20)
    let evidence = try stopped.state.records()[0]["Consistency"]["By"]["Checkpoint"]["Pairs"].array[0]
    #expect(evidence["Recovery"]["Gap"].text != nil, "\(evidence)")
    try stopped.expectEqual(
      stopped.resync(Self.onward), saying: "the run did not end in order after it had begun to write")
  }

  @Test("on the way a checkpoint is remembered only when the recovery was flushed since the one before")
  func flushedFirst() throws {
    let stopped = try StoppedInPlace.make(.loops)
    let trace = Place.ours("trace")
    let report = try stopped.resync(
      Self.onward + ["--checkpoint-every", "1M"],
      through: ["strace", "-f", "-y", "-o", trace, "-e", "trace=fdatasync,renameat"])
    try stopped.expectEqual(report, saying: "continued at 8.1 MiB")
    let calls = try OwnedDescriptor(opening: FilePath(trace), .readOnly).readText().split(separator: "\n")
    var (checkpoints, isFlushed) = (0, false)
    for call in calls {
      if call.contains("fdatasync"), call.contains("<\(stopped.pair.recovery)>") { isFlushed = true }
      guard call.contains("renameat"), call.contains("\(stopped.state.path)/states>") else { continue }
      checkpoints += 1
      // The record of its beginning comes first, then the mark of its first write.
      #expect(isFlushed || checkpoints <= 2, "\(calls)")
      isFlushed = false
    }
    #expect(checkpoints > 6, "\(calls)")
  }

  @Test("killed before it had written anything: both sides are provable, it is gone on with")
  func nothingWritten() throws {
    let stopped = try StoppedInPlace.make()
    expect(try stopped.resync(Self.onward), 0)
    let ended = try Command.start(
      stopped.words + Self.onward + ["--checkpoint-every", "4M"],
      through: killing("fsync", 3, on: "\(stopped.state.path)/states")
    ).wait()
    #expect(ended.wasKilled, "\(ended)")
    #expect(try stopped.state.states() == ["Resynchronizing"])
    #expect(try stopped.offset() == 8 << 20)
    try stopped.expectEqual(stopped.resync(Self.onward), saying: "continued at 8 MiB of 16 MiB")
  }

  @Test("--verify wants all read back that was written: it starts at 0")
  func verify() throws {
    let stopped = try StoppedInPlace.make()
    try stopped.expectEqual(
      stopped.resync(Self.onward + ["--verify"]), saying: "it starts at 0: what it wrote was not read back")
  }

  @Test("by a signal, too")
  func signalled() throws {
    let state = try StateDirectory()
    let primary = try Image("primary", size: LongRun.size)
    for place in stride(from: UInt64(0), to: LongRun.size, by: 16 << 20) {
      try primary.write(randomBytes(512, seed: place), at: place)
    }
    let recovery = try Image("recovery", size: LongRun.size)
    let options = inPlace + ["--state-dir", state.path]
    let run = try LongRun(.resync, primary.path, recovery.path, options)
    run.child.signal(SIGTERM)
    let report = try run.finish()
    expect(report, 32768, status: 21)
    #expect(report.notes.contains("the same command goes on at"), "\(report)")
    try state.expect("Inconsistent")
    let again = try Command.json(.resync, primary.path, recovery.path, options)
    expect(again, 0)
    #expect(again.notes.contains("continued at "), "\(again)")
    let skipped = again["BytesSkipped"].int ?? 0
    #expect((again["BytesCompared"].int ?? 0) + skipped == Int(LongRun.size), "\(again)")
    #expect(again["BytesWritten"].int == 64 * 4096)
    #expect(again["DifferentRanges"].int == 64)
    try tool("cmp", primary.path, recovery.path)
    try state.expect("Consistent")
  }

  @Test("somebody wrote to the recovery while it ran: it is not gone on with")
  func foreignWrite() throws {
    let state = try StateDirectory()
    let primary = try Image("primary", size: LongRun.size)
    try primary.write(randomBytes(512, seed: 1), at: 0)
    let image = try Image("recovery", size: LongRun.size)
    let recovery = try NamedLoop(image.path)
    let options = inPlace + ["--state-dir", state.path]
    let run = try LongRun(.resync, primary.path, recovery.node, options)
    // Where it was compared already.
    let node = try OwnedDescriptor(opening: FilePath(recovery.node), .readWrite)
    try node.write([UInt8](repeating: 0x77, count: 512), at: 4096)
    try node.synchronizeData()
    try node.close()
    run.child.signal(SIGTERM)
    let report = try run.finish()
    expect(report, 32768, status: 21)
    #expect(!report.notes.contains("goes on at"), "\(report)")
    #expect(report.pair()["Errors"].array.count == 2, "\(report)")
    let again = try Command.json(.resync, primary.path, recovery.node, ["--full"] + options)
    expect(again, 0)
    #expect(!again.notes.contains("continued at "), "\(again)")
    try tool("cmp", primary.path, image.path)
  }

  @Test("PITFALLS B14: no room at the exact range; with more room it goes on there")
  func noSpace() throws {
    let state = try StateDirectory()
    let bytes = randomBytes(16 << 20, seed: 5)
    let primary = try Image("primary", bytes)
    let disk = try Image("disk", size: 32 << 20)
    try tool("mkfs.ext4", "-q", "-m", "0", "-J", "size=4", disk.path)
    let loop = try NamedLoop(disk.path)
    let holder = try Child.mounting(loop.node, at: Place.ours("small"))
    let inside = ["nsenter", "--mount=/proc/\(holder.id)/ns/mnt", "--"]
    let recovery = Place.ours("small/recovery")
    let filling = #"""
      truncate --size=16M "$1/recovery" && read -r blocks size < <(stat --file-system --format='%a %S' "$1") &&
        fallocate --length $((blocks * size - (9 << 20))) "$1/full"
      """#
    let made = try Child(inside + ["bash", "-c", filling, "bash", Place.ours("small")]).wait()
    try #require(made.status == 0, "\(made)")
    let words = Operation.resync.words(
      primary.path, recovery, inPlace + ["--chunk-size", "64K", "--state-dir", state.path])
    let report = try Report(Command.start(words, through: inside).wait())
    expect(report, 32768)
    let error = report.pair()["Errors"][0]
    #expect(error["Errno"].text == "ENOSPC", "\(report)")
    let place = try #require(error["Offset"].int)
    #expect((8 << 20...9 << 20).contains(place), "\(place)")
    #expect(report.notes.contains("goes on at"), "\(report)")
    let grown = try Child(inside + ["rm", Place.ours("small/full")]).wait()
    try #require(grown.status == 0, "\(grown)")
    let again = try Report(Command.start(words, through: inside).wait())
    expect(again, 0)
    #expect(again.notes.contains("continued at "), "\(again)")
    #expect(again["BytesWritten"].int == 16 << 20, "\(again)")
    #expect(again["DifferentRanges"].int == 1, "\(again)")
    let same = try Child(inside + ["cmp", primary.path, recovery]).wait()
    #expect(same.status == 0, "\(same)")
  }

  @Test("of several pairs those that went through are not read again")
  func several() throws {
    let stopped = try StoppedInPlace.make(.loops)
    let first = try TestPair(differing: .loops, name: "1")
    let words =
      ["resync", "--json", "--yes"] + ["--primary", first.primary, "--recovery", first.recovery]
      + ["--primary", stopped.pair.primary, "--recovery", stopped.pair.recovery] + inPlace
      + ["--state-dir", stopped.state.path]
    expect(try Report(Command.start(words).wait()), 0)
    for place in stride(from: 70_000, to: StoppedInPlace.size, by: 1 << 20) {
      try stopped.pair.recoveryImage.write([stopped.bytes[place] ^ 1], at: UInt64(place))
    }
    try OwnedDescriptor(opening: FilePath(stopped.pair.recovery), .readOnly).dropCaches()
    expect(try Report(Command.start(words + StoppedInPlace.options).wait()), 32775)
    let before = try DeviceStat(String(first.primary.dropFirst(5))).read
    let report = try Report(Command.start(words + Self.onward).wait())
    expect(report, 0)
    #expect(report.pair(0)["Notes"].array.contains { $0.text == "continued at 1 MiB of 1 MiB" }, "\(report)")
    #expect(report.pair(1)["Notes"].array.contains { $0.text?.hasPrefix("continued at 8.1 MiB") == true })
    #expect(report.pair(0)["BytesCompared"].int == 1 << 20)
    let read = (try DeviceStat(String(first.primary.dropFirst(5))).read - before) * 512
    #expect(read < 1 << 20, "\(read)")
    #expect(areEqual(try first.recoveryImage.bytes(), try first.primaryImage.bytes()))
    #expect(areEqual(try stopped.pair.recoveryImage.bytes(), stopped.bytes))
  }
}
