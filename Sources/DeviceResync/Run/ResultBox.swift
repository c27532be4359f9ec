import Synchronization

/// Carries a run's result from its thread.
final class ResultBox: Sendable {
  private let result = Mutex<RunResult?>(nil)

  func put(_ value: RunResult) { result.withLock { $0 = value } }
  func take() -> RunResult? { result.withLock { $0.take() } }
}

/// A latch that a thread's closure and its starter share.
final class SharedLatch: Sendable {
  private let latch: Latch
  init(_ latch: consuming Latch) { self.latch = latch }

  /// Opens it; should the kernel refuse, the waiter's next look finds the thread's result instead.
  func open() { try? latch.open() }

  /// Whether it is open after `milliseconds` at most.
  func wait(milliseconds: CInt) -> Bool { (try? latch.wait(milliseconds: milliseconds)) ?? true }
}
