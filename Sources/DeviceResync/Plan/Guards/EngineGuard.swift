import SystemPackage

/// Bytes are moved through io_uring, or by threads where the kernel forbids that (PITFALLS E8).
enum EngineGuard: Guard {
  static let name = "engine"

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    do throws(ResyncError) {
      let engine = try Engine(facts.request.engine, ringRefusal: facts.ringRefusal)
      guard engine == .threads else { return passed("io_uring is there") }
      let refusal = facts.request.engine == .auto ? facts.ringRefusal : nil
      return passed(
        refusal.map { "threads move the bytes: the kernel gives this process no io_uring (\($0.name))" }
          ?? "threads move the bytes, as asked for")
    } catch {
      return [refused(error.returnValue, error.reason ?? error.attempt, remedy: error.remedy)]
    }
  }

  /// The way out where an engine cannot be set up (io_uring_setup(2), io_uring_register(2), pthread_create(3)).
  static func remedy(_ errno: Errno) -> String {
    switch errno {
    case .noMemory:
      "free memory, use --queue-depth 1, or allow more locked memory: ulimit -l unlimited"
    case .notPermitted, .permissionDenied:
      "use --engine auto, or allow it with: sysctl kernel.io_uring_disabled=0; in a container its seccomp profile must "
        + "allow it too"
    case .noFunction:
      "use --engine auto, or a kernel with CONFIG_IO_URING; in a container its seccomp profile must allow it too"
    case .resourceTemporarilyUnavailable: "allow more threads: ulimit -u, and the cgroup's pids.max"
    case .tooManyOpenFiles: "allow more open files: ulimit -n 4096"
    case .tooManyOpenFilesInSystem: "allow more open files: sysctl fs.file-max"
    default: "see the kernel's log: dmesg"
    }
  }
}

extension Engine {
  /// What moves the bytes of a run.
  ///
  /// - Parameter refusal: why the kernel gives this process no ring; nil where it does.
  /// - Throws: where that forbids what was chosen: 32770, 32778 for want of memory.
  init(_ choice: RunRequest.EngineChoice, ringRefusal refusal: Errno?) throws(ResyncError) {
    switch (choice, refusal) {
    case (.threads, _), (.auto, .notPermitted?), (.auto, .permissionDenied?), (.auto, .noFunction?):
      self = .threads
    case (_, nil):
      self = .ioUring
    case (_, let errno?):
      throw ResyncError(
        errno == .noMemory ? .kernel(errno, .setUp) : .notSupported, "set up", on: "io_uring",
        reason: "the kernel gives this process no io_uring (io_uring_setup: \(errno.name))",
        remedy: EngineGuard.remedy(errno))
    }
  }
}
