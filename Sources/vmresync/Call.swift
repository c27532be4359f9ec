import DeviceResync
import ReplicationService

/// What a command is asked to do, before its own options are added.
struct Call {
  var request: RunRequest
  /// What the configuration says; nothing for disks that were named.
  var settings = Configuration.Settings()

  /// Of disks that were named.
  init(_ request: RunRequest) { self.request = request }

  /// Of the relationship by which a system is resynchronized.
  init(
    _ operation: RunRequest.Operation, _ system: String, _ from: ConfigurationOptions, stateDirectory: String
  ) throws(ResyncError) {
    let configuration = try from.configuration()
    let relationship = try configuration.relationship(
      of: system, named: from.relationship, roles: configuration.roles(in: stateDirectory))
    let pairs = try configuration.pairs(of: relationship)
    request = RunRequest(
      operation,
      pairs: pairs.map { RunRequest.Pair(primary: $0.primary.source, recovery: $0.recovery.source) })
    request.computerSystem = relationship.primary
    settings = configuration.settings(of: relationship)
    request.writeBack = settings.writeBack
    request.verifies = settings.verifies
    if let source = settings.source { request.source = source }
    if let limit = settings.maxDifference { request.maxDifference = limit }
  }
}
