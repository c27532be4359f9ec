import SystemPackage

/// Carries a run's result from its thread.
final class ResultBox: Sendable {
  private let result = Guarded<RunResult?>(nil)

  func put(_ value: RunResult) { result.withLock { $0 = value } }
  func take() -> RunResult? { result.withLock { $0.take() } }
}

/// Carries out `work` on a thread of its own, and has `reporter` tell meanwhile how far it is.
func ticking(
  _ reporter: RunReporter, for request: RunRequest?, _ work: @escaping @Sendable () -> RunResult
) -> RunResult {
  let box = ResultBox()
  do throws(Errno) {
    let done = SharedLatch(try Latch())
    let thread = try IOThread {
      box.put(work())
      done.open()
    }
    while !done.wait(milliseconds: 250) { reporter.tick() }
    _ = consume thread  // Waits for it.
  } catch {
    return RunResult(
      request, refusedBy: ResyncError(.kernel(error, .setUp), "start", on: "the thread that moves bytes"))
  }
  guard let result = box.take() else { preconditionFailure("the thread leaves a result") }
  return result
}

/// A latch that a thread's closure and its starter share.
final class SharedLatch: Sendable {
  private let latch: Latch
  init(_ latch: consuming Latch) { self.latch = latch }

  /// Readable once it is open; to wait for beside others.
  var descriptor: CInt { latch.descriptor }

  /// Opens it; should the kernel refuse, the waiter's next look finds the thread's result instead.
  func open() { try? latch.open() }

  /// Whether it is open after `milliseconds` at most.
  func wait(milliseconds: CInt) -> Bool { (try? latch.wait(milliseconds: milliseconds)) ?? true }
}
