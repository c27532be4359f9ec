import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("writing staging files", .enabled(if: geteuid() == 0, "needs root, for loop devices"))
struct StagingWriterTests {
  static let different: StagingDisks = {
    let primary = randomBytes(1 << 20, seed: 1)
    return StagingDisks(primary: primary, recovery: primary.map { $0 ^ 1 })
  }()

  /// Why `writer` does not seal.
  func refusal<Queue: BlockQueue & ~Copyable>(of writer: consuming StagingWriter<Queue>) -> ResyncError? {
    do throws(ResyncError) {
      _ = try writer.seal()
      return nil
    } catch {
      return error
    }
  }

  @Test(
    "without room the compare goes on, and says exactly what the file would need",
    arguments: [300 << 10, 20_000])
  func outOfRoom(room: Int) throws {
    let full = try staging(of: [Self.different])
    let file = try unnamedFile(size: 0, in: "/var/tmp", direct: true)
    let header = full.header
    var left = UInt64(room)
    // As the file system would say it: asked again when what was said is used up.
    let writer = try stage(
      Self.different, pair: 0,
      into: stagingWriter(header, to: file) { () throws(Errno) in
        defer { left = 0 }
        return left
      })
    let (isOutOfRoom, needed) = (writer.isOutOfRoom, writer.bytesNeeded)
    let (records, recordBytes) = (writer.records, writer.recordBytes)
    #expect(isOutOfRoom && needed == UInt64(full.bytes.count))
    #expect(recordBytes == 1 << 20 && records == full.seal.records)
    let error = refusal(of: writer)
    #expect(error?.errno == .noSpace && error?.returnValue == .failed)
    let bytes = try file.contents()
    // Less than what was granted, and the ranges without their bytes.
    #expect(bytes.count < Int(header.zeros.end) + room + Int(full.seal.segments) * StagingFormat.indexSize)
    let applied = apply(
      StagingImage(bytes: bytes, header: header, seal: full.seal), to: Self.different.recovery)
    #expect(applied.ending.failure?.returnValue == .invalidState)
    #expect(applied.recovery == Self.different.recovery)
  }

  @Test("a file system that is full all the same does not end the compare either", arguments: Engine.allCases)
  func noSpace(_ engine: Engine) throws {
    let full = try staging(of: [Self.different])
    for byte in [full.header.zeros.end, 500_000, UInt64(full.bytes.count - 1)] {
      let file = try unnamedFile(size: 0, in: "/var/tmp", direct: true)
      let inner = try DiskQueue(
        primary: file, recovery: file, geometry: QueueGeometry(chunk: full.header.segmentSize, depth: 3),
        engine: engine)
      let queue = FaultyQueue(
        inner, [.init(kind: .fails(.noSpace), request: .write, side: .recovery, byte: byte)])
      let begun = try StagingWriter.begin(full.header, through: queue) { () throws(Errno) in 1 << 40 }
      let writer = try stage(Self.different, pair: 0, into: begun)
      let needed = writer.bytesNeeded
      #expect(needed == UInt64(full.bytes.count))
      #expect(refusal(of: writer)?.errno == .noSpace)
    }
  }

  @Test(
    "short and refused writes are repeated; a failed write or flush ends the run", arguments: [true, false],
    Engine.allCases)
  func faults(reversing: Bool, engine: Engine) throws {
    let full = try staging(of: [Self.different])
    typealias Faulty = FaultyQueue<DiskQueue>
    let faults: [(Faulty.Fault.Kind, BlockRequest.Kind, Bool)] = [
      (.short(4096), .write, true), (.fails(.noMemory), .write, true),
      (.refused(.resourceTemporarilyUnavailable), .write, true), (.fails(.ioError), .write, false),
      (.fails(.ioError), .flush, false), (.fails(.noSpace), .flush, false),
    ]
    for (kind, request, isHarmless) in faults {
      let file = try unnamedFile(size: 0, in: "/var/tmp", direct: true)
      let inner = try DiskQueue(
        primary: file, recovery: file, geometry: QueueGeometry(chunk: full.header.segmentSize, depth: 3),
        engine: engine)
      let queue = Faulty(
        inner, [.init(kind: kind, request: request, side: .recovery, byte: 600_000, times: 1)],
        reversing: reversing)
      var seal: StagingSeal?
      do {
        let writer = try StagingWriter.begin(full.header, through: queue) { () throws(Errno) in 1 << 40 }
        seal = try stage(Self.different, pair: 0, into: writer).seal()
      } catch let error as ResyncError {
        #expect(error.errno == .ioError || error.errno == .noSpace)
      }
      #expect(seal == (isHarmless ? full.seal : nil))
      if isHarmless { #expect(try file.contents() == full.bytes) }
    }
  }

  @Test("a file that does not account for every byte is not sealed")
  func incomplete() throws {
    let file = try unnamedFile(size: 0, in: "/var/tmp", direct: true)
    let disks = [Self.different, Self.different]
    let writer = try stage(
      disks[0], pair: 0, into: stagingWriter(stagingHeader(disks, segmentSize: 16 << 10), to: file))
    #expect(refusal(of: writer)?.cause == .incomplete)
  }

  @Test(
    "chunks of any size, also longer than a segment, give a file that proves the same",
    arguments: [4096, 12288, 1 << 20])
  func chunks(chunk: Int) throws {
    let file = try unnamedFile(size: 0, in: "/var/tmp", direct: true)
    var disks = Self.different
    disks.recovery.replaceSubrange(..<300_000, with: disks.primary[..<300_000])
    disks.recovery.replaceSubrange(700_416..., with: disks.primary[700_416...])
    let header = stagingHeader([disks], segmentSize: 16 << 10)
    let seal = try stage(disks, pair: 0, into: stagingWriter(header, to: file), chunk: chunk).seal()
    let image = StagingImage(bytes: try file.contents(), header: header, seal: seal)
    #expect(differingBytes(apply(image, to: disks.recovery, mode: .replay).recovery, disks.primary) == 0)
    #expect(try prove(image, disks.primary) == 1 << 20)
  }

  @Test(
    "over loops: made root's alone below a directory, its name is not reused, sealed, applied, proved",
    arguments: Engine.allCases)
  func loops(_ engine: Engine) throws {
    let place = "/var/tmp/vmresync-staging.\(UInt64.random(in: .min ... .max))"
    #expect(mkdir(place, 0o700) == 0)
    defer {
      unlink("\(place)/run")
      rmdir(place)
    }
    let directory = try OwnedDescriptor(opening: FilePath(place), .directory)
    for blocks: (UInt32, UInt32) in [(512, 512), (4096, 512), (512, 4096), (4096, 4096)] {
      let primary = randomBytes((5 << 20) + 4096, seed: 9)
      var recovery = primary
      for byte in stride(from: 0, to: primary.count, by: 12_345) { recovery[byte] ^= 1 }
      for byte in 1 << 20..<3 << 20 { recovery[byte] = 0 }
      recovery[primary.count - 1] ^= 1
      let disks = StagingDisks(primary: primary, recovery: recovery, blocks: blocks)
      let first = try LoopDisk.holding(primary, blockSize: blocks.0)
      let second = try LoopDisk.holding(recovery, blockSize: blocks.1)
      let header = stagingHeader([disks], segmentSize: StagingFormat.segmentSize)
      let seal: StagingSeal
      do {
        var queue = try DiskQueue(
          primary: first.open(.readOnly), recovery: second.open(.readOnly),
          geometry: QueueGeometry(chunk: 1 << 20, depth: 4), engine: engine)
        let writer = try StagingWriter.create(header, in: directory, name: "run", reserve: 0, engine: engine)
        do {
          try StagingWriter.create(header, in: directory, name: "run", reserve: 0, engine: engine).drop()
          Issue.record("the name was taken")
        } catch {
          #expect(error.errno == .fileExists)
        }
        seal = try stage(disks, pair: 0, into: writer, from: &queue).seal()
      }
      let file = try directory.opening("run", OpenFlags.readOnly.union(.direct).union(.noFollow))
      let status = try FileStatus(of: file)
      #expect(status.permissions == 0o600 && status.owner == 0)
      var queue = try DiskQueue(
        primary: file, recovery: second.open(.readWrite), geometry: StagingFormat.geometry(),
        engine: engine)
      let staging = try validateStaging(
        through: &queue, size: status.size, name: "run",
        expecting: StagingExpectation(header: header, seal: seal))
      var totals = ApplyTotals()
      for mode in [ApplyMode.first, .replay] {
        let ending = try applyStaging(
          staging, pair: 0, mode: mode, through: &queue, control: RunControl(), totals: &totals)
        #expect(ending == .complete)
      }
      #expect(
        try proveAgainstDigests(staging, pair: 0, through: &queue, control: RunControl())
          == UInt64(primary.count))
      #expect(differingBytes(try second.bytes(), primary) == 0)
      #expect(differingBytes(try first.bytes(), primary) == 0)
      unlink("\(place)/run")
    }
  }

  @Test("the reserve is kept free: a run that would touch it is out of room at once")
  func reserve() throws {
    let place = "/var/tmp/vmresync-staging.\(UInt64.random(in: .min ... .max))"
    #expect(mkdir(place, 0o700) == 0)
    defer {
      unlink("\(place)/run")
      rmdir(place)
    }
    let directory = try OwnedDescriptor(opening: FilePath(place), .directory)
    let header = stagingHeader([Self.different], segmentSize: StagingFormat.segmentSize)
    do {
      try StagingWriter.create(header, in: directory, name: "run", reserve: 1 << 60, engine: .ioUring).drop()
      Issue.record("there was room")
    } catch {
      #expect(error.errno == .noSpace)
    }
  }
}
