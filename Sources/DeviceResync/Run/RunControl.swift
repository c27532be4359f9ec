public import Synchronization

/// What a job tells a running comparison, and what the comparison tells the job.
///
/// The engine looks at it between ranges; nobody waits for anybody.
public final class RunControl: Sendable {
  /// What is asked of the run.
  public enum Request: UInt8, AtomicRepresentable, Sendable {
    /// Go on.
    case run
    /// Stop submitting, drain, flush, report.
    case terminate
    /// The same, but end right after the drain.
    case terminateAtOnce
  }

  let request = Atomic<Request>(.run)
  /// Bytes of the current pair that are dealt with, holes included, on one side.
  let bytesDone = Atomic<UInt64>(0)
  /// Bytes found different in the current pair.
  let bytesDifferent = Atomic<UInt64>(0)
  /// Bytes whose write to the current recovery has ended well.
  let bytesWritten = Atomic<UInt64>(0)
  /// Counts completions of any kind: when it stands still, the device does.
  let completions = Atomic<UInt64>(0)
  /// The answer to the question that the run asked last; nil while there is none.
  private let answer = Mutex<Bool?>(nil)

  /// Creates the control of one run.
  public init() {}

  /// Asks the run to end in order; a second call asks it to end right after the drain.
  public func terminate() {
    let first = request.compareExchange(
      expected: .run, desired: .terminate, ordering: .acquiringAndReleasing)
    if !first.exchanged { request.store(.terminateAtOnce, ordering: .releasing) }
  }

  /// Whether the run was asked to end.
  var isStopping: Bool { request.load(ordering: .acquiring) != .run }

  /// Answers the question that the run asked last (``RunEvent/question(_:)``).
  public func answer(_ isYes: Bool) { answer.withLock { $0 = isYes } }

  /// The answer, once; nil while there is none.
  func takeAnswer() -> Bool? { answer.withLock { $0.take() } }
}
