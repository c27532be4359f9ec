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
  /// Files that can still be made; `.max` where there is no such limit.
  var freeFiles = UInt64.max
  /// Its UUID, of btrfs with the subvolume's number, for inodes count within one; nil where the kernel tells none.
  var uuid: String?

  /// The usual name; nil for one that this table does not know.
  var name: String? {
    switch magic {
    case 0xef53: "ext4"
    case 0x5846_5342: "xfs"
    case 0x9123_683e: "btrfs"
    case 0x0102_1994: "tmpfs"
    case 0x8584_58f6: "ramfs"
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

  /// Whether everything on it is gone after a reboot.
  var isLostAtReboot: Bool { name == "tmpfs" || name == "ramfs" }

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
    var freeFiles: UInt64 = 0
    var isReadOnly = false
    try check(
      unsafe cl_file_system(descriptor.rawValue, &magic, &available, &total, &freeFiles, &isReadOnly))
    self.init(magic: magic, available: available, total: total, isReadOnly: isReadOnly, freeFiles: freeFiles)
    uuid = name == "btrfs" ? Self.subvolume(descriptor) : Self.uuid(descriptor)
  }

  /// Nil also where it is all zeros, as of a file system that was given none, and where it cannot be asked.
  private static func uuid(_ descriptor: borrowing OwnedDescriptor) -> String? {
    guard case .uuid(let bits)? = try? FileSystemIdentity(of: descriptor) else { return nil }
    return "\(UniqueID(bits))"
  }

  private static func subvolume(_ descriptor: borrowing OwnedDescriptor) -> String? {
    guard let uuid = uuid(descriptor), let id = try? btrfsSubvolume(of: descriptor) else { return nil }
    return "\(uuid)/\(id)"
  }
}
