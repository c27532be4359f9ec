import CLinux
import SystemPackage

/// What tells a file system from every other.
enum FileSystemIdentity: Sendable, Equatable {
  /// Its UUID, which is written in it.
  case uuid(UInt128)
  /// statfs(2)'s f_fsid: weaker, since some file systems make it from their device's number.
  case number(UInt64)
  /// It keeps neither.
  case none

  /// Of the file system of what `descriptor` has open.
  init(of descriptor: borrowing OwnedDescriptor) throws(Errno) {
    var bytes: [UInt8] = Array(repeating: 0, count: 16)
    let raw = descriptor.rawValue
    let result = unsafe bytes.withUnsafeMutableBufferPointer {
      unsafe cl_file_system_uuid(raw, $0.baseAddress)
    }
    if result == 0, bytes.contains(where: { $0 != 0 }) {
      self = .uuid(bytes.reduce(0) { $0 << 8 | UInt128($1) })
      return
    }
    var number: UInt64 = 0
    try check(unsafe cl_file_system_id(raw, &number))
    self = number == 0 ? .none : .number(number)
  }

  /// `fs-` and the UUID, or `fsid-` and the number; nil for none.
  var text: String? {
    switch self {
    case .uuid(let uuid): "fs-\(UniqueID(uuid))"
    case .number(let number): "fsid-\(String(number, radix: 16))"
    case .none: nil
    }
  }
}

/// The btrfs subvolume that the file lies in.
func btrfsSubvolume(of descriptor: borrowing OwnedDescriptor) throws(Errno) -> UInt64 {
  var subvolume: UInt64 = 0
  try check(unsafe cl_btrfs_subvolume(descriptor.rawValue, &subvolume))
  return subvolume
}
