import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("pairs side by side", .ownPlace, .tags(.devices, .slow)) struct ParallelTests {
  /// In small pieces, so that much can happen on the way.
  static let pieces = ["--chunk-size", "64K", "--queue-depth", "1"]

  @Test("while one waits for its disk another is compared; with --parallel 1 it is not", arguments: [1, 2])
  func together(_ parallel: Int) throws {
    let one = try FaultPair()
    let two = try FaultPair()
    let pairs = [parallelNodes(one), parallelNodes(two)]
    let run = try Command.start(parallelWords(.compare, pairs, ["--parallel", "\(parallel)"]))
    try one.primary.stalling("read \(FaultPair.difference.offset)+4096") {
      // The plan looks at ends and signatures.
      let isRead = try eventually(within: parallel == 1 ? 2 : 20) {
        try two.primary.statistics().read.bytes >= 4 << 20
      }
      #expect(isRead == (parallel == 2))
    }
    let report = try Report(run.wait())
    expect(report, 0, status: 1)
    #expect(report["BytesCompared"].int == 8 << 20)
    #expect((0..<2).map { report.pair($0)["Primary"]["Path"].text } == pairs.map(\.primary))
    #expect((0..<2).map { report.pair($0)["BytesDifferent"].int } == [65536, 65536])
  }

  @Test(
    "several pairs are staged together, in one commit, in their order; the same as one after the other",
    arguments: [1, 2, 16])
  func staged(_ parallel: Int) throws {
    let state = try StateDirectory()
    // Many segments of each, and a tail.
    let bytes = (0..<3).map { randomBytes(9 << 20 + ($0 == 1 ? 100 : 0), seed: UInt64($0)) }
    let one = try TestPair(bytes[0], bytes[0].map { ~$0 }, .loops, name: "1")
    let two = try TestPair(bytes[1], bytes[1].map { ~$0 }, .images, name: "2")
    var almost = bytes[2]
    for place in stride(from: 70_000, to: almost.count, by: 300_000) { almost[place] ^= 1 }
    let three = try TestPair(bytes[2], almost, .loopToImage, name: "3")
    let pairs = [
      (one.primary, one.recovery), (two.primary, two.recovery), (three.primary, three.recovery),
    ]
    let report = try state.resync(pairs, ["--parallel", "\(parallel)", "--max-difference", "100%"])
    expect(report, 0)
    let whole = Oracle(bytes[2], almost)
    #expect(
      (0..<3).map { report.pair($0)["BytesWritten"].int }
        == [9 << 20, 9 << 20 + 100, Int(whole.bytesDifferent)])
    #expect(report.pair(2)["DifferentRanges"].int == whole.ranges.count)
    #expect((0..<3).map { report.pair($0)["Recovery"]["Path"].text } == pairs.map(\.1))
    #expect(report["BytesVerified"].int == 27 << 20 + 100)
    #expect(areEqual(try one.recoveryImage.bytes(), bytes[0]))
    #expect(areEqual(try two.recoveryImage.bytes(), bytes[1]))
    #expect(areEqual(try three.recoveryImage.bytes(), bytes[2]))
    try state.expect("Consistent")
    #expect(try state.records()[0]["CompletedRuns"].array.count == 1)
  }

  /// Two pairs that are compared for seconds; every 16 MiB a block of the primary differs.
  private struct LongPairs {
    let images: [(primary: Image, recovery: Image)]
    let state: StateDirectory
    let words: [String]

    init(_ options: [String] = []) throws {
      state = try StateDirectory()
      images = try (1...2).map { number in
        let primary = try Image("primary\(number)", size: LongRun.size)
        for place in stride(from: UInt64(0), to: LongRun.size, by: 16 << 20) {
          try primary.write(randomBytes(512, seed: place + UInt64(number)), at: place)
        }
        return (primary, try Image("recovery\(number)", size: LongRun.size))
      }
      words =
        state.words(images.map { ($0.primary.path, $0.recovery.path) }) + LongRun.options
        + ["--checkpoint-every", "4M"] + options
    }

    /// How far each pair was when it was last remembered; empty before that.
    func offsets() throws -> [Int] {
      let run = try state.records().first?["Consistency"]["By"]
      return run?["Checkpoint"]["Pairs"].array.compactMap { $0["Offset"].int } ?? []
    }

    /// Starts a run, and returns when both pairs have come to 16 MiB.
    func started() throws -> Child {
      let run = try Command.start(words)
      let areUnderWay = try eventually(within: 60) {
        let offsets = try offsets()
        return offsets.count == 2 && offsets.allSatisfy { $0 >= 16 << 20 } || run.hasEnded
      }
      try #require(areUnderWay && !run.hasEnded)
      return run
    }

    /// Expects that the same command goes on with each pair where it was, and ends as if never stopped.
    func expectToGoOn(_ offsets: [Int]) throws {
      for pair in images { #expect(try pair.recovery.status().allocated == 0) }
      let report = try Report(Command.start(words).wait(within: 120))
      expect(report, 0)
      for (index, offset) in offsets.enumerated() {
        let pair = report.pair(index)
        let note = "continued at \(ByteCount(UInt64(offset))) of 1 GiB"
        #expect(pair["Notes"].array.contains { $0.text == note }, "\(report)")
        #expect(pair["BytesCompared"].int == Int(LongRun.size))
        #expect(pair["BytesWritten"].int == 64 * 4096 && pair["DifferentRanges"].int == 64, "\(report)")
      }
      for pair in images { try tool("cmp", pair.primary.path, pair.recovery.path) }
      try state.expect("Consistent")
    }
  }

  @Test("after kill -9 with two under way both are gone on with, each at its own checkpoint")
  func continued() throws {
    let pairs = try LongPairs()
    let run = try pairs.started()
    try run.worker().signal(SIGKILL)
    let ended = try run.wait()
    #expect(ended.wasKilled, "\(ended)")
    let offsets = try pairs.offsets()
    #expect(offsets.count == 2 && offsets.allSatisfy { $0 >= 16 << 20 && $0 < LongRun.size }, "\(offsets)")
    try pairs.expectToGoOn(offsets)
  }

  @Test("a signal ends both in order; the same command goes on with both", arguments: [SIGTERM])
  func signalled(_ number: CInt) throws {
    let pairs = try LongPairs()
    let run = try pairs.started()
    run.signal(number)
    let report = try Report(run.wait())
    expect(report, 32768, status: 21)
    let offsets = try pairs.offsets()
    let sum = ByteCount(UInt64(offsets.reduce(0, +)))
    #expect(report.notes.contains("the same command goes on at \(sum) of 2 GiB"), "\(report)")
    // The last checkpoint is where both stood still.
    #expect((0..<2).map { report.pair($0)["BytesCompared"].int } == offsets, "\(report)")
    try pairs.expectToGoOn(offsets)
  }

  @Test(
    "what cannot be read of one ends the other at its next chunk: no recovery is written", arguments: [0, 1])
  func unreadable(_ number: Int) throws {
    let state = try StateDirectory()
    let bad = try FaultPair()
    let primary = try Image("primary", size: LongRun.size)
    try primary.write([1], at: 5000)
    let recovery = try Image("recovery", size: LongRun.size)
    try bad.primary.tell("fail read \(FaultPair.difference.offset)+512 EIO")
    var pairs = [(primary: primary.path, recovery: recovery.path)]
    pairs.insert(parallelNodes(bad), at: number)
    let report = try Report(
      Command.start(parallelWords(.resync, pairs, LongRun.options + state.options)).wait())
    expect(report, 32768)
    #expect(report.message.contains("EIO") && report.message.contains(bad.primary.node), "\(report)")
    #expect(report["BytesWritten"].int == 0)
    #expect((report.pair(1 - number)["BytesCompared"].int ?? .max) < Int(LongRun.size), "\(report)")
    #expect((0..<2).allSatisfy { report.pair($0)["ReturnValue"].int == 32768 }, "\(report)")
    #expect(try recovery.bytes(1, at: 5000) == [0])
    #expect(areEqual(try bad.recovery.bytes(), FaultPair.old))
    try state.expect("Never")
  }

  @Test("a write error while both are applied: the commit stands, and repair finishes it")
  func failedApply() throws {
    let state = try StateDirectory()
    let one = try FaultPair()
    let two = try FaultPair()
    try two.recovery.tell("fail write * EIO")
    let report = try Report(
      Command.start(parallelWords(.resync, [parallelNodes(one), parallelNodes(two)], state.options)).wait())
    expect(report, 32768)
    #expect(report.message.contains("EIO") && report.message.contains(two.recovery.node), "\(report)")
    #expect(try state.states() == ["Applying"])
    try two.recovery.tell("clear")
    expect(try state.repair(one.recovery.node), 0)
    #expect(areEqual(try one.recovery.bytes(), FaultPair.bytes))
    #expect(areEqual(try two.recovery.bytes(), FaultPair.bytes))
    try state.expect("Consistent")
  }

  @Test(
    "one that hangs is found in time though the other moves, and named with its ranges",
    arguments: [Operation.compare, .resync], [0, 1])
  func stalled(_ operation: Operation, _ number: Int) throws {
    let state = try StateDirectory()
    let hung = try FaultPair()
    let slow = try FaultPair()
    // 16 pieces, half a second each, where a plan does not look, and where the other hangs.
    try slow.primary.tell("delay read \(2 << 20)+\(1 << 20) 500")
    var pairs = [parallelNodes(slow)]
    pairs.insert(parallelNodes(hung), at: number)
    let place = FaultPair.difference.offset
    let writing = operation == .compare ? [] : state.options
    try hung.recovery.tell("stall read \(place)+4096")
    defer { _ = try? hung.recovery.tell("release") }
    let run = try Command.start(
      parallelWords(operation, pairs, Self.pieces + writing + ["--stall-timeout", "2s"]))
    let isHung = try eventually(within: 20) { try hung.recovery.statistics().waiting == 1 }
    #expect(isHung)
    let since = ContinuousClock.now
    let report = try Report(run.wait(within: 25))
    // The monitor counts to 2 and answers within a second; the rest is for a machine that others use too.
    #expect(ContinuousClock.now - since < .seconds(8))
    expect(report, 32772)
    #expect(report.message.hasPrefix("nothing of pair \(number + 1) has moved for 2"), "\(report)")
    #expect(report.message.contains("while comparing"), "\(report)")
    #expect(report.message.contains("read bytes \(place / 65536 * 65536)–"), "\(report)")
    #expect(report.message.contains("of \(hung.recovery.node)"), "\(report)")
    let errors = report.pair(number)["Errors"].array
    #expect(errors.contains { $0["Attempt"].text == "read" && $0["Device"].text == hung.recovery.node })
    #expect(errors.allSatisfy { $0["Device"].text == hung.recovery.node }, "\(report)")
    #expect(report.pair(1 - number)["Errors"].array.isEmpty, "\(report)")
  }

  @Test("an image of one that changes while its holes are passed over: both are compared anew, holes too")
  func holes() throws {
    let state = try StateDirectory()
    let one = try Image("one", size: 16 << 20)
    let target = try Image("target", size: 16 << 20)
    for place in stride(from: UInt64(0), to: 16 << 20, by: 4 << 20) { try one.write([1], at: place) }
    let other = try TestPair(differing: .loops, name: "2")
    let child = try Command.start(
      parallelWords(
        .resync, [(one.path, target.path), (other.primary, other.recovery)],
        state.options + ["--progress", "json"]),
      through: [
        "strace", "-f", "-o", "/dev/null", "-e", "trace=lseek", "-P", one.path, "-e",
        "inject=lseek:delay_enter=500ms",
      ])
    let isComparing = try eventually(within: 30) {
      try child.complained().contains("\"Pair\":0,\"Phase\":\"comparing\"")
    }
    #expect(isComparing)
    // The first of its holes is looked for by then, and not the last.
    pause(milliseconds: 1200)
    // Its change time tells; nobody has written to it.
    try tool("chmod", "0640", one.path)
    let report = try Report(child.wait())
    expect(report, 0)
    #expect(report.pair(0)["BytesSkipped"].int == 0 && report.pair(0)["BytesCompared"].int == 16 << 20)
    #expect(report.pair(1)["BytesWritten"].int == 4096)
    try tool("cmp", one.path, target.path)
    #expect(areEqual(try other.recoveryImage.bytes(), try other.primaryImage.bytes()))
    try state.expect("Consistent")
  }

  @Test("a number that makes no sense is 32773", arguments: ["0", "17", "two"])
  func usage(_ number: String) throws {
    let pair = try TestPair(differing: .images)
    expect(try Command.json(.compare, pair.primary, pair.recovery, ["--parallel", number]), 32773)
  }
}
