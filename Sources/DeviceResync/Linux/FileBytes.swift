import CLinux
import SystemPackage

extension OwnedDescriptor {
  /// Reads up to `count` bytes at `offset`; fewer only at the end of the file.
  func read(_ count: Int, at offset: UInt64) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let result = unsafe bytes.withUnsafeMutableBytes { buffer in
      Result { () throws(Errno) in unsafe try read(into: buffer, at: offset) }
    }
    bytes.removeLast(count - (try result.get()))
    return bytes
  }

  /// Fills `buffer` from `offset` on; returns how many bytes came, fewer only at the end of the file.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(Errno) -> Int {
    var done = 0
    while done < buffer.count {
      // Both stay inside the buffer.
      let start = unsafe buffer.baseAddress.unsafelyUnwrapped + done
      let moved = try check(unsafe cl_read_at(rawValue, start, buffer.count - done, offset + UInt64(done)))
      if moved == 0 { break }
      done += Int(moved)
    }
    return done
  }

  /// Reads `count` bytes at `offset` through direct I/O; both must suit the device's blocks.
  func readDirect(_ count: Int, at offset: UInt64) throws(Errno) -> [UInt8] {
    var buffer = AlignedBuffer(byteCount: count)
    return buffer.prefix(try buffer.fill(from: self, at: offset))
  }

  /// Writes all of `bytes` at `offset`.
  func write(_ bytes: [UInt8], at offset: UInt64) throws(Errno) {
    var done = 0
    while done < bytes.count {
      let start = done
      let result = unsafe bytes.withUnsafeBytes { buffer in
        unsafe cl_write_at(
          rawValue, buffer.baseAddress.unsafelyUnwrapped + start, bytes.count - start, offset + UInt64(start))
      }
      let moved = Int(try check(result))
      if moved == 0 { throw Errno.ioError }
      done += moved
    }
  }

  /// Drops the file's cached pages, so that `offset` and what follows is read from its file system; dirty ones stay.
  func dropCachedPages(from offset: UInt64) throws(Errno) {
    // From the start of the largest folio that may hold it: one that is dropped in part stays (mm/truncate.c).
    let largestFolio: UInt64 = 2 << 20
    try check(cl_drop_cached_pages(rawValue, offset / largestFolio * largestFolio))
  }

  /// The first offset from `offset` on at which the file has data; nil when only a hole follows (`SEEK_DATA`).
  func nextData(from offset: UInt64) throws(Errno) -> UInt64? {
    let result = cl_seek_data(rawValue, offset)
    if result == -Int64(Errno.noSuchAddressOrDevice.rawValue) { return nil }
    return UInt64(try check(result))
  }

  /// The first offset from `offset` on at which the file has a hole; its end counts as one (`SEEK_HOLE`).
  func nextHole(from offset: UInt64) throws(Errno) -> UInt64 {
    UInt64(try check(cl_seek_hole(rawValue, offset)))
  }
}

/// Reads a whole small file, such as one of sysfs or procfs.
///
/// - Parameter limit: bytes after which reading stops, for what others can make long.
func readFile(_ path: FilePath, limit: Int = 1 << 20) throws(Errno) -> [UInt8] {
  let file = try OwnedDescriptor(opening: path, .readOnly, followingLinks: true)
  return try file.readAll(limit: limit)
}

/// The same as text; bytes that are not UTF-8 become U+FFFD.
func readText(_ path: FilePath, limit: Int = 1 << 20) throws(Errno) -> String {
  String(decoding: try readFile(path, limit: limit), as: UTF8.self)
}

extension OwnedDescriptor {
  /// Reads from the current position to the end, or to `limit` bytes.
  func readAll(limit: Int) throws(Errno) -> [UInt8] {
    var bytes: [UInt8] = []
    var room = 4096
    while bytes.count < limit {
      let piece = try readPiece(min(room, limit - bytes.count))
      if piece.isEmpty { break }
      bytes += piece
      room = min(room * 2, 1 << 18)
    }
    return bytes
  }

  /// What one read(2) at the current position gives; nothing at the end.
  private func readPiece(_ count: Int) throws(Errno) -> [UInt8] {
    // Appending zeros one by one instead was most of what an unoptimized build did.
    var piece = [UInt8](repeating: 0, count: count)
    let result = unsafe piece.withUnsafeMutableBytes { buffer in
      unsafe cl_read(rawValue, buffer.baseAddress, count)
    }
    piece.removeLast(count - Int(try check(result)))
    return piece
  }
}

extension OwnedDescriptor {
  /// Reads from the current position to the end as text; bytes that are not UTF-8 become U+FFFD.
  func readText(limit: Int = 1 << 24) throws(Errno) -> String {
    String(decoding: try readAll(limit: limit), as: UTF8.self)
  }
}
