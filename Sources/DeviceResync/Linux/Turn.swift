import Glibc

/// What one thread at a time has, for longer than a closure lasts; see ``Guarded`` for why it is pthread's.
@safe struct Turn: ~Copyable, @unchecked Sendable {
  /// Its address must not change.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  init() {
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    // Without attributes nothing can fail (pthread_mutex_init(3)).
    let result = unsafe pthread_mutex_init(mutex, nil)
    precondition(result == 0)
  }

  deinit {
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  /// Waits until no other thread has it; a thread that has it must not ask.
  ///
  /// Who waits here does not hang: who has the turn may.
  func take() {
    if unsafe pthread_mutex_trylock(mutex) == 0 { return }
    guard let strand = Strand.current else { return lock() }
    strand.waiting { lock() }
  }

  private func lock() {
    let locked = unsafe pthread_mutex_lock(mutex)
    precondition(locked == 0)
  }

  /// Lets the next thread have it.
  func giveBack() { unsafe pthread_mutex_unlock(mutex) }

  /// Runs `body` while no other thread has the turn.
  func during<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
    take()
    defer { giveBack() }
    return try body()
  }
}
