public import DeviceResync
import SystemPackage

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
    request.primarySystem = configuration.named(relationship.primary)
    request.recoverySystem = configuration.named(relationship.recovery)
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

extension ServiceCall {
  /// Looks a system's disks up again, for a job that was ordered some time ago.
  ///
  /// - Throws: 32777 where they are others now; what looking them up throws. Of a configuration that no file holds
  ///   nothing can be looked up: who called the library without one has named the disks.
  public func checkAsConfigured() throws(ResyncError) {
    guard let system = request.computerSystem, let name = request.relationship else { return }
    var configuration: Configuration
    do throws(ResyncError) {
      configuration = try Configuration(
        at: request.configuration.map { FilePath($0) } ?? Configuration.usualPath)
    } catch  where error.returnValue == .fileNotFound && request.configuration == nil {
      return
    }
    configuration.hypervisors = request.hypervisors
    let now = try ServiceCall(
      request.operation, system, relationship: name, in: try configuration.completed(for: [system]),
      roles: configuration.roles(in: request.stateDirectory))
    guard now.request.pairs == request.pairs else {
      throw ResyncError(
        .replaced, "resynchronize", on: system,
        reason: "its disks, or its recovery's, are others than when this was ordered",
        remedy: "look at them, then order it again: \(request.context.typedAgain(.plan))")
    }
  }
}
