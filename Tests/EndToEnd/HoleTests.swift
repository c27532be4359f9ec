import SystemPackage
import Testing

@testable import DeviceResync

@Suite("holes", .ownPlace, .tags(.devices, .slow)) struct HoleTests {
  @Test("a dirty page in a foreign loop's cache over a hole is found", arguments: [Side.primary, .recovery])
  func dirtyPage(_ side: Side) throws {
    let primary = try Image("primary", size: 64 << 20)
    let recovery = try Image("recovery", size: 64 << 20)
    let dirty = side == .primary ? primary : recovery
    let loop = try NamedLoop(dirty.path)
    try OwnedDescriptor(opening: FilePath(loop.node), .readWrite).write(
      [UInt8](repeating: 7, count: 4096), at: 40 << 20)
    // The file still shows a hole: nothing was written back when the writer closed, for the test has it open.
    #expect(try dirty.status().allocated == 0)
    let report = try Command.json(.compare, primary.path, recovery.path)
    expect(report, 0, status: 1)
    #expect(report.ranges == [ByteRange(offset: 40 << 20, length: 4096)])
  }

  @Test("holes and data in any layout: the same differences with and without --full, and the same result")
  func layouts() throws {
    try forSeeds { seed in
      var random = SplitMix64(seed: seed)
      let size = 8 << 20
      var contents: [[UInt8]] = []
      var images: [Image] = []
      for name in ["p", "r"] {
        let image = try Image("\(name)\(seed)", size: UInt64(size))
        var bytes = [UInt8](repeating: 0, count: size)
        for _ in 0..<12 {
          let start = Int.random(in: 0..<size / 4096, using: &random) * 4096
          let length = min(size - start, Int.random(in: 1...100, using: &random) * 4096)
          // Every third piece is zeros that take room.
          let isZero = Int.random(in: 0..<3, using: &random) == 0
          let piece = isZero ? [UInt8](repeating: 0, count: length) : randomBytes(length, seed: UInt64(start))
          bytes.replaceSubrange(start..<start + length, with: piece)
          try image.write(piece, at: UInt64(start))
        }
        contents.append(bytes)
        images.append(image)
      }
      let oracle = Oracle(contents[0], contents[1])
      let (primary, recovery) = (images[0].path, images[1].path)
      let sparse = try Command.json(.compare, primary, recovery)
      let full = try Command.json(.compare, primary, recovery, ["--full"])
      #expect(sparse.ranges == oracle.ranges, "seed \(seed)")
      #expect(full.ranges == oracle.ranges, "seed \(seed)")
      #expect(
        sparse["BytesCompared"].int.map { $0 + (sparse["BytesSkipped"].int ?? 0) } == size, "seed \(seed)")
      #expect(full["BytesSkipped"].int == 0 && full["BytesCompared"].int == size, "seed \(seed)")
      expect(try Command.json(.resync, primary, recovery), 0)
      #expect(areEqual(try images[1].bytes(), oracle.result), "seed \(seed)")
      #expect(areEqual(try images[0].bytes(), contents[0]), "seed \(seed)")
    }
  }

  @Test("holes on both sides are skipped and counted, in time that does not grow with the size")
  func skipped() throws {
    let primary = try Image("primary", size: 1 << 40)
    let recovery = try Image("recovery", size: 1 << 40)
    try primary.write([1], at: (1 << 39) + 5)
    let report = try Command.json(.compare, primary.path, recovery.path)
    expect(report, 0, status: 1)
    #expect(report["BytesDifferent"].int == 4096)
    #expect((report["BytesCompared"].int ?? 0) + (report["BytesSkipped"].int ?? 0) == 1 << 40)
  }
}
