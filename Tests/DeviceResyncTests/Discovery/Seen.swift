import Foundation
import Glibc

@testable import DeviceResync

/// What another thread saw of a probing child while it ran.
final class Seen: Sendable {
  private let found = Guarded<(child: pid_t, status: String, limits: String)>((0, "", ""))

  var child: pid_t { found.withLock(\.child) }

  func read() -> (status: String, limits: String) { found.withLock { ($0.status, $0.limits) } }

  /// Waits for the child of `parent` that does `fault`, notes its state, sends it a signal.
  ///
  /// - Parameter sandboxed: whether to wait until it is.
  func watch(childOf parent: pid_t, doing fault: String, sandboxed: Bool, thenSend signal: CInt = 0) {
    let end = ContinuousClock.now + .seconds(10)
    while ContinuousClock.now < end {
      for word in text("/proc/\(parent)/task/\(parent)/children").split(separator: " ") {
        guard let child = pid_t(word) else { continue }
        let status = text("/proc/\(child)/status")
        guard status.hasPrefix("Name:\t\(fault)\n"), !sandboxed || status.contains("Seccomp:\t2\n") else {
          continue
        }
        found.withLock { $0 = (child, status, text("/proc/\(child)/limits")) }
        if signal != 0 { kill(child, signal) }
        return
      }
      sched_yield()
    }
  }

  private func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
}
