import CXXHash
import SystemPackage

/// Checksums against tearing and rot (XXH3, seed 0): fast, stable for good, and no proof against somebody who may
/// write the file, which only root can.
///
/// Source: xxHash's specification, doc/xxhash_spec.md; values are those of `xxhsum -H3` and `xxhsum -H2`.
enum Checksum {
  // `Span.bytes` is marked unsafe for elements with padding; bytes have none.

  /// 64 bits over `bytes`.
  static func of64(_ bytes: RawSpan) -> UInt64 {
    // Read by the call only.
    unsafe bytes.withUnsafeBytes { unsafe XXH3_64bits($0.baseAddress, $0.count) }
  }

  /// 64 bits over `bytes`.
  static func of64(_ bytes: [UInt8]) -> UInt64 { unsafe of64(bytes.span.bytes) }

  /// 128 bits over `bytes`.
  static func of128(_ bytes: RawSpan) -> UInt128 {
    unsafe bytes.withUnsafeBytes { unsafe UInt128(XXH3_128bits($0.baseAddress, $0.count)) }
  }

  /// 128 bits over `bytes`.
  static func of128(_ bytes: [UInt8]) -> UInt128 { unsafe of128(bytes.span.bytes) }
}

/// 128 bits over bytes that come in pieces: the value of all of them, one after the other.
@safe struct RunningChecksum: ~Copyable {
  /// Made by XXH3_createState, freed in deinit, never handed out.
  private let state: OpaquePointer

  /// - Throws: `ENOMEM`.
  init() throws(Errno) {
    guard let state = unsafe XXH3_createState() else { throw .noMemory }
    unsafe self.state = state
    unsafe XXH3_128bits_reset(state)
  }

  deinit { unsafe XXH3_freeState(state) }

  /// Adds `bytes`.
  mutating func add(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { buffer in
      // Fails for a null pointer with a length only.
      _ = unsafe XXH3_128bits_update(state, buffer.baseAddress, buffer.count)
    }
  }

  /// Adds `bytes`.
  mutating func add(_ bytes: [UInt8]) { unsafe add(bytes.span.bytes) }

  /// Over what has been added so far; more may follow.
  var value: UInt128 { unsafe UInt128(XXH3_128bits_digest(state)) }

  /// Starts again, as if nothing had been added.
  mutating func reset() { unsafe XXH3_128bits_reset(state) }
}

extension UInt128 {
  fileprivate init(_ hash: XXH128_hash_t) {
    self = UInt128(hash.high64) << 64 | UInt128(hash.low64)
  }

  /// 32 lower-case hexadecimal digits, as `xxhsum -H2` prints it.
  var hexadecimal: String {
    let digits = String(self, radix: 16)
    return String(repeating: "0", count: 32 - digits.count) + digits
  }

  /// What ``hexadecimal`` gave; nil for anything else.
  init?(hexadecimal text: String) {
    guard text.utf8.count == 32, text.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
    else { return nil }
    self.init(text, radix: 16)
  }
}
