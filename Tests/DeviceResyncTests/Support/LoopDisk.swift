import CLinux
import SystemPackage
import Testing

@testable import DeviceResync

/// A loop device over a file of its own without a name.
///
/// The kernel detaches it when the last descriptor closes, so that even `kill -9` leaves nothing behind.
struct LoopDisk: ~Copyable {
  /// The file; what is written to the device is seen here.
  let image: OwnedDescriptor
  let loop: AttachedLoop

  /// Of `size` bytes, all zero.
  ///
  /// - Parameter directory: whose file system holds the bytes.
  init(size: UInt64, blockSize: UInt32 = 512, in directory: FilePath = "/var/tmp") throws {
    // All that can throw comes first: a half-made noncopyable value cannot be destroyed.
    let image = try unnamedFile(size: size, in: directory)
    let loop = try AttachedLoop(over: image, .readWrite, blockSize: blockSize)
    self.image = image
    self.loop = loop
  }

  /// Of these bytes.
  static func holding(
    _ bytes: [UInt8], blockSize: UInt32 = 512, in directory: FilePath = "/var/tmp"
  ) throws -> LoopDisk {
    let disk = try LoopDisk(size: UInt64(bytes.count), blockSize: blockSize, in: directory)
    try disk.image.write(bytes, at: 0)
    return disk
  }

  /// The device, opened as a run opens it.
  func open(_ flags: OpenFlags) throws -> OwnedDescriptor {
    try OwnedDescriptor(opening: loop.path, flags.union(.direct))
  }

  /// Every byte of the file.
  func bytes() throws -> [UInt8] {
    try image.read(Int(try FileStatus(of: image).size), at: 0)
  }
}

/// A file without a name in `directory`, all holes.
func unnamedFile(size: UInt64, in directory: FilePath, direct: Bool = false) throws -> OwnedDescriptor {
  let mode = OpenFlags.readWrite.rawValue | (direct ? OpenFlags.direct.rawValue : 0)
  let flags = OpenFlags(rawValue: mode | cl_open_unnamed)
  let file = try OwnedDescriptor(opening: directory, flags)
  try FileDescriptor(rawValue: file.rawValue).resize(to: Int64(size))
  return file
}
