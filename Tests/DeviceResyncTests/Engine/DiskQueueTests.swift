import CUring
import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("disk queue on loop devices", .enabled(if: geteuid() == 0, "needs root, for loop devices"))
struct DiskQueueTests {
  @Test(
    "reads arrive in their halves, a write leaves from the primary's half, a flush follows",
    arguments: Engine.allCases)
  func transfers(_ engine: Engine) throws {
    let first = randomBytes(1 << 20, seed: 1)
    let second = randomBytes(1 << 20, seed: 2)
    let primary = try LoopDisk.holding(first)
    let recovery = try LoopDisk.holding(second)
    do {
      var queue = try DiskQueue(
        primary: primary.open(.readOnly), recovery: recovery.open(.readWrite), geometry: smallChunks,
        engine: engine)
      let range = ByteRange(offset: 131072, length: 65536)
      try queue.startRead(range, of: .primary, into: 2, at: 0)
      try queue.startRead(range, of: .recovery, into: 2, at: 0)
      for _ in 0..<2 {
        let outcome = try #require(try queue.nextOutcome(waiting: true))
        #expect(try outcome.result.get() == 65536)
        #expect(outcome.request.slot == 2 && outcome.request.range == range)
      }
      #expect(try queue.nextOutcome(waiting: true) == nil)
      let isThere = queue.withBytes(of: 2, count: 65536) {
        $0.holdsSameBytes(as: first[131072..<196608].span.bytes)
          && $1.holdsSameBytes(as: second[131072..<196608].span.bytes)
      }
      #expect(isThere)
      try queue.startWrite(ByteRange(offset: 135168, length: 4096), from: 2, at: 4096)
      #expect(try queue.nextOutcome(waiting: true)?.result == .success(4096))
      try queue.startFlush()
      let flush = try #require(try queue.nextOutcome(waiting: true))
      #expect(flush.request.kind == .flush && flush.result == .success(0))
    }
    var expected = second
    expected.replaceSubrange(135168..<139264, with: first[135168..<139264])
    #expect(differingBytes(try recovery.bytes(), expected) == 0)
    #expect(differingBytes(try primary.bytes(), first) == 0)
  }

  @Test(
    "the 65th write in flight is refused with EAGAIN, and taken once one has ended",
    arguments: Engine.allCases)
  func writeLimit(_ engine: Engine) throws {
    let disk = try LoopDisk(size: 4 << 20)
    var queue = try DiskQueue(
      primary: disk.open(.readOnly), recovery: disk.open(.readWrite), geometry: smallChunks, engine: engine)
    for block in 0..<64 {
      try queue.startWrite(ByteRange(offset: UInt64(block) * 8192, length: 4096), from: 0, at: 0)
    }
    let last = ByteRange(offset: 64 * 8192, length: 4096)
    #expect(throws: Errno.resourceTemporarilyUnavailable) { try queue.startWrite(last, from: 0, at: 0) }
    #expect(try queue.nextOutcome(waiting: true) != nil)
    try queue.startWrite(last, from: 0, at: 0)
    while try queue.nextOutcome(waiting: true) != nil {}
  }

  @Test("the ring refuses any other operation, and any file but the two", arguments: [true, false])
  func restricted(opensFile: Bool) throws {
    let disk = try LoopDisk(size: 1 << 20)
    let device = try disk.open(.readOnly)
    let slab = try BufferSlab(byteCount: 1 << 20)
    let ring = try Ring(entries: 4, files: [device.rawValue, device.rawValue], slab: slab)
    let entry = try #require(io_uring_get_sqe(ring.ring))
    if opensFile {
      io_uring_prep_openat(entry, -100, "/etc/passwd", 0, 0)
    } else {
      io_uring_prep_fsync(entry, device.rawValue, 0)
    }
    try ring.submitAndWait()
    #expect(ring.nextCompletion()?.result == -Errno.permissionDenied.rawValue)
  }

  @Test("a recovery can be claimed again as soon as its queue is gone", arguments: Engine.allCases)
  func claim(_ engine: Engine) throws {
    let disk = try LoopDisk(size: 1 << 20)
    // The kernel claims a loop for a moment for whoever has been offered its number too, and comes late.
    for _ in 0..<100 where (try? disk.open(.readWrite.union(.claim))) == nil { pause(milliseconds: 10) }
    pause(milliseconds: 20)
    for _ in 0..<20 {
      var queue = try DiskQueue(
        primary: disk.open(.readOnly), recovery: disk.open(.readWrite.union(.claim)), geometry: smallChunks,
        engine: engine)
      try queue.startRead(ByteRange(offset: 0, length: 4096), of: .primary, into: 0, at: 0)
      #expect(try queue.nextOutcome(waiting: true) != nil)
    }
  }

  @Test("a descriptor opened read-only cannot be written through it", arguments: Engine.allCases)
  func readOnly(_ engine: Engine) throws {
    let disk = try LoopDisk(size: 1 << 20)
    var queue = try DiskQueue(
      primary: disk.open(.readOnly), recovery: disk.open(.readOnly), geometry: smallChunks, engine: engine)
    try queue.startWrite(ByteRange(offset: 0, length: 4096), from: 0, at: 0)
    #expect(try queue.nextOutcome(waiting: true)?.result == .failure(.badFileDescriptor))
  }

  @Test("a read beyond the device's end moves no bytes", arguments: Engine.allCases)
  func beyondEnd(_ engine: Engine) throws {
    let disk = try LoopDisk(size: 1 << 20)
    var queue = try DiskQueue(
      primary: disk.open(.readOnly), recovery: disk.open(.readOnly), geometry: smallChunks, engine: engine)
    try queue.startRead(ByteRange(offset: 1 << 20, length: 4096), of: .primary, into: 0, at: 0)
    #expect(try queue.nextOutcome(waiting: true)?.result == .success(0))
  }

  @Test(
    "every place is used at once, each outcome comes once, and bytes are where they belong",
    arguments: Engine.allCases)
  func everyPlace(_ engine: Engine) throws {
    let first = randomBytes(8 << 20, seed: 3)
    let second = randomBytes(8 << 20, seed: 4)
    let primary = try LoopDisk.holding(first)
    let recovery = try LoopDisk.holding(second)
    let geometry = QueueGeometry(chunk: 64 << 10, depth: 16)
    do {
      var queue = try DiskQueue(
        primary: primary.open(.readOnly), recovery: recovery.open(.readWrite), geometry: geometry,
        engine: engine)
      for round in 0..<8 {
        let start = UInt64(round) << 20
        var expected: [BlockRequest] = []
        for slot in 0..<16 {
          let range = ByteRange(offset: start + UInt64(slot) << 16, length: 64 << 10)
          for side in Side.allCases {
            try queue.startRead(range, of: side, into: slot, at: 0)
            expected.append(BlockRequest(kind: .read, side: side, slot: slot, place: 0, range: range))
          }
        }
        while let outcome = try queue.nextOutcome(waiting: true) {
          #expect(outcome.result == .success(64 << 10))
          let index = try #require(expected.firstIndex(of: outcome.request))
          expected.remove(at: index)
        }
        #expect(expected.isEmpty)
        for slot in 0..<16 {
          let range = Int(start) + slot << 16..<Int(start) + (slot + 1) << 16
          let isThere = queue.withBytes(of: slot, count: 64 << 10) {
            $0.holdsSameBytes(as: first[range].span.bytes) && $1.holdsSameBytes(as: second[range].span.bytes)
          }
          #expect(isThere)
          // 64 writes in all, four of each slot.
          for piece in 0..<4 {
            try queue.startWrite(
              ByteRange(offset: UInt64(range.lowerBound + piece << 14), length: 16 << 10), from: slot,
              at: piece << 14)
          }
        }
        var writes = 0
        while let outcome = try queue.nextOutcome(waiting: true) {
          #expect(outcome.result == .success(16 << 10))
          writes += 1
        }
        #expect(writes == 64)
      }
    }
    #expect(differingBytes(try recovery.bytes(), first) == 0)
  }

  @Test("without waiting nothing is handed over but what has ended", arguments: Engine.allCases)
  func idle(_ engine: Engine) throws {
    let disk = try LoopDisk(size: 1 << 20)
    var queue = try DiskQueue(
      primary: disk.open(.readOnly), recovery: disk.open(.readOnly), geometry: smallChunks, engine: engine)
    #expect(try queue.nextOutcome(waiting: false) == nil)
    #expect(try queue.nextOutcome(waiting: true) == nil)
  }

  @Test("a read over the device's end moves what is before it", arguments: Engine.allCases)
  func overEnd(_ engine: Engine) throws {
    let disk = try LoopDisk(size: 1 << 20)
    var queue = try DiskQueue(
      primary: disk.open(.readOnly), recovery: disk.open(.readOnly), geometry: smallChunks, engine: engine)
    try queue.startRead(ByteRange(offset: (1 << 20) - 4096, length: 8192), of: .recovery, into: 0, at: 0)
    #expect(try queue.nextOutcome(waiting: true)?.result == .success(4096))
  }

  @Test(
    "a punch makes its range zero, gives its blocks back, and counts as written", arguments: Engine.allCases)
  func punch(_ engine: Engine) throws {
    let bytes = randomBytes(4 << 20, seed: 5)
    let disk = try LoopDisk.holding(bytes)
    try disk.image.synchronizeData()
    let before = try FileStatus(of: disk.image).allocated
    let name = try #require(disk.loop.path.lastComponent).string
    let count = try #require(try WriteCount(of: name, on: nil))
    do {
      var queue = try DiskQueue(
        primary: disk.open(.readOnly), recovery: disk.open(.readWrite.union(.claim)), geometry: smallChunks,
        engine: engine)
      try queue.startPunch(ByteRange(offset: 1 << 20, length: 65536), from: 0, at: 0)
      let outcome = try #require(try queue.nextOutcome(waiting: true))
      #expect(outcome.request.kind == .punch && outcome.result == .success(65536))
      // Less than a block of the file system: zero all the same.
      try queue.startPunch(ByteRange(offset: (2 << 20) + 512, length: 1024), from: 0, at: 0)
      #expect(try queue.nextOutcome(waiting: true)?.result == .success(1024))
    }
    #expect(try FileStatus(of: disk.image).allocated == before - 65536)
    #expect(try WriteCount(of: name, on: nil)?.bytes == count.bytes + 65536 + 1024)
    var expected = bytes
    for place in [1 << 20..<(1 << 20) + 65536, (2 << 20) + 512..<(2 << 20) + 1536] {
      for byte in place { expected[byte] = 0 }
    }
    #expect(differingBytes(try disk.bytes(), expected) == 0)
  }

  @Test("a descriptor opened read-only cannot be punched either", arguments: Engine.allCases)
  func punchReadOnly(_ engine: Engine) throws {
    let disk = try LoopDisk(size: 1 << 20)
    var queue = try DiskQueue(
      primary: disk.open(.readOnly), recovery: disk.open(.readOnly), geometry: smallChunks, engine: engine)
    try queue.startPunch(ByteRange(offset: 0, length: 4096), from: 0, at: 0)
    #expect(try queue.nextOutcome(waiting: true)?.result == .failure(.badFileDescriptor))
  }
}
