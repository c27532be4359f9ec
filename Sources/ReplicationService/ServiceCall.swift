public import DeviceResync

/// What a caller asks for, once a system's name has become disks; what else is wanted is set before it runs.
public struct ServiceCall: Sendable {
  /// The run.
  public var request: RunRequest
  /// How long it may take.
  public var limits: RunLimits
  /// Whether it may leave a record.
  public var leavesRecord = true

  /// Of disks that were named.
  public init(_ request: RunRequest) {
    self.request = request
    limits = RunLimits()
  }

  /// Of the relationship by which a system is resynchronized, as it is configured.
  ///
  /// - Parameters:
  ///   - name: which one, where there are several.
  ///   - roles: who is the primary since a `reverse`.
  /// - Throws: what ``Configuration/relationship(of:named:roles:)`` and ``Configuration/pairs(of:)`` throw.
  public init(
    _ operation: RunRequest.Operation, _ system: String, relationship name: String? = nil,
    in configuration: Configuration, roles: [RelationshipRoles]
  ) throws(ResyncError) {
    let relationship = try configuration.relationship(of: system, named: name, roles: roles)
    let pairs = try configuration.pairs(of: relationship)
    request = RunRequest(
      operation,
      pairs: pairs.map { RunRequest.Pair(primary: $0.primary.source, recovery: $0.recovery.source) })
    request.computerSystem = relationship.primary
    request.relationship = relationship.name
    request.namedRelationship = name
    request.configuration = configuration.file
    request.hypervisors = configuration.hypervisors
    // No other: a disk of another machine in its place is a mistake.
    request.recoverySystems = [configuration.title(of: relationship.recovery)]
    let settings = configuration.settings(of: relationship)
    request.writeBack = settings.writeBack
    request.verifies = settings.verifies
    if let source = settings.source { request.source = source }
    if let limit = settings.maxDifference { request.maxDifference = limit }
    limits = settings.stallTimeout.map { RunLimits(stall: $0) } ?? RunLimits()
  }

  /// Whether it leaves a record: all that write do, and what is done with a system.
  public var isRecorded: Bool {
    leavesRecord && (request.writes || request.operation == .compare && request.relationship != nil)
  }
}
