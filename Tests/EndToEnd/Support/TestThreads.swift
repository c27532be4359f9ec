import Synchronization

@testable import DeviceResync

/// The threads that tests with a place of their own run on.
///
/// Swift's own pool has one for each processor, and these tests mostly wait: for a command, a disk, a time to pass.
final class TestThreads: TaskExecutor {
  static let shared = TestThreads(count: 4)

  private let waiting = Mutex<[UnownedJob]>([])
  private let arrivals = Semaphore()

  private init(count: Int) {
    for _ in 0..<count {
      guard let thread = try? IOThread({ self.work() }) else { preconditionFailure("threads can be had") }
      // They live as long as the process: what a test starts ends with the thread that started it.
      thread.detach()
    }
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    waiting.withLock { $0.append(job) }
    arrivals.post()
  }

  private func work() {
    while true {
      arrivals.wait()
      // One for each signal, in the order in which they came.
      let job = waiting.withLock { $0.removeFirst() }
      job.runSynchronously(on: asUnownedTaskExecutor())
    }
  }
}
