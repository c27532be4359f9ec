public import DeviceResync

/// What a resynchronization is seen through: `CIM_ConcreteJob`, as its record `job.json` holds it.
///
/// Times are microseconds since 1970-01-01, midnight UTC; in the record they are CIM datetimes.
public struct Job: Sendable, Equatable {
  /// `InstanceID`.
  public let id: UniqueID
  /// `JobType`: what it does.
  public var type: JobType
  /// `JobState`: where it is.
  public var state = JobState.new
  /// `JobStatus`: the phase, as text.
  public var status = ""
  /// `Owner`: who asked for it.
  public var owner: String
  /// The computer system that was asked for; nil for explicit disks.
  public var computerSystem: String?
  /// The configured relationship; nil for explicit disks.
  public var relationship: String?
  /// The disks that take part.
  public var disks: [RunRequest.Pair]
  /// `PercentComplete`, 0 to 100: never goes back, and is 100 only at a good end.
  public var percentComplete: UInt16 = 0
  /// `TimeSubmitted`.
  public var submitted: Int64
  /// `ScheduledStartTime`; nil for a job that started at once.
  public var scheduled: Int64?
  /// `StartTime`; nil before it has started.
  public var started: Int64?
  /// When it ended; nil before.
  public var ended: Int64?
  /// `TimeOfLastStateChange`.
  public var lastStateChange: Int64
  /// `Cancellable`: false from the commit on.
  public var isCancellable = true
  /// `ReturnValue`; nil while it is not finished.
  public var returnValue: ReturnValue?
  /// The exit status of its command; nil while it is not finished.
  public var exitStatus: Int32?
  /// `Description`: what is to be known of it; nil for nothing.
  public var note: String?
  /// `ErrorDescription`; nil without an error.
  public var errorDescription: String?
  /// The process that works on it, or waits for its time.
  var process: ProcessIdentity?

  /// A new job of `request`.
  init(_ id: UniqueID, _ request: RunRequest, relationship: String?, owner: String, now: Int64) {
    self.id = id
    type = JobType(request.operation)
    computerSystem = request.computerSystem
    self.relationship = relationship
    disks = request.pairs
    self.owner = owner
    submitted = now
    lastStateChange = now
  }

  /// `ErrorCode`: the return value of what failed, and 0 else.
  public var errorCode: UInt32 { returnValue?.rawValue ?? 0 }

  /// `Name`.
  public var name: String {
    "\(type == .resynchronizing ? "Resynchronize" : "Compare") \(computerSystem ?? disks.first?.recovery ?? "")"
  }

  /// `ElapsedTime`, in microseconds: how long it has run, or ran.
  public func elapsed(now: Int64) -> Int64 {
    guard let started else { return 0 }
    return max(0, (ended ?? (state.isAtWork ? now : lastStateChange)) - started)
  }

  /// By how much its start has been missed, as text; nil where it is not late by more than a minute.
  public func lateness(at now: Int64) -> String? {
    let late = now - (scheduled ?? submitted)
    return late > 60_000_000 ? seconds(Double(late) / 1_000_000) : nil
  }

  /// How many microseconds it will have been kept when it may be removed.
  static let timeBeforeRemoval: Int64 = 7 * 86400 * 1_000_000

  /// Enters another state.
  mutating func enter(_ new: JobState, at now: Int64) {
    guard new != state else { return }
    state = new
    lastStateChange = max(now, lastStateChange)
    if new == .starting { started = now }
    if new.isFinished {
      ended = now
      process = nil
      isCancellable = false
      if new == .completed || new == .completedWithWarnings { percentComplete = 100 }
    }
  }

  /// Ends as its run did.
  mutating func finish(_ result: JobEnding, at now: Int64) {
    returnValue = result.returnValue
    exitStatus = result.exitStatus
    if result.isTerminated {
      errorDescription = result.message
      enter(.terminated, at: now)
    } else if result.returnValue == .completed {
      enter(
        result.exitStatus == ExitStatus.completedWithWarnings ? .completedWithWarnings : .completed, at: now)
    } else {
      errorDescription = result.message
      enter(.exception, at: now)
    }
    status = result.message
  }
}
