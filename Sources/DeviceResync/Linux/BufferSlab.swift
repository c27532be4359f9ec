import CLinux
import SystemPackage

/// One mapping that holds all buffers of a queue, on huge pages where they can be had.
///
/// 4 KiB pages cost a factor of 2.4 on a virtio disk: each becomes a descriptor of its own (ENGINE 4.1).
@safe struct BufferSlab: ~Copyable {
  private let base: UnsafeMutableRawPointer
  /// Size, in bytes; a multiple of 2 MiB.
  let byteCount: Int
  /// Whether all of it lies on huge pages.
  let isHuge: Bool

  /// Size of a huge page, in bytes.
  static let hugePage = 2 << 20

  /// Maps at least `byteCount` bytes, touched, so that no write will have to wait for memory.
  ///
  /// - Throws: `ENOMEM` where there is no memory for it.
  init(byteCount: Int) throws(Errno) {
    let rounded = (byteCount + Self.hugePage - 1) / Self.hugePage * Self.hugePage
    var huge = 0
    guard let base = unsafe cl_map_buffer(rounded, &huge) else { throw .noMemory }
    unsafe self.base = base
    self.byteCount = rounded
    isHuge = huge == rounded
  }

  deinit {
    unsafe cl_unmap_buffer(base, byteCount)
  }

  /// The `count` bytes at `place`, readable while `body` runs.
  ///
  /// The caller sees to it that no request that writes to them is in flight.
  @inline(__always)
  func withBytes<Value, Failure: Error>(
    at place: Int, count: Int, _ body: (RawSpan) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    precondition(place >= 0 && count >= 0 && place <= byteCount - count)
    // Inside the mapping, which lives as long as self does, and self is borrowed here.
    return try body(unsafe UnsafeRawBufferPointer(start: base + place, count: count).bytes)
  }

  /// Copies `bytes` to `place`.
  ///
  /// The caller sees to it that no request from or to there is in flight.
  mutating func put(_ bytes: RawSpan, at place: Int) {
    precondition(place >= 0 && place <= byteCount - bytes.byteCount)
    unsafe bytes.withUnsafeBytes { source in
      guard let start = source.baseAddress else { return }
      // Inside the mapping; a span over it cannot be had while self is changed.
      unsafe (base + place).copyMemory(from: start, byteCount: source.count)
    }
  }

  /// Where `count` bytes at `place` lie, for the kernel; valid as long as the slab is.
  @unsafe func address(of place: Int, count: Int) -> UnsafeMutableRawPointer {
    precondition(place >= 0 && count >= 0 && place <= byteCount - count)
    return unsafe base + place
  }
}
