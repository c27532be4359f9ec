import CLinux
import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// A loop device over a file, held open for reading only; the kernel detaches it when it is let go.
///
/// Nothing else of the test may hold it for writing, or guards would name the test.
struct NamedLoop: ~Copyable {
  private let descriptor: OwnedDescriptor
  let number: Int
  /// Partitions that were added.
  private var partitions: [Int] = []

  var node: String { "/dev/loop\(number)" }
  var name: String { "loop\(number)" }

  /// Attaches `file`.
  ///
  /// - Parameter offset: where in it the device begins, in bytes.
  init(_ file: String, blockSize: UInt32 = 512, readOnly: Bool = false, offset: UInt64 = 0) throws {
    let flags: OpenFlags = readOnly ? .readOnly : .readWrite
    // Below /proc files are reached through links that are none of names.
    let backing = try OwnedDescriptor(opening: FilePath(file), flags, followingLinks: true)
    let loop = try AttachedLoop(over: backing, flags, blockSize: blockSize)
    let reader = try OwnedDescriptor(opening: loop.path, .readOnly)
    if offset > 0 { try Self.setStatus(reader, offset: offset) }
    number = loop.number
    descriptor = reader
    // The descriptor for writing closes here.
  }

  deinit {
    for partition in partitions { _ = try? Child(["delpart", "/dev/loop\(number)", "\(partition)"]).wait() }
  }

  /// Adds a partition without a table; returns its node.
  mutating func addPartition(_ partition: Int, start: UInt64, length: UInt64) throws -> String {
    // So that the kernel drops partitions itself where this process dies.
    try Self.setStatus(descriptor, scanning: true)
    try tool("addpart", node, "\(partition)", "\(start / 512)", "\(length / 512)")
    partitions.append(partition)
    return "\(node)p\(partition)"
  }

  // Requests of <linux/loop.h> and <linux/fs.h>.

  /// Lets the device have the size that its file has now.
  func takeFilesSize() throws { try Self.request(descriptor, 0x4C07, 0) }

  /// Switches direct I/O (`LOOP_SET_DIRECT_IO`), which a descriptor for reading may do.
  func setDirectIO(_ on: Bool) throws { try Self.request(descriptor, 0x4C08, on ? 1 : 0) }

  /// Makes the device read-only, as `blockdev --setro` does (`BLKROSET`).
  func setReadOnly(_ on: Bool) throws {
    var value: CInt = on ? 1 : 0
    guard ioctl(descriptor.rawValue, 0x125d, &value) == 0 else { throw Errno(rawValue: errno) }
  }

  /// Puts another file of the same size under a read-only loop (`LOOP_CHANGE_FD`).
  func change(to file: String) throws {
    let other = try OwnedDescriptor(opening: FilePath(file), .readOnly)
    try Self.request(descriptor, 0x4C06, other.rawValue)
  }

  private static func request(_ descriptor: borrowing OwnedDescriptor, _ number: UInt, _ value: CInt) throws {
    guard ioctl(descriptor.rawValue, number, value) == 0 else { throw Errno(rawValue: errno) }
  }

  /// LOOP_SET_STATUS64 of `struct loop_info64`, of 232 bytes: lo_offset at 24, lo_flags at 52.
  private static func setStatus(
    _ descriptor: borrowing OwnedDescriptor, offset: UInt64? = nil, scanning: Bool = false
  ) throws {
    var info = [UInt64](repeating: 0, count: 29)
    guard ioctl(descriptor.rawValue, 0x4C05, &info) == 0 else { throw Errno(rawValue: errno) }
    if let offset { info[3] = offset }
    if scanning { info[6] |= 8 << 32 }  // LO_FLAGS_PARTSCAN, in the upper half of bytes 48 to 55
    guard ioctl(descriptor.rawValue, 0x4C04, &info) == 0 else { throw Errno(rawValue: errno) }
  }
}

/// The kernel's count of what was done to a device, in 512-byte sectors (Documentation/block/stat.rst).
struct DeviceStat: Equatable {
  let read: UInt64
  let writes: UInt64
  let written: UInt64
  let discarded: UInt64

  init(_ name: String) throws {
    let text = try readText(FilePath("/sys/class/block/\(name)/stat"))
    let fields = text.split(whereSeparator: { $0 == " " || $0 == "\n" }).compactMap { UInt64($0) }
    try #require(fields.count >= 14)
    (read, writes, written, discarded) = (fields[2], fields[4], fields[6], fields[13])
  }

  /// Bytes written and discarded.
  var bytesChanged: UInt64 { (written + discarded) * 512 }
}
