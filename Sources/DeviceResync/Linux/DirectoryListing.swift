import CLinux
import Glibc
import SystemPackage

/// The names in `path`, without `.` and `..`, in the kernel's order.
func directoryNames(_ path: FilePath) throws(Errno) -> [String] {
  try OwnedDescriptor(opening: path, [.directory], followingLinks: true).names()
}

extension OwnedDescriptor {
  /// The names in this directory, without `.` and `..`, in the kernel's order.
  func names() throws(Errno) -> [String] {
    // fdopendir(3) takes the descriptor over.
    let copy = try check(cl_duplicate(rawValue))
    var opened: OpaquePointer?
    let result = unsafe cl_open_directory_stream(copy, &opened)
    guard result == 0, let stream = unsafe opened else {
      _ = cl_close(copy)
      // Of a process that has ended meanwhile: ENOENT or ESRCH.
      throw Errno(rawValue: -result)
    }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while true {
      // NULL is the end where errno stays 0; else the list would end early, and a process be overlooked.
      errno = 0
      guard let entry = unsafe readdir(stream) else {
        if errno != 0 { throw Errno(rawValue: errno) }
        break
      }
      // d_name ends with a zero byte (readdir(3)).
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }
}

/// Where the link `path` leads, as it is written there; nil where `path` is no link.
func linkTarget(_ path: FilePath) throws(Errno) -> FilePath? {
  var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
  let capacity = buffer.count
  let length = unsafe path.withPlatformString { name in
    unsafe buffer.withUnsafeMutableBufferPointer { bytes in
      unsafe cl_read_link(atWorkingDirectory, name, bytes.baseAddress, capacity)
    }
  }
  if length == -Int64(Errno.invalidArgument.rawValue) { return nil }
  let count = Int(try check(length))
  return FilePath(String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self))
}
