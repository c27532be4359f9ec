import CLinux
import SystemPackage

/// What kind of file system a file lies on, and its room.
struct FileSystem: Sendable, Equatable {
  /// The magic of statfs(2); <linux/magic.h>.
  let magic: UInt64
  /// Bytes that can still be written.
  let available: UInt64
  /// Bytes in all.
  let total: UInt64
  let isReadOnly: Bool
  /// Its UUID, of btrfs with the subvolume's number, for inodes count within one; nil where the kernel tells none.
  var uuid: String?

  /// The usual name; nil for one that this table does not know.
  var name: String? {
    switch magic {
    case 0xef53: "ext4"
    case 0x5846_5342: "xfs"
    case 0x9123_683e: "btrfs"
    case 0x0102_1994: "tmpfs"
    case 0x2fc1_2fc1: "zfs"
    case 0x6969: "nfs"
    case 0xff53_4d42, 0xfe53_4d42: "cifs"
    case 0x6573_5546: "fuse"
    case 0x00c3_6400: "ceph"
    case 0x794c_7630: "overlay"
    default: nil
    }
  }

  /// Whether its word on holes was tried and found true (PITFALLS G10).
  var tellsHolesTruly: Bool {
    switch name {
    case "ext4", "xfs", "btrfs", "tmpfs": true
    default: false
    }
  }

  /// Whether other hosts may reach the same files, or other paths lead to the same bytes (PITFALLS A16).
  var mayBeShared: Bool {
    switch name {
    case "nfs", "cifs", "fuse", "ceph", "overlay": true
    default: false
    }
  }
}

extension FileSystem {
  /// Of the one on which the file lies that `descriptor` has open.
  init(of descriptor: borrowing OwnedDescriptor) throws(Errno) {
    var magic: UInt64 = 0
    var available: UInt64 = 0
    var total: UInt64 = 0
    var isReadOnly = false
    try check(unsafe cl_file_system(descriptor.rawValue, &magic, &available, &total, &isReadOnly))
    self.init(magic: magic, available: available, total: total, isReadOnly: isReadOnly)
    uuid = name == "btrfs" ? Self.subvolume(descriptor) : Self.uuid(descriptor)
  }

  /// Nil also where it is all zeros, as of a file system that was given none.
  private static func uuid(_ descriptor: borrowing OwnedDescriptor) -> String? {
    var bytes = [UInt8](repeating: 0, count: 16)
    let result = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
      unsafe cl_file_system_uuid(descriptor.rawValue, buffer.baseAddress)
    }
    guard result == 0, bytes.contains(where: { $0 != 0 }) else { return nil }
    let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
    return [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { digits[$0].joined() }.joined(separator: "-")
  }

  private static func subvolume(_ descriptor: borrowing OwnedDescriptor) -> String? {
    var id: UInt64 = 0
    guard let uuid = uuid(descriptor), unsafe cl_btrfs_subvolume(descriptor.rawValue, &id) == 0 else {
      return nil
    }
    return "\(uuid)/\(id)"
  }
}
