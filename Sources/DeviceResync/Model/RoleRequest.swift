/// What a caller of `failover` and `reverse` asks for.
public struct RoleRequest: Sendable, Codable, Equatable {
  /// What is to be done.
  public enum Change: String, Sendable, Codable {
    /// The recovery is live: nothing is to write it.
    case failOver
    /// It is not: what it has got since may be overwritten.
    case revertFailover
    /// Primary and recovery change roles.
    case reverse
  }

  /// What is to be done.
  public var change: Change
  /// What the relationship is called.
  public var relationship: String
  /// The system that is read, as far as the caller knows; the disks' own records decide.
  public var primary: String
  /// The system that is written.
  public var recovery: String
  /// Their disks.
  public var pairs: [RunRequest.Pair]
  /// Whether one of the systems takes part in several relationships, so that commands must name this one.
  public var needsName = false
  /// By which other relationship the primary is written; nil where by none.
  public var primaryWriter: String?
  /// By which other relationship the recovery is written; nil where by none.
  public var recoveryWriter: String?
  /// The configuration that has the systems, where it is not the usual one; an absolute path.
  public var configuration: String?
  /// Whom to ask for computer systems, as libvirt names them; empty: who is usually there.
  public var hypervisors: [String] = []
  /// Whether an Inconsistent recovery is given up as it is.
  public var isAsIs = false
  /// Where relationships, disks and staged differences are remembered.
  public var stateDirectory: String

  /// Creates a request.
  public init(
    _ change: Change, relationship: String, primary: String, recovery: String, pairs: [RunRequest.Pair],
    stateDirectory: String
  ) {
    self.change = change
    self.relationship = relationship
    self.primary = primary
    self.recovery = recovery
    self.pairs = pairs
    self.stateDirectory = stateDirectory
  }

  /// The same with both exchanged.
  var turned: RoleRequest {
    var turned = self
    (turned.primary, turned.recovery) = (recovery, primary)
    (turned.primaryWriter, turned.recoveryWriter) = (recoveryWriter, primaryWriter)
    turned.pairs = pairs.map { RunRequest.Pair(primary: $0.recovery, recovery: $0.primary) }
    return turned
  }
}
