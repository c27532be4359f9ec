import DeviceResync

/// Where a job is (`CIM_ConcreteJob.JobState`, DMTF CIM schema 2.49).
public enum JobState: UInt16, Sendable, Codable, CaseIterable {
  /// Scheduled or queued, never started.
  case new = 2
  /// On its way to running.
  case starting = 3
  case running = 4
  /// Stopped, and can go on.
  case suspended = 5
  /// On its way to an end.
  case shuttingDown = 6
  case completed = 7
  /// Ended by request, in order.
  case terminated = 8
  /// Ended by request, at once.
  case killed = 9
  /// It failed, or its process died.
  case exception = 10
  /// Success with something to say: a running source.
  case completedWithWarnings = 32768

  /// What people read.
  public var name: String {
    switch self {
    case .new: "New"
    case .starting: "Starting"
    case .running: "Running"
    case .suspended: "Suspended"
    case .shuttingDown: "Shutting Down"
    case .completed: "Completed"
    case .terminated: "Terminated"
    case .killed: "Killed"
    case .exception: "Exception"
    case .completedWithWarnings: "CompletedWithWarnings"
    }
  }

  /// What it says of the job's health (`CIM_ManagedSystemElement.OperationalStatus`).
  public var operationalStatus: [UInt16] {
    switch self {
    case .new: [15]  // Dormant
    case .starting, .running, .suspended, .shuttingDown: [2]  // OK
    case .completed: [17, 2]  // Completed, OK
    case .terminated: [10]  // Stopped
    case .killed: [14]  // Aborted
    case .exception: [17, 6]  // Completed, Error
    case .completedWithWarnings: [17, 3]  // Completed, Degraded
    }
  }

  /// Whether nothing more becomes of it.
  public var isFinished: Bool {
    switch self {
    case .completed, .terminated, .killed, .exception, .completedWithWarnings: true
    case .new, .starting, .running, .suspended, .shuttingDown: false
    }
  }

  /// Whether a process works on it.
  var isAtWork: Bool {
    switch self {
    case .starting, .running, .shuttingDown: true
    default: false
    }
  }
}

/// What a job does (`Msvm_ConcreteJob.JobType`).
public enum JobType: UInt16, Sendable, Codable, CaseIterable {
  case resynchronizing = 107
  case consistencyCheck = 113

  init(_ operation: RunRequest.Operation) {
    self = operation == .resync ? .resynchronizing : .consistencyCheck
  }

  /// What people read.
  public var name: String {
    switch self {
    case .resynchronizing: "Resynchronizing"
    case .consistencyCheck: "Consistency check"
    }
  }
}

/// What becomes of a request to change a job's state (`CIM_ConcreteJob.RequestStateChange`).
public enum RequestResult: UInt32, Sendable {
  case completed = 0
  case failed = 4
  case inUse = 6
  case transitionStarted = 4096
  case invalidTransition = 4097
  case busy = 4099

  /// The value's name in the schema.
  public var name: String {
    switch self {
    case .completed: "Completed with No Error"
    case .failed: "Failed"
    case .inUse: "In Use"
    case .transitionStarted: "Method Parameters Checked - Transition Started"
    case .invalidTransition: "Invalid State Transition"
    case .busy: "Busy"
    }
  }

  /// The process's exit status.
  public var exitStatus: Int32 {
    switch self {
    case .completed, .transitionStarted: 0
    case .failed: 40
    case .inUse, .busy: 46
    case .invalidTransition: 47
    }
  }
}
