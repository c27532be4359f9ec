import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("pairs side by side in place", .ownPlace, .tags(.devices, .slow)) struct ParallelInPlaceTests {
  @Test("in place both are written, and are Consistent together", arguments: [1, 2])
  func inPlaceTogether(_ parallel: Int) throws {
    let one = try FaultPair()
    let two = try FaultPair()
    let options = one.inPlace + ["--parallel", "\(parallel)", "--verify"]
    let run = try Command.start(parallelWords(.resync, [parallelNodes(one), parallelNodes(two)], options))
    try one.recovery.stalling("write *") {
      let isWritten = try eventually(within: parallel == 1 ? 2 : 20) {
        try two.recovery.log().contains { $0.kind == .write }
      }
      #expect(isWritten == (parallel == 2))
      let state = try JSONValue(
        parsing: readText(
          FilePath("\(one.state)/states").appending(
            try #require(directoryNames(FilePath("\(one.state)/states")).first { $0.hasSuffix(".json") }))))
      // Before the first write of either.
      #expect(state["Consistency"]["State"].text == "Inconsistent", "\(state)")
    }
    let report = try Report(run.wait())
    expect(report, 0)
    #expect((0..<2).map { report.pair($0)["BytesWritten"].int } == [65536, 65536])
    try one.recovery.tell("cut")
    try two.recovery.tell("cut")
    #expect(areEqual(try one.recovery.bytes(), FaultPair.bytes))
    #expect(areEqual(try two.recovery.bytes(), FaultPair.bytes))
  }

  @Test("what differs in place is counted over both: more than is allowed ends both")
  func allowance() throws {
    let state = try StateDirectory()
    let bytes = randomBytes(8 << 20, seed: 5)
    let one = try TestPair(bytes, bytes, .loops, name: "1")
    let two = try TestPair(bytes, bytes, .loops, name: "2")
    let pairs = [(primary: one.primary, recovery: one.recovery), (two.primary, two.recovery)]
    let options = inPlace + ["--state-dir", state.path, "--parallel", "2"]
    expect(try Report(Command.start(parallelWords(.resync, pairs, options)).wait()), 0)
    try one.recoveryImage.write([UInt8](repeating: 0, count: 3 << 20), at: 1 << 20)
    try two.recoveryImage.write([UInt8](repeating: 0, count: 3 << 20), at: 1 << 20)
    let report = try Report(
      Command.start(parallelWords(.resync, pairs, options + ["--max-difference", "4M"])).wait())
    expect(report, 32775)
    let written = report["BytesWritten"].int ?? .max
    #expect(written > 0 && written <= 4 << 20, "\(report)")
    try state.expect("Inconsistent")
    // Each goes on at its own place.
    let places = try state.records()[0]["Consistency"]["By"]["Checkpoint"]["Pairs"].array
    #expect(places.map { $0["Pair"].int } == [0, 1], "\(places)")
    let again = try Report(
      Command.start(parallelWords(.resync, pairs, options + ["--max-difference", "100%"])).wait())
    expect(again, 0)
    for pair in 0..<2 {
      #expect(
        again.pair(pair)["Notes"].array.contains { $0.text?.hasPrefix("continued at ") == true }, "\(again)")
    }
    #expect(again["BytesWritten"].int == 6 << 20, "\(again)")
    #expect(areEqual(try one.recoveryImage.bytes(), bytes))
    #expect(areEqual(try two.recoveryImage.bytes(), bytes))
    try state.expect("Consistent")
  }

  @Test(
    "who writes to a disk of a pair that is dealt with, while another is worked on: 32768, Inconsistent",
    arguments: Side.allCases)
  func writtenMeanwhile(_ side: Side) throws {
    let one = try FaultPair()
    let two = try FaultPair()
    let words = parallelWords(
      .resync, [parallelNodes(one), parallelNodes(two)], one.inPlace + ["--parallel", "1"])
    let run = try Command.start(words)
    try two.recovery.stalling("write *") {
      // The first has come to its end: they are worked on one after the other.
      let node = try OwnedDescriptor(opening: FilePath(one.node(side)), .readWrite)
      try node.write([UInt8](repeating: 0x77, count: 4096), at: 1 << 20)
      try node.synchronizeData()
      try node.close()
    }
    let report = try Report(run.wait())
    expect(report, 32768)
    #expect(report.message.contains("wrote 4096 bytes"), "\(report)")
    let states = try StateDirectory(at: one.state).states()
    #expect(states == ["Inconsistent"])
    expect(try Report(Command.start(words).wait()), 0)
    #expect(areEqual(try one.recovery.bytes(), try one.primary.bytes()))
    #expect(areEqual(try two.recovery.bytes(), try two.primary.bytes()))
  }

  @Test("stopped once more before it has come to a pair, what was done of that is gone on with all the same")
  func stoppedTwice() throws {
    let state = try StateDirectory()
    let long = (
      primary: try Image("primary1", size: LongRun.size), recovery: try Image("r1", size: LongRun.size)
    )
    let bytes = randomBytes(8 << 20, seed: 5)
    let two = try TestPair(bytes, bytes, .images, name: "2")
    for image in [long.recovery, two.recoveryImage] {
      try image.write([UInt8](repeating: 1, count: 3 << 20), at: 1 << 20)
    }
    let pairs = [(long.primary.path, long.recovery.path), (two.primary, two.recovery)]
    func start(_ options: [String]) throws -> Child {
      try Command.start(
        parallelWords(
          .resync, pairs,
          inPlace + LongRun.options + [
            "--accept-content-change", "--blank-primary", "--state-dir", state.path,
          ]
            + options))
    }
    func offsets() throws -> [Int: Int] {
      let run = try state.records().first?["Consistency"]["By"] ?? .missing
      let pairs = run["Checkpoint"]["Pairs"].array.map { ($0["Pair"].int ?? -1, $0["Offset"].int ?? -1) }
      return Dictionary(uniqueKeysWithValues: pairs)
    }
    // What differs in a first run is no matter: that comes first.
    expect(try Report(start(["--parallel", "2"]).wait(within: 120)), 0)
    var first: [Int: Int] = [:]
    // Where the short pair is slow to begin, the long one has come to its end: then once more.
    for _ in 0..<5 where first[0] ?? .max > Int(LongRun.size) / 2 {
      if !first.isEmpty {
        expect(try Report(start(["--parallel", "2", "--max-difference", "100%"]).wait(within: 120)), 0)
      }
      for image in [long.recovery, two.recoveryImage] {
        try image.write([UInt8](repeating: 1, count: 3 << 20), at: 1 << 20)
      }
      expect(try Report(start(["--parallel", "2", "--max-difference", "4M"]).wait(within: 120)), 32775)
      first = try offsets()
    }
    try #require(first.count == 2, "\(first)")
    let run = try start(["--parallel", "1", "--max-difference", "100%", "--checkpoint-every", "4M"])
    let isUnderWay = try eventually(within: 60) { try offsets()[0] ?? 0 > first[0] ?? 0 || run.hasEnded }
    #expect(isUnderWay)
    run.signal(SIGTERM)
    expect(try Report(run.wait()), 32768, status: 21)
    let second = try offsets()
    #expect(second[0] ?? 0 > first[0] ?? 0, "\(first), \(second)")
    #expect(second[1] == first[1], "\(first), \(second)")
    let report = try Report(start(["--parallel", "2", "--max-difference", "100%"]).wait(within: 120))
    expect(report, 0)
    #expect(
      report.pair(1)["Notes"].array.contains { $0.text?.hasPrefix("continued at ") == true }, "\(report)")
    try tool("cmp", long.primary.path, long.recovery.path)
    #expect(areEqual(try two.recoveryImage.bytes(), bytes))
  }
}
