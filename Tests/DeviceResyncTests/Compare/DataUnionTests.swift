import SystemPackage
import Testing

@testable import DeviceResync

@Suite("holes of two images") struct DataUnionTests {
  static let mib: UInt64 = 1 << 20
  static let directories: [FilePath] = ["/var/tmp", "/dev/shm"]

  /// A file of `size` bytes with data at these ranges, from `shift` on.
  func image(
    _ size: UInt64, _ data: [ByteRange], in directory: FilePath, shift: UInt64 = 0
  ) throws -> DataUnion.Image {
    let file = try unnamedFile(size: size + shift, in: directory)
    for range in data {
      try file.write([UInt8](repeating: 1, count: Int(range.length)), at: range.offset + shift)
    }
    return DataUnion.Image(file: file, start: shift)
  }

  struct Walked {
    var work: [ByteRange] = []
    var samples: [ByteRange] = []
    var skipped: UInt64 = 0
  }

  func walk(_ source: consuming DataUnion) throws -> Walked {
    var walked = Walked()
    var last: UInt64 = 0
    while let next = try source.next() {
      #expect(next.range.offset >= last)
      last = next.range.end
      if next.mustBeZero { walked.samples.append(next.range) } else { walked.work.append(next.range) }
    }
    walked.skipped = source.bytesSkipped
    return walked
  }

  func range(_ offset: UInt64, _ length: UInt64) -> ByteRange { ByteRange(offset: offset, length: length) }

  @Test("what is data on either side is work; the rest is skipped", arguments: directories)
  func union(directory: FilePath) throws {
    let size = 64 * Self.mib
    let primary = try image(size, [range(0, 4096), range(10 * Self.mib, Self.mib)], in: directory)
    let recovery = try image(
      size, [range(10 * Self.mib + 524288, Self.mib), range(40 * Self.mib, 4096)], in: directory)
    let walked = try walk(
      DataUnion(primary: primary, recovery: recovery, size: size, blocks: BlockGrid(512, 512), seed: 1))
    #expect(
      walked.work == [
        range(0, 4096), range(10 * Self.mib, Self.mib + 524288), range(40 * Self.mib, 4096),
      ])
    let covered = (walked.work + walked.samples).reduce(0) { $0 + $1.length }
    #expect(covered + walked.skipped == size)
  }

  @Test("a hole shorter than 256 KiB is read, a longer one is not", arguments: directories)
  func shortHoles(directory: FilePath) throws {
    let size = 4 * Self.mib
    let primary = try image(size, [range(131072, 4096), range(131072 + 4096 + 258048, 4096)], in: directory)
    let recovery = try image(size, [range(393216 + 4096 + 262144, 4096)], in: directory)
    let walked = try walk(
      DataUnion(primary: primary, recovery: recovery, size: size, blocks: BlockGrid(512, 512), seed: 1))
    #expect(walked.work == [range(0, 397312), range(659456, 4096)])
  }

  @Test(
    "a loop's offset in its file is added, and what lies before it is not the disk's", arguments: directories)
  func offset(directory: FilePath) throws {
    let size = 8 * Self.mib
    let primary = try image(size, [range(2 * Self.mib, 4096)], in: directory, shift: 4096)
    let recovery = try image(size, [range(5 * Self.mib, 4096)], in: directory, shift: Self.mib)
    try recovery.file.write([1, 2, 3], at: 4096)
    let walked = try walk(
      DataUnion(primary: primary, recovery: recovery, size: size, blocks: BlockGrid(512, 512), seed: 1))
    #expect(walked.work == [range(2 * Self.mib, 4096), range(5 * Self.mib, 4096)])
  }

  @Test("ranges are widened to whole blocks, and end with the disk", arguments: directories)
  func alignment(directory: FilePath) throws {
    let size = 4 * Self.mib + 512
    let primary = try image(size, [range(2 * Self.mib + 4096, 4096)], in: directory)
    let recovery = try image(size, [range(4 * Self.mib, 512)], in: directory)
    let walked = try walk(
      DataUnion(primary: primary, recovery: recovery, size: size, blocks: BlockGrid(65536, 512), seed: 1))
    #expect(walked.work == [range(2 * Self.mib, 65536), range(4 * Self.mib, 512)])
    #expect(walked.skipped == 4 * Self.mib - 65536)
  }

  @Test("two images without data are one hole; without holes they are cut in ranges of 64 MiB")
  func extremes() throws {
    let size = 130 * Self.mib
    let empty = try walk(
      DataUnion(
        primary: image(size, [], in: "/dev/shm"), recovery: image(size, [], in: "/dev/shm"), size: size,
        blocks: BlockGrid(512, 512), seed: 1))
    #expect(empty.work.isEmpty)
    #expect(empty.skipped + empty.samples.reduce(0) { $0 + $1.length } == size)
    let dense = try walk(
      DataUnion(
        primary: image(size, [range(0, size)], in: "/dev/shm"), recovery: image(size, [], in: "/dev/shm"),
        size: size, blocks: BlockGrid(512, 512), seed: 1))
    #expect(dense.work.map(\.length) == [64 * Self.mib, 64 * Self.mib, 2 * Self.mib])
    #expect(dense.skipped == 0)
  }

  @Test("any pattern of extents is covered: no byte of data is ever passed over", arguments: directories)
  func property(directory: FilePath) throws {
    try forSeeds { seed in
      var random = SplitMix64(seed: seed)
      let size = UInt64.random(in: 1...48, using: &random) * 512 * 1024 + 512
      func extents() -> [ByteRange] {
        (0..<Int.random(in: 0...20, using: &random)).map { _ in
          let start = UInt64.random(in: 0..<size, using: &random)
          return range(start, min(size - start, .random(in: 1...500_000, using: &random)))
        }
      }
      let (first, second) = (extents(), extents())
      let walked = try walk(
        DataUnion(
          primary: image(size, first, in: directory), recovery: image(size, second, in: directory),
          size: size,
          blocks: BlockGrid(512, 512), seed: seed))
      for data in first + second {
        let covered = walked.work.reduce(UInt64(0)) { sum, work in
          work.overlaps(data) ? sum + min(work.end, data.end) - max(work.offset, data.offset) : sum
        }
        #expect(covered == data.length, "seed \(seed), \(data)")
      }
      let all = (walked.work + walked.samples).reduce(0) { $0 + $1.length }
      #expect(all + walked.skipped == size, "seed \(seed)")
      #expect(walked.work.allSatisfy { $0.offset % 4096 == 0 }, "seed \(seed)")
    }
  }

  @Test("one of each 4,096 MiB that are passed over is read, another one with each seed")
  func samples() throws {
    // A hole of 1 TiB, in pieces of any length.
    var places: Set<UInt64> = []
    for seed in 0..<20 as Range<UInt64> {
      var random = SplitMix64(seed: seed)
      var draw = SampleDraw(seed: seed)
      var position: UInt64 = 0
      var samples: [ByteRange] = []
      while position < 1 << 40 {
        let hole = ByteRange(offset: position, length: .random(in: 1...1 << 26, using: &random) * 4096)
        position = hole.end
        var rest = hole
        while !rest.isEmpty, let sample = draw.next(in: rest) {
          #expect(sample.offset >= rest.offset && sample.end <= rest.end)
          samples.append(sample)
          rest = ByteRange(sample.end, upTo: rest.end)
        }
      }
      #expect((255...320).contains(samples.count))
      places.insert(try #require(samples.first).offset)
    }
    #expect(places.count > 15)
  }

  @Test("a seek that fails names its side")
  func failure() throws {
    let good = try image(Self.mib, [], in: "/dev/shm")
    let directory = DataUnion.Image(file: try OwnedDescriptor(opening: "/", [.pathOnly]), start: 0)
    var source = DataUnion(
      primary: good, recovery: directory, size: Self.mib, blocks: BlockGrid(512, 512), seed: 1)
    do {
      _ = try source.next()
      Issue.record("no error")
    } catch {
      #expect(error.side == .recovery && error.errno == .badFileDescriptor)
    }
  }
}
