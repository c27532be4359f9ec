import Glibc
import Synchronization

/// The work on one pair of several that are worked on side by side, each on a thread of its own.
///
/// Whether it moves is told for itself: a pair that moves must not hide one that hangs (PITFALLS D12).
final class Strand: Sendable {
  /// The pair's number, from 0.
  let pair: Int
  /// Calls and requests that have begun or ended: while it grows, the work is alive.
  private let moves = Atomic<UInt64>(0)
  /// Bytes that are dealt with.
  private let bytes = Atomic<UInt64>(0)
  /// Whether it waits for another strand and not for a disk.
  private let isWaiting = Atomic<Bool>(false)

  private init(pair: Int) { self.pair = pair }

  /// Counts one sign of life.
  @inline(__always)
  func move() { moves.add(1, ordering: .relaxed) }

  var movements: UInt64 { moves.load(ordering: .relaxed) }

  @inline(__always)
  func count(done bytes: UInt64) { self.bytes.wrappingAdd(bytes, ordering: .relaxed) }

  var bytesDone: UInt64 { bytes.load(ordering: .relaxed) }

  /// What of it can hang by itself: not one that waits for its turn.
  var isJudged: Bool { !isWaiting.load(ordering: .relaxed) }

  /// Runs `body`, which waits for another strand.
  func waiting(_ body: () -> Void) {
    isWaiting.store(true, ordering: .relaxed)
    body()
    move()
    isWaiting.store(false, ordering: .relaxed)
  }

  // MARK: Threads

  /// Of all threads that have one now.
  private static let all = Guarded<[Strand]>([])

  /// Where each thread keeps its own.
  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    // Fails where a process has 1024 of them (pthread_key_create(3)).
    let result = unsafe pthread_key_create(&key, nil)
    precondition(result == 0)
    return key
  }()

  /// The calling thread's; nil where it works on all pairs.
  @inline(__always)
  static var current: Strand? {
    guard let place = unsafe pthread_getspecific(key) else { return nil }
    // `run` keeps it alive as long as it is there.
    return unsafe Unmanaged<Strand>.fromOpaque(place).takeUnretainedValue()
  }

  /// Those that are worked on, in the order in which they began.
  static var running: [Strand] { all.withLock { $0 } }

  /// Runs `body` as the work on `pair`.
  static func run(pair: Int, _ body: () -> Void) {
    let strand = Strand(pair: pair)
    all.withLock { $0.append(strand) }
    unsafe pthread_setspecific(key, Unmanaged.passUnretained(strand).toOpaque())
    body()
    pthread_setspecific(key, nil)
    all.withLock { $0.removeAll { $0 === strand } }
  }
}
