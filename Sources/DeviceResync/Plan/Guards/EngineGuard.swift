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
        remedy: "allow it with: sysctl kernel.io_uring_disabled=0")
    ]
  }
}
