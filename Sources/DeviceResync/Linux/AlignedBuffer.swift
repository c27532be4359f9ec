import Glibc
import SystemPackage

/// Memory for one direct read: aligned to 4096 bytes, which suits every device.
@safe struct AlignedBuffer: ~Copyable {
  private let start: UnsafeMutableRawPointer
  let byteCount: Int

  init(byteCount: Int) {
    unsafe start = .allocate(byteCount: byteCount, alignment: 4096)
    self.byteCount = byteCount
    unsafe start.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
  }

  /// The first `count` bytes, copied.
  func prefix(_ count: Int) -> [UInt8] {
    precondition(count <= byteCount)
    return unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
  }

  /// Fills it from `offset` on; returns how many bytes came.
  mutating func fill(from descriptor: borrowing OwnedDescriptor, at offset: UInt64) throws(Errno) -> Int {
    // `start` owns `byteCount` bytes until deinit.
    unsafe try descriptor.read(
      into: UnsafeMutableRawBufferPointer(start: start, count: byteCount), at: offset)
  }

  deinit { unsafe start.deallocate() }
}
