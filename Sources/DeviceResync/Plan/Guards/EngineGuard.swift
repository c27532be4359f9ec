import SystemPackage

/// Bytes are moved through io_uring.
enum EngineGuard: Guard {
  static let name = "engine"

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    guard let errno = facts.ringRefusal else { return passed("io_uring is there") }
    return [
      refused(
        errno == .noMemory ? .outOfMemory : .notSupported,
        "the kernel gives this process no io_uring (io_uring_setup: \(errno.name))",
        remedy: remedy(errno))
    ]
  }

  /// The way out where a ring cannot be set up (io_uring_setup(2), io_uring_register(2)).
  static func remedy(_ errno: Errno) -> String {
    switch errno {
    case .noMemory:
      "free memory, use --queue-depth 1, or allow more locked memory: ulimit -l unlimited"
    case .notPermitted, .permissionDenied:
      "allow it with: sysctl kernel.io_uring_disabled=0; in a container its seccomp profile must allow it too"
    case .noFunction:
      "use a kernel with CONFIG_IO_URING; in a container its seccomp profile must allow it too"
    case .tooManyOpenFiles: "allow more open files: ulimit -n 4096"
    case .tooManyOpenFilesInSystem: "allow more open files: sysctl fs.file-max"
    default: "see the kernel's log: dmesg"
    }
  }
}
