import Glibc

/// A count that threads wait for (sem_overview(7)): made and waited for without a system call where nobody
/// sleeps.
@safe struct Semaphore: ~Copyable, @unchecked Sendable {
  /// The kernel and glibc keep its address, so that it must not move.
  private let semaphore: UnsafeMutablePointer<sem_t>

  /// Zero.
  init() {
    unsafe semaphore = .allocate(capacity: 1)
    unsafe semaphore.initialize(to: sem_t())
    // Fails for numbers above SEM_VALUE_MAX only (sem_init(3)).
    let result = unsafe sem_init(semaphore, 0, 0)
    precondition(result == 0)
  }

  deinit {
    unsafe sem_destroy(semaphore)
    unsafe semaphore.deallocate()
  }

  /// Adds one, and wakes a thread that waits for it.
  func post() {
    // Fails beyond SEM_VALUE_MAX only, 2,147,483,647.
    let result = unsafe sem_post(semaphore)
    precondition(result == 0)
  }

  /// Takes one away; waits while there is none.
  func wait() {
    // Only EINTR comes back without one (sem_wait(3)).
    while unsafe sem_wait(semaphore) != 0 {}
  }

  /// Takes one away, if there is one.
  func tryWait() -> Bool { unsafe sem_trywait(semaphore) == 0 }
}
