import SystemPackage
import Testing

@testable import DeviceResync

@Suite("a staging file that is gone on with") struct StagingContinuationTests {
  /// Two pairs with tails, zeros and differences everywhere.
  static let disks: [StagingDisks] = (0..<2).map { number in
    var bytes = randomBytes(200_000 + 100, seed: UInt64(number))
    let old = bytes
    for place in stride(from: 0, to: bytes.count, by: 9000) { bytes[place] ^= 1 }
    for place in 65536..<150_000 { bytes[place] = 0 }
    return StagingDisks(primary: bytes, recovery: old)
  }
  static let header = stagingHeader(disks, segmentSize: 16 << 10)

  /// What a checkpoint behind the first pair says, and the file.
  private func stopped(_ file: borrowing OwnedDescriptor) throws -> StagedMark {
    var writer = try stage(Self.disks[0], pair: 0, into: stagingWriter(Self.header, to: file))
    let end = try #require(try writer.makeDurable())
    let again = try #require(try writer.makeDurable())
    #expect(end.segments == again.segments && end.length == again.length && end.hash == again.hash)
    // What comes after it does not count.
    let rest = try stage(Self.disks[1], pair: 1, into: writer)
    rest.drop()
    return StagedMark(
      offsets: [200_100, 0], segments: end.segments, length: end.length, hash: end.hash)
  }

  private func read(
    _ file: borrowing OwnedDescriptor, _ mark: StagedMark, header: StagingHeader = Self.header,
    _ control: RunControl = RunControl(),
    take: (StagedEntry) throws(ResyncError) -> Void = { (_) throws(ResyncError) in }
  ) throws -> StagingPrefix {
    var queue = try DiskQueue(
      primary: file, recovery: file, geometry: QueueGeometry(chunk: header.segmentSize, depth: 3),
      engine: .ioUring)
    return try readStaging(
      header, through: &queue, size: try FileStatus(of: file).size, name: "staging", upTo: mark,
      control: control, take)
  }

  @Test("behind its checkpoint it becomes what one that was never stopped is, for reading and applying")
  func goesOn() throws {
    let file = try unnamedFile(size: 0, in: "/var/tmp")
    let mark = try stopped(file)
    var different: UInt64 = 0
    var compared: UInt64 = 0
    let prefix = try read(file, mark) { (entry) throws(ResyncError) in
      switch entry.kind {
      case .bytes, .zeros, .tail: different += entry.range.length
      case .digest, .tailDigest, .hole: compared += entry.range.length
      }
    }
    #expect(compared == 200_100)
    #expect(different > 65536 && different < 200_100)
    let bytes = prefix.recordBytes
    #expect(bytes == different)
    try file.resize(to: prefix.length)
    let queue = try DiskQueue(
      primary: file, recovery: file,
      geometry: QueueGeometry(chunk: Self.header.segmentSize, depth: 3, recoveryDepth: 1), engine: .ioUring)
    let writer = StagingWriter(Self.header, after: prefix, through: queue) { () throws(Errno) in 1 << 40 }
    let seal = try stage(Self.disks[1], pair: 1, into: writer).seal()
    let image = StagingImage(bytes: try file.contents(), header: Self.header, seal: seal)
    for (number, disks) in Self.disks.enumerated() {
      let applied = apply(image, pair: number, to: disks.recovery)
      #expect((try? applied.ending.get()) == .complete)
      #expect(areEqualBytes(applied.recovery, disks.primary))
      #expect(try prove(image, pair: number, disks.primary) == 200_100)
    }
  }

  private func areEqualBytes(_ one: [UInt8], _ other: [UInt8]) -> Bool { differingBytes(one, other) == 0 }

  @Test("any flipped byte before the checkpoint is found; what follows does not matter")
  func damage() throws {
    let file = try unnamedFile(size: 0, in: "/var/tmp")
    let mark = try stopped(file)
    let start = Int(Self.header.byteCount)
    var random = SplitMix64(seed: 4)
    var places = (0..<200).map { _ in Int.random(in: start..<Int(mark.length), using: &random) }
    places += [start, Int(mark.length) - 1]
    for place in places {
      let bytes = try file.read(4096, at: UInt64(place / 4096 * 4096))
      var damaged = bytes
      damaged[place % 4096] ^= 0x10
      try file.write(damaged, at: UInt64(place / 4096 * 4096))
      let length = try? read(file, mark).length
      #expect(length == nil, "byte \(place)")
      try file.write(bytes, at: UInt64(place / 4096 * 4096))
    }
    try file.write([UInt8](repeating: 0x55, count: 4096), at: mark.length)
    let length = try read(file, mark).length
    #expect(length == mark.length)
  }

  @Test("a file that ends before the checkpoint, and a checkpoint of another file, are refused")
  func others() throws {
    let file = try unnamedFile(size: 0, in: "/var/tmp")
    let mark = try stopped(file)
    func refused(_ mark: StagedMark, _ header: StagingHeader = Self.header) -> Bool {
      do {
        _ = try read(file, mark, header: header).length
        return false
      } catch let error as ResyncError {
        return error.returnValue == .invalidState
      } catch {
        return false
      }
    }
    func changed(
      offsets: [UInt64]? = nil, segments: UInt64? = nil, length: UInt64? = nil, hash: UInt128? = nil
    ) -> StagedMark {
      StagedMark(
        offsets: offsets ?? mark.offsets, segments: segments ?? mark.segments,
        length: length ?? mark.length, hash: hash ?? mark.hash)
    }
    #expect(!refused(mark))
    #expect(refused(changed(offsets: [])))
    #expect(refused(changed(offsets: [200_100])))
    #expect(refused(changed(offsets: [200_100, 0, 0])))
    #expect(refused(changed(offsets: [200_100, 4096])))
    #expect(refused(changed(offsets: [196_608, 0])))
    #expect(refused(changed(offsets: [0, 200_100])))
    #expect(refused(changed(segments: mark.segments + 1)))
    #expect(refused(changed(hash: 1)))
    #expect(refused(changed(length: mark.length - 4096)))
    #expect(refused(changed(length: 0)))
    #expect(refused(changed(length: 1 << 60)))
    let other = StagingHeader(
      run: 5, relationship: 7, pairs: Self.header.pairs, segmentSize: Self.header.segmentSize)
    #expect(refused(mark, other))
    try file.resize(to: mark.length - 1)
    #expect(refused(mark))
  }

  @Test("a request to end is followed while it is read")
  func ended() throws {
    let file = try unnamedFile(size: 0, in: "/var/tmp")
    let (mark, control) = (try stopped(file), RunControl())
    var entries = 0
    var cause: ResyncError.Cause?
    do throws(any Error) {
      _ = try read(file, mark, control) { (_) throws(ResyncError) in
        entries += 1
        control.terminate()
      }
    } catch let error as ResyncError {
      cause = error.cause
    }
    #expect(cause == .terminated)
    var all = 0
    let length = try read(file, mark) { (_) throws(ResyncError) in all += 1 }.length
    #expect(length == mark.length && entries < all, "\(entries) of \(all)")
  }

  @Test("without room there is no checkpoint any more")
  func full() throws {
    let file = try unnamedFile(size: 0, in: "/var/tmp")
    let queue = try DiskQueue(
      primary: file, recovery: file,
      geometry: QueueGeometry(chunk: Self.header.segmentSize, depth: 3, recoveryDepth: 1), engine: .ioUring)
    var room: UInt64 = 64 << 10
    let begun = try StagingWriter.begin(Self.header, through: queue) { () throws(Errno) in
      defer { room = 0 }
      return room
    }
    var writer = try stage(Self.disks[0], pair: 0, into: begun)
    let isFull = writer.isOutOfRoom
    #expect(isFull)
    let end = try writer.makeDurable()
    #expect(end?.length == nil)
    writer.drop()
  }
}
