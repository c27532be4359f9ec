/// How far replication is (`Msvm_ReplicationRelationship.ReplicationState`); those that a resynchronization knows.
public enum ReplicationState: UInt16, Sendable, CaseIterable {
  case disabled = 0
  case replicating = 3
  /// Failed over.
  case recovered = 5
  case waitingToStartResynchronization = 9
  case resynchronizing = 10
  case resynchronizationSuspended = 11

  /// The value's name on the class's page.
  public var name: String {
    switch self {
    case .disabled: "Disabled"
    case .replicating: "Replicating"
    case .recovered: "Recovered"
    case .waitingToStartResynchronization: "Waiting to start resynchronization"
    case .resynchronizing: "Resynchronizing"
    case .resynchronizationSuspended: "Resynchronization suspended"
    }
  }
}

/// Whether somebody should look (`Msvm_ReplicationRelationship.ReplicationHealth`).
public enum ReplicationHealth: UInt16, Sendable, CaseIterable, Comparable {
  case notApplicable = 0
  case ok = 1
  case warning = 2
  case critical = 3

  /// The value's name on the class's page.
  public var name: String {
    switch self {
    case .notApplicable: "Not applicable"
    case .ok: "Ok"
    case .warning: "Warning"
    case .critical: "Critical"
    }
  }

  /// Whether `one` is of less weight.
  public static func < (one: ReplicationHealth, other: ReplicationHealth) -> Bool {
    one.rawValue < other.rawValue
  }
}

/// Why a relationship's health is what it is (`HealthIssues`).
public struct HealthIssue: Sendable, Equatable {
  /// Of what weight it is.
  public var health: ReplicationHealth
  /// Since when, in microseconds since 1970-01-01, midnight UTC; nil where that is not known.
  public var since: Int64?
  /// What it is, as a sentence without a full stop.
  public var text: String
}
