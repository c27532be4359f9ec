import CLinux
import Glibc
import SystemPackage

/// A pipe: what is written to one end is read from the other.
struct PipeEnds: ~Copyable {
  let reading: OwnedDescriptor
  let writing: OwnedDescriptor

  init() throws(Errno) {
    var ends: (CInt, CInt) = (-1, -1)
    let result = unsafe withUnsafeMutablePointer(to: &ends) { pair in
      // A tuple of two of a kind lies in memory as an array of two does.
      unsafe pair.withMemoryRebound(to: CInt.self, capacity: 2) { unsafe cl_pipe($0) }
    }
    try check(result)
    reading = OwnedDescriptor(adopting: ends.0)
    writing = OwnedDescriptor(adopting: ends.1)
  }
}

extension OwnedDescriptor {
  /// Writes all of `bytes` to a pipe; waits while it is full.
  ///
  /// - Throws: `EPIPE` where nobody has the other end any more.
  func put(_ bytes: [UInt8]) throws(Errno) {
    var done = 0
    while done < bytes.count {
      let start = done
      let result = unsafe bytes.withUnsafeBytes { buffer in
        unsafe cl_write(rawValue, buffer.baseAddress.unsafelyUnwrapped + start, bytes.count - start)
      }
      done += Int(try check(result))
    }
  }

  /// What one read(2) gives, at most `capacity` bytes; nothing at the end.
  func take(_ capacity: Int) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: capacity)
    let result = unsafe bytes.withUnsafeMutableBytes { buffer in
      unsafe cl_read(rawValue, buffer.baseAddress, capacity)
    }
    bytes.removeLast(capacity - Int(try check(result)))
    return bytes
  }

  /// Bytes in the pipe that nobody has read yet.
  func bytesWaiting() throws(Errno) -> Int { Int(try check(cl_bytes_waiting(rawValue))) }

  /// Asks for a pipe that holds so many bytes; a smaller one does, too.
  func enlargePipe(to bytes: Int32) {
    // Who may not have it goes on with 64 KiB.
    _ = cl_enlarge_pipe(rawValue, bytes)
  }
}

/// Waits until one of `descriptors` can be read, or has come to its end; at most `milliseconds`.
///
/// - Parameter descriptors: a negative number is never ready.
/// - Returns: for each whether it is ready; all false where a signal or the time ended it.
func waitForReadable(_ descriptors: [CInt], milliseconds: Int32) throws(Errno) -> [Bool] {
  var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
  let result = unsafe entries.withUnsafeMutableBufferPointer { buffer in
    unsafe cl_poll(buffer.baseAddress, UInt32(buffer.count), milliseconds)
  }
  try check(result)
  return entries.map { $0.revents != 0 }
}

/// Reads one byte of standard input; nil at its end.
///
/// Not through stdio: its lock would keep the process from ending meanwhile.
func readStandardInput() throws(Errno) -> UInt8? {
  var byte: UInt8 = 0
  return try check(unsafe cl_read(0, &byte, 1)) == 1 ? byte : nil
}
