import CLinux
public import SystemPackage

extension Errno {
  /// The constant's name, such as `EBUSY`.
  public var name: String {
    guard let name = unsafe cl_errno_name(rawValue) else { return "errno \(rawValue)" }
    return unsafe String(cString: name)
  }
}

extension Errno {
  /// What the block layer means by it, where that is not what strerror(3) says (block/blk-core.c, `blk_errors`).
  var meaning: String {
    switch self {
    case .noSpace: "the pool or file system below is full"
    case .noData: "unreadable sectors"
    case .illegalByteSequence: "the integrity check failed"
    case .reservationConflict: "another host has reserved it"
    case .remoteIO: "the target reported an error"
    case .noLink: "the path to the device is gone"
    case .notPermitted, .readOnlyFileSystem: "it is write-protected"
    default: description
    }
  }
}
