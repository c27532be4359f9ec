import CLinux
import SystemPackage

/// What statx(2) says of a file.
struct FileStatus: Sendable, Equatable {
  enum Kind: Sendable { case regular, blockDevice, directory, link, other }

  let kind: Kind
  /// Permission bits.
  let permissions: UInt32
  /// Owner's user id.
  let owner: UInt32
  /// File system and inode.
  let identity: FileIdentity
  /// The node's own number, for a device file.
  let deviceNumber: DeviceNumber
  /// Size, in bytes; 0 for a device file.
  let size: UInt64
  /// Bytes that take room on the file system.
  let allocated: UInt64
  /// Last change of content, in nanoseconds since the epoch.
  let modified: Int64
  /// Last change of content or attributes, in nanoseconds since the epoch; nobody can set it back.
  let changed: Int64
  /// Birth, in nanoseconds since the epoch; nil where the file system keeps none.
  let born: Int64?
  /// Whether the file must not be changed (`FS_IMMUTABLE_FL`).
  let isImmutable: Bool
  /// What direct I/O must be aligned to, in bytes; nil where the file system does not tell (`STATX_DIOALIGN`).
  let directOffsetAlignment: UInt32?

  /// Of what `descriptor` has open.
  init(of descriptor: borrowing OwnedDescriptor) throws(Errno) {
    var raw = cl_file_status()
    try check(unsafe cl_status_of(descriptor.rawValue, &raw))
    self.init(raw)
  }

  /// Of `path`; nothing is opened.
  init(at path: FilePath, followingLink: Bool) throws(Errno) {
    var raw = cl_file_status()
    let result = unsafe path.withPlatformString { name in
      unsafe cl_status_at(atWorkingDirectory, name, followingLink, &raw)
    }
    try check(result)
    self.init(raw)
  }

  /// Of `name` below `directory`, with a link at its end followed.
  init(below directory: borrowing OwnedDescriptor, _ name: String) throws(Errno) {
    var raw = cl_file_status()
    let result = unsafe name.withCString { name in unsafe cl_status_at(directory.rawValue, name, true, &raw) }
    try check(result)
    self.init(raw)
  }

  init(_ raw: cl_file_status) {
    kind =
      switch raw.mode & 0o170000 {
      case 0o100000: .regular
      case 0o060000: .blockDevice
      case 0o040000: .directory
      case 0o120000: .link
      default: .other
      }
    permissions = raw.mode & 0o7777
    owner = raw.user
    identity = FileIdentity(
      device: DeviceNumber(major: raw.device_major, minor: raw.device_minor), inode: raw.inode)
    deviceNumber = DeviceNumber(major: raw.special_major, minor: raw.special_minor)
    size = raw.size
    let allocation = raw.blocks.multipliedReportingOverflow(by: 512)
    allocated = allocation.overflow ? .max : allocation.partialValue
    modified = raw.modified
    changed = raw.changed
    born = raw.born == 0 ? nil : raw.born
    isImmutable = raw.immutable
    directOffsetAlignment = raw.direct_offset_align == 0 ? nil : raw.direct_offset_align
  }
}

/// Whether something is at `path`; what cannot be looked at is not.
package func isThere(_ path: String) -> Bool {
  (try? FileStatus(at: FilePath(path), followingLink: true)) != nil
}
