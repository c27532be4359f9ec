import Testing

@testable import DeviceResync

/// Promise 1 and PITFALLS B13, G6, as the disks themselves have seen it.
@Suite("what reaches the disks", .ownPlace, .tags(.devices, .slow)) struct FaultLogTests {
  @Test("nothing is written to a primary, nor discarded there", arguments: [[], ["--verify"], ["--dry-run"]])
  func primary(_ options: [String]) throws {
    let pair = try FaultPair()
    _ = try pair.run(.resync, options)
    #expect(try pair.primary.log().allSatisfy { $0.kind == .sync })
    #expect(try pair.primary.statistics().read.bytes >= FaultPair.bytes.count)
  }

  @Test("nor after a failed run")
  func primaryAfterFailure() throws {
    let pair = try FaultPair()
    try pair.recovery.tell("fail write * EIO")
    expect(try pair.run(), 32768)
    #expect(try pair.primary.log().allSatisfy { $0.kind == .sync })
  }

  @Test(
    "a comparison, a plan and a dry run write to neither",
    arguments: [(Operation.compare, []), (.plan, []), (.resync, ["--dry-run"])] as [(Operation, [String])])
  func readers(_ operation: Operation, _ options: [String]) throws {
    let pair = try FaultPair()
    _ = try pair.run(operation, options)
    for log in [try pair.primary.log(), try pair.recovery.log()] {
      #expect(log.allSatisfy { $0.kind == .sync }, "\(log)")
    }
    #expect(areEqual(try pair.recovery.bytes(), FaultPair.old))
  }

  @Test("a resync writes the differing blocks, each once, and syncs after the last")
  func recovery() throws {
    let pair = try FaultPair()
    expect(try pair.run(), 0)
    let log = try pair.recovery.log()
    let writes = log.filter { $0.kind == .write }
    #expect(writes.reduce(0) { $0 + $1.moved } == FaultPair.difference.length)
    #expect(
      writes.allSatisfy {
        $0.range.offset >= FaultPair.difference.offset && $0.range.end <= FaultPair.difference.end
      })
    #expect(log.allSatisfy { $0.kind != .discard })
    #expect(log.last?.kind == .sync)
    #expect(log.first?.kind == .sync, "what others had written is brought down first")
  }

  @Test("an equal pair is not written")
  func equal() throws {
    let pair = try FaultPair()
    expect(try pair.run(), 0)
    try pair.recovery.tell("settle")
    expect(try pair.run(), 0)
    #expect(try pair.recovery.log().allSatisfy { $0.kind == .sync })
  }
}
