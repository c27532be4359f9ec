import CLinux
public import SystemPackage

extension Errno {
  /// The constant's name, such as `EBUSY`.
  public var name: String {
    guard let name = unsafe cl_errno_name(rawValue) else { return "errno \(rawValue)" }
    return unsafe String(cString: name)
  }
}
