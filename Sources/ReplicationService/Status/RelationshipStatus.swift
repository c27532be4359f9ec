import DeviceResync

/// What is known of a relationship at one moment, without a look at a disk.
struct RelationshipFacts: Sendable {
  /// Whether anything may be replicated.
  var isEnabled = true
  /// What is remembered of its disks; nil where nothing is.
  var state: RelationshipState?
  /// Since when the recovery is live; nil where it is not known to be.
  var failedOver: Timestamp? { state?.failedOver?.at }
  /// Its jobs, as ``JobStore/jobs()`` orders them.
  var jobs: [Job] = []
  /// How old the last proof may be, in seconds.
  var maxAge: Double = RelationshipStatus.usualMaxAge
  /// When this host was started, in microseconds since 1970-01-01, midnight UTC.
  var boot: Int64 = 0
  /// The time, in the same.
  var now: Int64
}

/// What a relationship is, as `status` shows it.
public struct RelationshipStatus: Sendable, Equatable {
  /// `ReplicationState`.
  public var state: ReplicationState
  /// `HealthIssues`, the weightiest first.
  public var issues: [HealthIssue]
  /// When the recovery was last proven equal, in microseconds since 1970-01-01, midnight UTC; nil for never.
  public var lastEqual: Int64?
  /// The consistency state, for people; nil where nothing is remembered.
  public var consistency: String?
  /// The job that is at work.
  public var running: Job?
  /// The job that waits for its time.
  public var scheduled: Job?
  /// The last resynchronization that ended.
  public var last: Job?

  /// `ReplicationHealth`.
  public var health: ReplicationHealth {
    if state == .disabled { return .notApplicable }
    return issues.map(\.health).max() ?? .ok
  }

  /// How old the last proof may be when nothing else is said, in seconds: eight days.
  static let usualMaxAge: Double = 8 * 86400

  init(_ facts: RelationshipFacts) {
    let resyncs = facts.jobs.filter { $0.type == .resynchronizing }
    running = resyncs.first { $0.state.isAtWork }
    scheduled = resyncs.first { $0.state == .new }
    last = resyncs.filter(\.state.isFinished).max { ($0.ended ?? 0) < ($1.ended ?? 0) }
    consistency = facts.state.map { $0.consistency.title }
    lastEqual = facts.state?.completed.first.map { $0.ended.seconds * 1_000_000 }
    issues = []
    state = .replicating
    guard facts.isEnabled else {
      state = .disabled
      return
    }
    let required = Self.causes(facts, last, lastEqual)
    issues = required + Self.warnings(facts, lastEqual)
    if running != nil {
      state = .resynchronizing
    } else if facts.failedOver != nil {
      state = .recovered
      // The replica is the one that counts now: what it lacks of the primary is nobody's concern.
      issues.removeAll { $0.health == .critical }
    } else if Self.isSuspended(facts, last) {
      state = .resynchronizationSuspended
    } else if !required.isEmpty {
      state = .waitingToStartResynchronization
    }
    issues.sort { ($0.health, $1.since ?? 0) > ($1.health, $0.since ?? 0) }
  }

  /// A run whose time was over (`--max-duration`) goes on where it was.
  private static func isSuspended(_ facts: RelationshipFacts, _ last: Job?) -> Bool {
    guard last?.returnValue == .timeout, let run = facts.state?.consistency.run else { return false }
    return run.checkpoint != nil
  }

  /// Why a resynchronization is required.
  private static func causes(_ facts: RelationshipFacts, _ last: Job?, _ lastEqual: Int64?) -> [HealthIssue] {
    var causes: [HealthIssue] = []
    func add(_ since: Int64?, _ text: String) {
      causes.append(HealthIssue(health: .critical, since: since, text: text))
    }
    switch facts.state?.consistency {
    case nil, .settled(.never): add(nil, "it was never resynchronized")
    case .settled(.inconsistent(let left)):
      add(left.since.seconds * 1_000_000, "the recovery is Inconsistent: it must not be used")
    case .applying(let run, _):
      add(run.began.seconds * 1_000_000, "a commit was left unfinished: the recovery must not be used")
    case .resynchronizing(_, .never): add(nil, "it was never resynchronized")
    case .resynchronizing(_, .inconsistent(let left)):
      add(left.since.seconds * 1_000_000, "the recovery is Inconsistent: it must not be used")
    case .settled, .resynchronizing: break
    }
    if let live = facts.state?.liveUntil {
      add(live.seconds * 1_000_000, "the recovery was live until its failover was taken back")
    }
    // A second is what the time of the last proof is known to.
    func isLater(_ job: Job) -> Bool { (job.ended ?? 0) + 1_000_000 > (lastEqual ?? 0) }
    if let last, isLater(last), last.returnValue != .completed || last.state == .terminated {
      let value = last.returnValue.map { "\($0.rawValue) \($0.name)" } ?? ""
      add(last.ended, "its last run ended with \(value): \(last.errorDescription ?? last.status)")
    }
    let check = facts.jobs.filter { $0.type == .consistencyCheck && $0.state.isFinished }
      .max { ($0.ended ?? 0) < ($1.ended ?? 0) }
    if let check, isLater(check), (check.ended ?? 0) > (last?.ended ?? 0),
      check.exitStatus == ExitStatus.different
    {
      add(check.ended, "a comparison found differences: \(check.status)")
    }
    return causes
  }

  private static func warnings(_ facts: RelationshipFacts, _ lastEqual: Int64?) -> [HealthIssue] {
    var warnings: [HealthIssue] = []
    func add(_ since: Int64?, _ text: String) {
      warnings.append(HealthIssue(health: .warning, since: since, text: text))
    }
    if let failedOver = facts.failedOver {
      add(failedOver.seconds * 1_000_000, "the failover was not reversed")
    }
    if case .settled(.fuzzy(_, let to))? = facts.state?.consistency {
      add(to.seconds * 1_000_000, "the recovery is Fuzzy: it was read from a running primary")
    }
    guard let lastEqual else { return warnings }
    let age = Double(facts.now - lastEqual) / 1_000_000
    if age > facts.maxAge {
      add(lastEqual, "it was last proven equal \(seconds(age)) ago, and may be \(seconds(facts.maxAge)) old")
    }
    if facts.boot > lastEqual, facts.failedOver == nil {
      add(facts.boot, "this host was started again since it was last proven equal")
    }
    return warnings
  }
}
