/// What one guard found about one disk pair.
public struct GuardVerdict: Sendable, Codable, Equatable {
  /// How a guard judges.
  public enum Verdict: String, Sendable, Codable {
    /// Looked, and found nothing in the way.
    case passed
    /// The run must not start.
    case refused
    /// The facts could not be had; the run must not start.
    case unknown
    /// The run may start; the user should know.
    case warning
  }

  /// The guard's name, such as `mounts`.
  public var name: String
  /// The judgement.
  public var verdict: Verdict
  /// What the run would return; 0 where it may start.
  public var returnValue: ReturnValue
  /// One sentence: what is the matter.
  public var reason: String
  /// Who or what: a pid and program, a holder, a mount point.
  public var evidence: [String]
  /// The one command or action to take next; nil where nothing needs doing.
  public var remedy: String?
  /// Whether what is in the way is about to go away by itself, such as a dead run's last I/O.
  var isEnding = false
  /// Whether only processes that opened a disk are in the way: `parted -l` does so for a moment (PITFALLS G9).
  var mayBeBrief = false

  /// Whether the run may start only where a person types the recovery's name.
  var asks = false

  enum CodingKeys: String, CodingKey {
    case name = "Name"
    case verdict = "Verdict"
    case returnValue = "ReturnValue"
    case reason = "Reason"
    case evidence = "Evidence"
    case remedy = "Remedy"
  }

  /// Writes every key, `Remedy` null where nothing needs doing.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(verdict, forKey: .verdict)
    try container.encode(returnValue, forKey: .returnValue)
    try container.encode(reason, forKey: .reason)
    try container.encode(evidence, forKey: .evidence)
    try container.encode(remedy, forKey: .remedy)
  }

  /// Whether the run must not start.
  public var isInTheWay: Bool { verdict == .refused || verdict == .unknown }

  static func passed(_ name: String, _ reason: String) -> GuardVerdict {
    GuardVerdict(name: name, verdict: .passed, returnValue: .completed, reason: reason, evidence: [])
  }

  static func warning(
    _ name: String, _ reason: String, evidence: [String] = [], remedy: String? = nil
  ) -> GuardVerdict {
    GuardVerdict(
      name: name, verdict: .warning, returnValue: .completed, reason: reason, evidence: evidence,
      remedy: remedy)
  }

  static func refused(
    _ name: String, _ value: ReturnValue, _ reason: String, evidence: [String] = [], remedy: String?
  ) -> GuardVerdict {
    GuardVerdict(
      name: name, verdict: .refused, returnValue: value, reason: reason, evidence: evidence, remedy: remedy)
  }

  static func unknown(
    _ name: String, _ reason: String, evidence: [String] = [], remedy: String?
  ) -> GuardVerdict {
    GuardVerdict(
      name: name, verdict: .unknown, returnValue: .statusUnknown, reason: reason, evidence: evidence,
      remedy: remedy)
  }
}
