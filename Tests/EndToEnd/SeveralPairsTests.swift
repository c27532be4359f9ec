import SystemPackage
import Testing

@testable import DeviceResync

@Suite("several pairs in one call", .ownPlace, .tags(.devices, .slow)) struct SeveralPairsTests {
  private func run(
    _ operation: Operation, _ pairs: [(String, String)], _ wrapper: [String] = [], _ options: [String] = []
  ) throws -> Report {
    let words = pairs.flatMap { ["--primary", $0.0, "--recovery", $0.1] }
    let yes = operation == .resync ? ["--yes"] : []
    return try Report(
      Command.start([operation.rawValue, "--json"] + yes + options + words, through: wrapper).wait())
  }

  @Test("are all brought in line, in their order, with totals")
  func totals() throws {
    let one = try TestPair(differing: .images)
    let bytes = randomBytes(2 << 20, seed: 2)
    let two = try TestPair(bytes, bytes.map { ~$0 }, .loops, name: "2")
    let three = try TestPair(bytes, bytes, .imageToLoop, name: "3")
    let pairs = [(one.primary, one.recovery), (two.primary, two.recovery), (three.primary, three.recovery)]
    let compared = try run(.compare, pairs)
    expect(compared, 0, status: 1)
    #expect(compared["Identical"].bool == false)
    #expect((0..<3).map { compared.pair($0)["Identical"].bool } == [false, false, true])
    #expect(compared["BytesDifferent"].int == 4096 + 2 << 20)

    let report = try run(.resync, pairs)
    expect(report, 0)
    #expect(report.json["Pairs"].array.count == 3)
    #expect((0..<3).map { report.pair($0)["BytesWritten"].int } == [4096, 2 << 20, 0])
    #expect(report["BytesWritten"].int == 4096 + 2 << 20)
    #expect(report["BytesCompared"].int == 5 << 20)
    #expect((0..<3).map { report.pair($0)["Recovery"]["Path"].text } == pairs.map(\.1))
    #expect(areEqual(try one.recoveryImage.bytes(), try one.primaryImage.bytes()))
    #expect(areEqual(try two.recoveryImage.bytes(), bytes))
  }

  @Test("one is refused: none is written")
  func refused() throws {
    let good = try TestPair(differing: .images)
    let bytes = randomBytes(1 << 20, seed: 3)
    let bad = try TestPair(bytes, Array(bytes.dropLast(512)), name: "bad")
    let report = try run(.resync, [(good.primary, good.recovery), (bad.primary, bad.recovery)])
    expect(report, 32775)
    #expect(report.pair(0)["ReturnValue"].int == 0)
    #expect(report.pair(1)["ReturnValue"].int == 32775)
    try good.expectUntouched()
  }

  @Test("one fails on its way: the others are done, and the value is the failure's")
  func fails() throws {
    let one = try TestPair(differing: .images)
    let bad = try Image("bad", randomBytes(24 << 20, seed: 4))
    let three = try TestPair(differing: .loops, name: "3")
    try tool("mkdir", Place.ours("small"))
    let full = Place.ours("small/recovery")
    let pairs = [(one.primary, one.recovery), (bad.path, full), (three.primary, three.recovery)]
    let report = try run(.resync, pairs, onSmallTmpfs(full, size: 24 << 20), inPlace)
    expect(report, 32768)
    #expect((0..<3).map { report.pair($0)["ReturnValue"].int } == [0, 32768, 0])
    #expect(report.pair(0)["BytesWritten"].int == 4096)
    #expect(report.pair(2)["BytesWritten"].int == 4096)
    #expect(areEqual(try one.recoveryImage.bytes(), try one.primaryImage.bytes()))
    #expect(areEqual(try three.recoveryImage.bytes(), try three.primaryImage.bytes()))
  }

  @Test("a disk that is the recovery of one and the primary of another is 32774, in either order")
  func chain() throws {
    let one = try Image("one", size: 1 << 20)
    let two = try Image("two", size: 1 << 20)
    let three = try Image("three", size: 1 << 20)
    for pairs in [
      [(one.path, two.path), (two.path, three.path)], [(two.path, three.path), (one.path, two.path)],
    ] {
      expect(try run(.resync, pairs), 32774)
      expect(try run(.plan, pairs), 32774)
    }
  }

  @Test("two partitions of one loop are both brought in line: the file behind them is locked once")
  func partitions() throws {
    let image = try Image("recovery", size: 8 << 20)
    var loop = try NamedLoop(image.path)
    let one = try loop.addPartition(1, start: 1 << 20, length: 1 << 20)
    let two = try loop.addPartition(2, start: 4 << 20, length: 1 << 20)
    let source = try Image("source", randomBytes(1 << 20, seed: 8))
    let report = try run(.resync, [(source.path, one), (source.path, two)])
    expect(report, 0)
    #expect(report["BytesWritten"].int == 2 << 20)
  }

  @Test("a recovery twice is 32773, under whatever names; a primary twice is none")
  func twice() throws {
    let one = try Image("one", size: 1 << 20)
    let two = try Image("two", size: 1 << 20)
    let target = try Image("target", size: 1 << 20)
    try tool("ln", target.path, Place.ours("alias"))
    expect(try run(.resync, [(one.path, target.path), (two.path, target.path)]), 32773)
    expect(try run(.resync, [(one.path, target.path), (two.path, Place.ours("alias"))]), 32773)
    expect(try run(.resync, [(one.path, two.path), (one.path, target.path)]), 0)
  }
}
