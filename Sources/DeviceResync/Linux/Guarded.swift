import Glibc

/// A value that one thread at a time touches.
///
/// As Swift's `Mutex`, which ThreadSanitizer cannot see into on Linux (6.3): it takes every use of that for a
/// race. pthread's it knows.
@safe struct Guarded<Value: Sendable & ~Copyable>: ~Copyable, @unchecked Sendable {
  /// Its address must not change.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let value: UnsafeMutablePointer<Value>

  init(_ value: consuming Value) {
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    // Without attributes nothing can fail (pthread_mutex_init(3)).
    let result = unsafe pthread_mutex_init(mutex, nil)
    precondition(result == 0)
    unsafe self.value = .allocate(capacity: 1)
    unsafe self.value.initialize(to: value)
  }

  deinit {
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
    unsafe value.deinitialize(count: 1)
    unsafe value.deallocate()
  }

  /// Runs `body` while no other thread touches the value; must not be called by `body`.
  func withLock<Result: ~Copyable>(_ body: (inout Value) -> Result) -> Result {
    let locked = unsafe pthread_mutex_lock(mutex)
    precondition(locked == 0)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return unsafe body(&value.pointee)
  }
}
