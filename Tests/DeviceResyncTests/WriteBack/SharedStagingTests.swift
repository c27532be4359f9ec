import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite(
  "a staging file that several pairs fill", .enabled(if: geteuid() == 0, "needs root, as the command does"))
struct SharedStagingTests {
  /// Blocks that differ here and there, zeros, a hole and a tail.
  static let disks = (0..<3).map { number in
    let primary = randomBytes(600_100, seed: UInt64(number))
    var recovery = primary
    for place in stride(from: 3000 * (number + 1), to: 600_100, by: 20_000) { recovery[place] ^= 1 }
    for place in 200_000..<300_000 { recovery[place] = ~recovery[place] }
    recovery[600_099] ^= 1
    var disks = StagingDisks(primary: primary, recovery: recovery)
    if number == 2 {
      for place in 400_000 / 4096 * 4096..<450_560 { (disks.primary[place], disks.recovery[place]) = (0, 0) }
      disks.data = [
        ByteRange(offset: 0, length: 397_312),
        ByteRange(offset: 450_560, length: UInt64(disks.reach) - 450_560),
      ]
    }
    return disks
  }
  static let header = stagingHeader(disks, segmentSize: 16 << 10)

  /// Stages all pairs, each on a thread of its own.
  private func stageTogether(_ staging: SharedStaging<DiskQueue>, most: Int = 3) throws {
    var work = Self.disks.map { (disks: $0, problem: String?.none) }
    try sideBySide(&work, lanes: [[0], [1], [2]], most: most) { index, work in
      do {
        var queue = MemoryQueue(
          primary: work.disks.primary, recovery: work.disks.recovery,
          geometry: QueueGeometry(chunk: 64 << 10, depth: 4))
        try stage(work.disks, pair: index, in: staging, from: &queue)
      } catch {
        work.problem = "\(error)"
      }
    }
    #expect(work.compactMap(\.problem) == [])
  }

  private func writer(to file: borrowing OwnedDescriptor) throws -> StagingWriter<DiskQueue> {
    let queue = try DiskQueue(
      primary: file, recovery: file,
      geometry: QueueGeometry(chunk: Self.header.segmentSize, depth: 3, recoveryDepth: 1), engine: .threads)
    return try StagingWriter.begin(Self.header, through: queue) { () throws(Errno) in 1 << 40 }
  }

  private func expectRight(_ image: StagingImage) throws {
    for (number, disks) in Self.disks.enumerated() {
      let applied = apply(image, pair: number, to: disks.recovery, mode: number == 1 ? .replay : .first)
      #expect((try? applied.ending.get()) == .complete)
      #expect(differingBytes(applied.recovery, disks.primary) == 0)
      #expect(try prove(image, pair: number, disks.primary) == 600_100)
    }
  }

  @Test("from threads of their own holds each pair as if it were alone: validated, applied, proved")
  func together() throws {
    var hasMixed = false
    for _ in 0..<10 {
      let file = try unnamedFile(size: 0, in: "/var/tmp")
      let staging = SharedStaging(try writer(to: file))
      try stageTogether(staging)
      let seal = try staging.takeWriter().seal()
      let image = StagingImage(bytes: try file.contents(), header: Self.header, seal: seal)
      try expectRight(image)
      var queue = applyQueue(image, over: [])
      let extents = try validate(image, &queue).extents
      hasMixed = hasMixed || extents[0].range.overlaps(extents[1].range)
    }
    #expect(hasMixed, "no two pairs were ever staged at one time")
  }

  /// What checkpoints said.
  private final class Marks: Sendable {
    let all = Guarded<[StagedMark]>([])
  }

  @Test("every checkpoint lies between two chunks of every pair, and all pairs go on from each")
  func checkpoints() throws {
    let file = try unnamedFile(size: 0, in: "/var/tmp")
    var pace = CheckpointPace()
    pace.bytes = 64 << 10
    let marks = Marks()
    let staging = SharedStaging(
      try writer(to: file),
      checkpoints: StagedCheckpoints(clock: CheckpointClock(pace)) { (mark) throws(ResyncError) in
        marks.all.withLock { $0.append(mark) }
        return true
      })
    try stageTogether(staging)
    staging.takeWriter().drop()
    let all = marks.all.withLock { $0 }
    #expect(all.count > 10)
    #expect(
      zip(all, all.dropFirst()).allSatisfy { before, after in
        zip(before.offsets, after.offsets).allSatisfy { $0 <= $1 } && before.length < after.length
      })
    let bytes = try file.contents()
    for mark in all {
      let copy = try unnamedFile(size: 0, in: "/var/tmp")
      try copy.write(bytes, at: 0)
      var queue = try DiskQueue(
        primary: copy, recovery: copy, geometry: QueueGeometry(chunk: Self.header.segmentSize, depth: 3),
        engine: .ioUring)
      var different = [UInt64](repeating: 0, count: 3)
      let length = try readStaging(
        Self.header, through: &queue, size: UInt64(bytes.count), name: "staging", upTo: mark,
        control: RunControl()
      ) { (entry) throws(ResyncError) in
        if entry.isBlocks { different[entry.pair] = max(different[entry.pair], entry.range.end) }
      }.length
      #expect(length == mark.length)
      #expect(zip(different, mark.offsets).allSatisfy { $0 <= $1 }, "\(mark)")
      // One pair's word is not another's.
      var other = mark.offsets
      other.swapAt(0, 1)
      guard other != mark.offsets, mark == all.last else { continue }
      let wrong = StagedMark(offsets: other, segments: mark.segments, length: mark.length, hash: mark.hash)
      #expect(throws: ResyncError.self) {
        _ = try readStaging(
          Self.header, through: &queue, size: UInt64(bytes.count), name: "staging", upTo: wrong,
          control: RunControl()
        ) { (_) throws(ResyncError) in }.length
      }
    }
  }

  @Test("what was found unreadable ends the checkpoints of all pairs")
  func forgets() throws {
    let file = try unnamedFile(size: 0, in: "/var/tmp")
    var pace = CheckpointPace()
    pace.bytes = 4096
    let marks = Marks()
    let staging = SharedStaging(
      try writer(to: file),
      checkpoints: StagedCheckpoints(clock: CheckpointClock(pace)) { (mark) throws(ResyncError) in
        marks.all.withLock { $0.append(mark) }
        return true
      })
    staging.forgetCheckpoints()
    try stageTogether(staging, most: 1)
    try staging.makeCheckpoint()
    #expect(marks.all.withLock { $0 } == [])
    staging.takeWriter().drop()
  }

  @Test("where a hole was none, what was remembered is forgotten, and nothing is remembered after that")
  func forgetsAll() throws {
    let file = try unnamedFile(size: 0, in: "/var/tmp")
    var pace = CheckpointPace()
    pace.bytes = 4096
    let marks = Marks()
    let staging = SharedStaging(
      try writer(to: file),
      checkpoints: StagedCheckpoints(clock: CheckpointClock(pace)) { (mark) throws(ResyncError) in
        marks.all.withLock { $0.append(mark) }
        return true
      })
    var work = Self.disks.map { (disks: $0, problem: String?.none) }
    try sideBySide(&work, lanes: [[0], [1], [2]], most: 3) { index, work in
      do {
        if index == 2 {
          while marks.all.withLock({ $0.isEmpty }) { pause(milliseconds: 1) }
          return try staging.forgetCheckpoints { () throws(ResyncError) in marks.all.withLock { $0 = [] } }
        }
        var queue = MemoryQueue(
          primary: work.disks.primary, recovery: work.disks.recovery,
          geometry: QueueGeometry(chunk: 64 << 10, depth: 4))
        try stage(work.disks, pair: index, in: staging, from: &queue)
      } catch {
        work.problem = "\(error)"
      }
    }
    #expect(work.compactMap(\.problem) == [])
    // Nor when the run is ended.
    try staging.makeCheckpoint()
    #expect(marks.all.withLock { $0 } == [])
    staging.takeWriter().drop()
  }
}
