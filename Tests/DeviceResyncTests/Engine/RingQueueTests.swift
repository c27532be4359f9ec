import CUring
import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("ring queue on loop devices", .enabled(if: geteuid() == 0, "needs root, for loop devices"))
struct RingQueueTests {
  @Test("reads arrive in their halves, a write leaves from the primary's half, a flush follows")
  func transfers() throws {
    let first = randomBytes(1 << 20, seed: 1)
    let second = randomBytes(1 << 20, seed: 2)
    let primary = try LoopDisk.holding(first)
    let recovery = try LoopDisk.holding(second)
    do {
      var queue = try RingQueue(
        primary: primary.open(.readOnly), recovery: recovery.open(.readWrite), geometry: smallChunks)
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

  @Test("the 65th write in flight is refused with EAGAIN, and taken once one has ended")
  func writeLimit() throws {
    let disk = try LoopDisk(size: 4 << 20)
    var queue = try RingQueue(
      primary: disk.open(.readOnly), recovery: disk.open(.readWrite), geometry: smallChunks)
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
    var ring = try Ring(entries: 4, files: [device.rawValue, device.rawValue], slab: slab)
    let entry = try #require(io_uring_get_sqe(ring.ring))
    if opensFile {
      io_uring_prep_openat(entry, -100, "/etc/passwd", 0, 0)
    } else {
      io_uring_prep_fsync(entry, device.rawValue, 0)
    }
    try ring.submitAndWait()
    #expect(ring.nextCompletion()?.result == -Errno.permissionDenied.rawValue)
  }

  @Test("a recovery can be claimed again as soon as its queue is gone")
  func claim() throws {
    let disk = try LoopDisk(size: 1 << 20)
    for _ in 0..<20 {
      var queue = try RingQueue(
        primary: disk.open(.readOnly), recovery: disk.open(.readWrite.union(.claim)), geometry: smallChunks)
      try queue.startRead(ByteRange(offset: 0, length: 4096), of: .primary, into: 0, at: 0)
      #expect(try queue.nextOutcome(waiting: true) != nil)
    }
  }

  @Test("a descriptor opened read-only cannot be written through a ring")
  func readOnly() throws {
    let disk = try LoopDisk(size: 1 << 20)
    var queue = try RingQueue(
      primary: disk.open(.readOnly), recovery: disk.open(.readOnly), geometry: smallChunks)
    try queue.startWrite(ByteRange(offset: 0, length: 4096), from: 0, at: 0)
    #expect(try queue.nextOutcome(waiting: true)?.result == .failure(.badFileDescriptor))
  }

  @Test("a read beyond the device's end moves no bytes")
  func beyondEnd() throws {
    let disk = try LoopDisk(size: 1 << 20)
    var queue = try RingQueue(
      primary: disk.open(.readOnly), recovery: disk.open(.readOnly), geometry: smallChunks)
    try queue.startRead(ByteRange(offset: 1 << 20, length: 4096), of: .primary, into: 0, at: 0)
    #expect(try queue.nextOutcome(waiting: true)?.result == .success(0))
  }
}
