import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// The process of a run that touches disks, seen from outside.
struct WorkerProcess: Sendable {
  let id: pid_t

  /// That of the command which runs in `child`, itself or at any depth below it; nil while there is none.
  static func running(below child: pid_t) -> WorkerProcess? {
    for name in (try? directoryNames("/proc")) ?? [] {
      guard let id = pid_t(name), let words = try? readText(FilePath("/proc/\(id)/cmdline")),
        words == "vmresync: worker\0", isBelow(child, id)
      else { continue }
      return WorkerProcess(id: id)
    }
    return nil
  }

  private static func isBelow(_ ancestor: pid_t, _ process: pid_t) -> Bool {
    var process = process
    while process > 1 {
      if process == ancestor { return true }
      guard let text = try? readText(FilePath("/proc/\(process)/stat")), let end = text.lastIndex(of: ")"),
        let parent = text[end...].split(separator: " ").dropFirst(2).first.flatMap({ pid_t($0) })
      else { return false }
      process = parent
    }
    return false
  }

  func signal(_ number: CInt) { kill(id, number) }

  /// Its state (proc_pid_stat(5)); nil when it is gone.
  var state: Character? { processState(of: id) }

  /// Whether it is gone, or a zombie whose parent has yet to look.
  var hasEnded: Bool { state == nil || state == "Z" }

  /// Sends SIGSTOP, and returns when it stands.
  func stop() {
    signal(SIGSTOP)
    _ = eventually(within: 5) { state == "T" || state == nil }
  }

  /// Whether it has `path` open.
  func hasOpen(_ path: String) -> Bool { pathsHeld(by: id).contains(path) }
}

extension Child {
  /// What a run says from which ``waitUntilEnding(_:)`` can tell.
  static let tellsEvents = ["--progress", "json"]

  /// Waits until so many requests to end have reached the run.
  func waitUntilEnding(_ count: Int = 1) throws {
    let came = try eventually(within: 30) {
      try complained().split(separator: "\n").filter { $0.contains("\"Event\":\"ending\"") }.count >= count
    }
    try #require(came, "the signal has not arrived")
  }

  /// The worker of the command that runs in this child; waits for it.
  func worker() throws -> WorkerProcess {
    var found: WorkerProcess?
    _ = eventually(within: 20) {
      found = WorkerProcess.running(below: id)
      return found != nil || hasEnded
    }
    return try #require(found, "it has no worker")
  }
}
