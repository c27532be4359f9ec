import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("keeping old bytes", .enabled(if: geteuid() == 0, "needs root, as the command does"))
struct UndoFileTests {
  /// What a run stages, and what it keeps beside that.
  static func keep(
    _ disks: [StagingDisks], chunk: Int = 64 << 10, segmentSize: Int = 16 << 10
  ) throws -> (forward: StagingImage, back: StagingImage) {
    let header = stagingHeader(disks, segmentSize: segmentSize)
    let staged = try unnamedFile(size: 0, in: "/var/tmp", direct: true)
    let kept = try unnamedFile(size: 0, in: "/var/tmp", direct: true)
    var writer = try stagingWriter(header, to: staged)
    writer.undo = UndoFile(try stagingWriter(header, to: kept))
    for (index, pair) in disks.enumerated() {
      writer = try stage(pair, pair: index, into: writer, chunk: chunk)
    }
    let file = writer.undo
    let undo = try #require(file)
    let back = try undo.seal()
    let forward = try writer.seal()
    return (
      StagingImage(bytes: try staged.contents(), header: header, seal: forward),
      StagingImage(bytes: try kept.contents(), header: header, seal: back)
    )
  }

  /// Looks whether `recovery` can go back by `image`.
  static func check(
    _ image: StagingImage, pair: Int = 0, _ recovery: [UInt8], isStrict: Bool = true
  ) throws(ResyncError) -> Bool {
    let reach = Int(image.header.pairs[pair].reach)
    var queue = applyQueue(image, over: Array(recovery[..<reach]))
    let staging = try validate(image, &queue)
    return try checkWayBack(
      staging, pair: pair, isStrict: isStrict, through: &queue,
      tail: TailBytes(Array(recovery[reach...])).tail(at: reach), control: RunControl())
  }

  @Test("any pattern comes back, exactly its blocks, whatever the chunks and segments")
  func randomPatterns() throws {
    try forSeeds { seed in
      var random = SplitMix64(seed: seed)
      let disks = StagingRoundTripTests.disks(seed: seed)
      let kept = try Self.keep(
        [disks], chunk: [4096, 64 << 10, 1 << 20].randomElement(using: &random) ?? 4096,
        segmentSize: [16 << 10, 128 << 10].randomElement(using: &random) ?? 16 << 10)
      #expect(kept.back.seal.bytes == kept.forward.seal.bytes, "seed \(seed)")
      #expect(try Self.check(kept.back, disks.primary), "seed \(seed)")
      let applied = apply(kept.back, to: disks.primary, mode: .replay)
      #expect(applied.ending == .success(.complete), "seed \(seed)")
      #expect(differingBytes(applied.recovery, disks.recovery) == 0, "seed \(seed)")
      #expect(try prove(kept.back, disks.recovery) == UInt64(disks.recovery.count), "seed \(seed)")
      // The way forward is what it is without.
      #expect(try staging(of: [disks]).seal.bytes == kept.forward.seal.bytes, "seed \(seed)")
    }
  }

  @Test("several pairs, holes of both sides and tails")
  func pairs() throws {
    var bytes = randomBytes((1 << 20) + 300, seed: 3)
    for place in 256 << 10..<512 << 10 { bytes[place] = 0 }
    let one = StagingDisks(
      primary: bytes, recovery: bytes.enumerated().map { (256 << 10..<512 << 10).contains($0) ? $1 : ~$1 },
      data: [
        ByteRange(offset: 0, length: 256 << 10), ByteRange(offset: 512 << 10, length: 512 << 10),
      ])
    let two = StagingDisks(primary: randomBytes(8192, seed: 4), recovery: [UInt8](repeating: 0, count: 8192))
    let kept = try Self.keep([one, two])
    for (index, disks) in [one, two].enumerated() {
      #expect(try Self.check(kept.back, pair: index, disks.primary))
      let applied = apply(kept.back, pair: index, to: disks.primary, mode: .replay)
      #expect(differingBytes(applied.recovery, disks.recovery) == 0)
    }
  }

  @Test("whatever somebody has changed since is found, and an old block too, but for a run that was stopped")
  func foreignWrites() throws {
    try forSeeds { seed in
      var random = SplitMix64(seed: seed)
      let disks = StagingRoundTripTests.disks(seed: seed, largest: 200_000)
      let back = try Self.keep([disks]).back
      var changed = disks.primary
      changed[Int.random(in: 0..<changed.count, using: &random)] ^=
        1 << UInt8.random(in: 0..<8, using: &random)
      for isStrict in [true, false] where changed != disks.recovery {
        let error = #expect(throws: ResyncError.self, "seed \(seed)") {
          _ = try Self.check(back, changed, isStrict: isStrict)
        }
        #expect(error?.returnValue == .invalidState && error?.range != nil, "seed \(seed)")
      }
      // A logical block of each, as a stop leaves them.
      let unit = Int(disks.grid.logicalBlockSize)
      var mixed = disks.primary
      for start in stride(from: 0, to: disks.reach, by: unit) where Bool.random(using: &random) {
        mixed.replaceSubrange(start..<start + unit, with: disks.recovery[start..<start + unit])
      }
      #expect(try Self.check(back, mixed, isStrict: false), "seed \(seed)")
      if mixed != disks.primary {
        #expect(throws: ResyncError.self, "seed \(seed)") { _ = try Self.check(back, mixed) }
      }
    }
  }

  @Test("a damaged file is never a way back: any bit, any length")
  func damaged() throws {
    let disks = StagingRoundTripTests.disks(seed: 5, largest: 60_000)
    let back = try Self.keep([disks]).back
    forSeeds { seed in
      var random = SplitMix64(seed: seed)
      var hostile = back
      for _ in 0..<20 {
        hostile.bytes = back.bytes
        hostile.bytes[Int.random(in: 0..<back.bytes.count, using: &random)] ^= 1
        #expect(throws: ResyncError.self, "seed \(seed)") { _ = try Self.check(hostile, disks.primary) }
        hostile.bytes = Array(back.bytes.prefix(Int.random(in: 0..<back.bytes.count, using: &random)))
        #expect(throws: ResyncError.self, "seed \(seed)") { _ = try Self.check(hostile, disks.primary) }
      }
    }
  }

  @Test("the file of the way forward, whose records may lie beside their digests, is refused without a trap")
  func forwardFile() throws {
    let primary = randomBytes(1 << 20, seed: 1)
    let disks = StagingDisks(primary: primary, recovery: primary.map { ~$0 })
    let forward = try staging(of: [disks])
    #expect(throws: ResyncError.self) { _ = try Self.check(forward, disks.recovery) }
  }

  @Test("what could not be read cannot be kept: the run ends before its commit")
  func unreadable() throws {
    let file = try unnamedFile(size: 0, in: "/var/tmp", direct: true)
    let disks = StagingWriterTests.different
    let undo = UndoFile(try stagingWriter(stagingHeader([disks], segmentSize: 16 << 10), to: file))
    let range = ByteRange(offset: 0, length: 4096)
    let error = #expect(throws: ResyncError.self) {
      try disks.primary.withRawSpan { (primary) throws(ResyncError) in
        try disks.recovery.withRawSpan { (recovery) throws(ResyncError) in
          try undo.keep(
            ByteRange(offset: 0, length: 1 << 20), pair: 0, differing: [range], unreadable: [range],
            primary: primary, recovery: recovery)
        }
      }
    }
    #expect(error?.returnValue == .failed && error?.remedy?.contains("--recovery-point") == true)
    #expect(throws: ResyncError.self) {
      try undo.keepTail(pair: 0, range, primary: [1], recovery: nil)
    }
  }

  @Test("without room it says exactly what it would need")
  func outOfRoom() throws {
    let disks = StagingWriterTests.different
    let whole = try Self.keep([disks]).back
    let header = whole.header
    let staged = try unnamedFile(size: 0, in: "/var/tmp", direct: true)
    let kept = try unnamedFile(size: 0, in: "/var/tmp", direct: true)
    var writer = try stagingWriter(header, to: staged)
    var left: UInt64 = 300 << 10
    writer.undo = UndoFile(
      try stagingWriter(header, to: kept) { () throws(Errno) in
        defer { left = 0 }
        return left
      })
    writer = try stage(disks, pair: 0, into: writer)
    let file = writer.undo
    let undo = try #require(file)
    #expect(undo.isOutOfRoom && undo.bytesNeeded == UInt64(whole.bytes.count))
    let isForwardOut = writer.isOutOfRoom
    #expect(!isForwardOut)
    let error = #expect(throws: ResyncError.self) { _ = try undo.seal() }
    #expect(error?.errno == .noSpace)
    writer.drop()
  }
}
