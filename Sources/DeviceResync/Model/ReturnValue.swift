/// What `Msvm_ReplicationService.Resynchronize` returns.
///
/// Source: learn.microsoft.com, "Resynchronize method of the Msvm_ReplicationService class".
public enum ReturnValue: UInt32, Sendable, CaseIterable, Codable {
  case completed = 0
  case jobStarted = 4096
  case failed = 32768
  case accessDenied = 32769
  case notSupported = 32770
  case statusUnknown = 32771
  case timeout = 32772
  case invalidParameter = 32773
  case systemInUse = 32774
  case invalidState = 32775
  case incorrectDataType = 32776
  case systemNotAvailable = 32777
  case outOfMemory = 32778
  case fileNotFound = 32779

  /// The value's name on the method's page ("System is in used" there is a misprint).
  public var name: String {
    switch self {
    case .completed: "Completed with No Error"
    case .jobStarted: "Method Parameters Checked - Job Started"
    case .failed: "Failed"
    case .accessDenied: "Access Denied"
    case .notSupported: "Not Supported"
    case .statusUnknown: "Status is unknown"
    case .timeout: "Timeout"
    case .invalidParameter: "Invalid parameter"
    case .systemInUse: "System is in use"
    case .invalidState: "Invalid state for this operation"
    case .incorrectDataType: "Incorrect data type"
    case .systemNotAvailable: "System is not available"
    case .outOfMemory: "Out of memory"
    case .fileNotFound: "File not found"
    }
  }

  /// The process's exit status: 0 for success, else 40 and what exceeds 32768.
  public var exitStatus: Int32 {
    switch self {
    case .completed, .jobStarted: 0
    default: Int32(rawValue - 32768) + 40
    }
  }
}

extension ReturnValue {
  /// Which value a plan returns when several guards refuse: the first of these.
  static let precedence: [ReturnValue] = [
    .incorrectDataType, .fileNotFound, .invalidParameter, .accessDenied, .notSupported,
    .invalidState, .systemInUse, .systemNotAvailable, .statusUnknown,
  ]

  /// The value that wins among `values`; nil when there is none.
  static func foremost(of values: [ReturnValue]) -> ReturnValue? {
    precedence.first(where: values.contains) ?? values.first
  }
}
