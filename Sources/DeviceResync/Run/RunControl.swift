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

  /// Why it was asked to end.
  enum Reason: UInt8, AtomicRepresentable, Sendable {
    /// A person, a supervisor, or a monitor that is gone.
    case request
    /// Its time is over (`--max-duration`).
    case time
  }

  let request = Atomic<Request>(.run)
  private let reason = Atomic<Reason>(.request)
  /// Whether what was committed is being applied: the first request to end is not followed then.
  private let isForward = Atomic<Bool>(false)
  /// Whether nothing is to be kept of a run that is asked to end before its commit.
  private let dropping = Atomic<Bool>(false)
  /// Whether the pairs that are worked on side by side are to end, because what one found makes them useless.
  private let cutting = Atomic<Bool>(false)
  /// Bytes of all pairs that are dealt with, holes included, on one side; like all counts it is added to by every
  /// thread that moves bytes.
  let bytesDone = Atomic<UInt64>(0)
  /// Bytes found different in all pairs.
  let bytesDifferent = Atomic<UInt64>(0)
  /// Bytes whose write to a recovery has ended well.
  let bytesWritten = Atomic<UInt64>(0)
  /// Counts completions of any kind: when it stands still, the device does.
  let completions = Atomic<UInt64>(0)
  /// The answer to the question that the run asked last; nil while there is none.
  private let answer = Guarded<Bool?>(nil)

  /// Creates the control of one run.
  public init() {}

  /// Asks the run to end in order; a second call asks it to end right after the drain.
  public func terminate() {
    if !askToEnd(.request) { terminateAtOnce() }
  }

  /// Asks the run to end in order, however often that is asked.
  public func terminateInOrder() { _ = askToEnd(.request) }

  /// Asks the run to end right after the drain.
  public func terminateAtOnce() { request.store(.terminateAtOnce, ordering: .releasing) }

  /// What it has staged is of no use to anybody once it has ended without a commit; ask it to end after this.
  public func dropWork() { dropping.store(true, ordering: .releasing) }

  /// Whether a run that is asked to end leaves nothing to go on with.
  var dropsWork: Bool { dropping.load(ordering: .acquiring) }

  /// Asks the run to end in order because its time is over.
  ///
  /// This is where a run that can be continued will be suspended instead.
  public func runOut() { _ = askToEnd(.time) }

  /// Whether nobody had asked before.
  private func askToEnd(_ why: Reason) -> Bool {
    // The reason first: whoever sees the request sees it.
    let isFirst = request.load(ordering: .acquiring) == .run
    if isFirst { reason.store(why, ordering: .relaxed) }
    return request.compareExchange(expected: .run, desired: .terminate, ordering: .acquiringAndReleasing)
      .exchanged
  }

  /// Whether the run was asked to end, and must follow: beyond a commit only the second request counts.
  var isStopping: Bool {
    let request = request.load(ordering: .acquiring)
    return isForward.load(ordering: .relaxed) ? request == .terminateAtOnce : request != .run
  }

  /// Counts bytes that are dealt with, for the run and for the pair that the calling thread works on.
  ///
  /// The sizes of all pairs may come to more than 64 bits: whoever reads it takes differences.
  @inline(__always)
  func count(done bytes: UInt64) {
    bytesDone.wrappingAdd(bytes, ordering: .relaxed)
    Strand.current?.count(done: bytes)
  }

  /// Lets the pairs that are worked on side by side end at their next chunk; or takes that back.
  func cut(_ isCut: Bool) { cutting.store(isCut, ordering: .relaxed) }

  var isCut: Bool { cutting.load(ordering: .relaxed) }

  /// Whether a pair's work is to end at its next chunk: as the run's, or as that of the pairs beside it.
  var endsPair: Bool { isStopping || isCut }

  /// The same of work that only a second request to end stops.
  var endsPairAtOnce: Bool {
    request.load(ordering: .acquiring) == .terminateAtOnce || isCut
  }

  /// A commit stands from here on, and the way is forward; or it is applied whole.
  func goForward(_ isForward: Bool) { self.isForward.store(isForward, ordering: .relaxed) }

  /// Why the run ends, as the error that ends it.
  ///
  /// - Parameter reason: what else there is to say.
  func ending(
    _ attempt: String = "go on", on device: String? = nil, side: Side? = nil, _ more: String? = nil,
    remedy: String? = nil
  ) -> ResyncError {
    let isOver = reason.load(ordering: .relaxed) == .time
    let why = isOver ? "its time is over (--max-duration)" : "the run was ended by request or signal"
    return ResyncError(
      isOver ? .timedOut : .terminated, attempt, on: device, side: side,
      reason: more.map { "\(why); \($0)" } ?? why, remedy: remedy)
  }

  /// Whether a request ended it, and not its time.
  var wasTerminated: Bool { isStopping && reason.load(ordering: .relaxed) == .request }

  /// Answers the question that the run asked last (``RunEvent/question(_:)``).
  public func answer(_ isYes: Bool) { answer.withLock { $0 = isYes } }

  /// The answer, once; nil while there is none.
  func takeAnswer() -> Bool? { answer.withLock { $0.take() } }
}
