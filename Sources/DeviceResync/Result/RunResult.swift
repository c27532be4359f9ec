/// How a call ended: one value, which texts and JSON are made from.
public struct RunResult: Sendable {
  /// The version of the JSON's form.
  public static let formatVersion = 1

  /// What was asked for.
  public var operation: RunRequest.Operation
  /// Whether nothing was to be written.
  public var isDryRun: Bool
  /// The method's return value.
  public var returnValue: ReturnValue
  /// One sentence for people.
  public var message: String
  /// The disk pairs, in the order in which they were named.
  public var pairs: [PairResult]
  /// The sums.
  public var totals: RunTotals
  /// The computer system that was asked for; nil for explicit disks.
  public var computerSystem: String?
  /// What moved the bytes of a call without pairs, a repair; nil where none were moved.
  public var engine: String?
  /// When it is to start, as a CIM datetime; nil where it started at once.
  public var startTime: String?
  /// The job that was started, or will be; nil where the call completed by itself.
  public var job: UniqueID?
  /// The record that is kept of a call that completed by itself; nil where none is.
  public var jobRecord: UniqueID?
  /// Whether a signal or a request ended it.
  public var wasTerminated = false
  /// Whether the plan was declined.
  public var wasDeclined = false

  /// Whether every pair is equal now; nil where no difference was found, but not every byte was looked at.
  public var isIdentical: Bool? {
    if pairs.contains(where: { $0.isIdentical == false }) { return false }
    return !pairs.isEmpty && pairs.allSatisfy { $0.isIdentical == true } ? true : nil
  }

  /// The process's exit status.
  public var exitStatus: Int32 {
    if wasDeclined { return ExitStatus.declined }
    if wasTerminated { return ExitStatus.terminated }
    guard returnValue == .completed else { return returnValue.exitStatus }  // 0 for a job that was started
    if operation == .compare || isDryRun, totals.bytesDifferent > 0 { return ExitStatus.different }
    if operation == .resync, pairs.contains(where: { $0.sourceMode == .running }) {
      return ExitStatus.completedWithWarnings
    }
    return 0
  }

  /// A call that ended before anything was done.
  public init(_ request: RunRequest?, refusedBy error: ResyncError) {
    self.init(request, error.returnValue, error.description, [])
  }

  init(_ request: RunRequest?, _ value: ReturnValue, _ message: String, _ pairs: [PairResult]) {
    operation = request?.operation ?? .compare
    isDryRun = request?.isDryRun ?? false
    returnValue = value
    self.message = message
    self.pairs = pairs
    computerSystem = request?.computerSystem
    totals = pairs.reduce(into: RunTotals()) { $0 += $1.totals }
  }
}

extension RunResult {
  /// A job that was started, or will be.
  ///
  /// - Parameter startTime: when, as a CIM datetime; nil for at once.
  public init(_ request: RunRequest, starting job: UniqueID, at startTime: String?, _ message: String) {
    self.init(request, .jobStarted, message, [])
    self.job = job
    self.startTime = startTime
  }

  /// A plan that must not be carried out.
  public init(refusing plan: Plan) {
    let value = plan.refusal ?? .completed
    let reasons = plan.pairs.flatMap(\.guards).filter { $0.isInTheWay && $0.returnValue == value }
    self.init(
      plan.request, value, reasons.first.map(Self.sentence) ?? value.name, plan.pairs.map(PairResult.init))
  }

  /// A plan as a result: what the run would return, or 0 where nothing refuses it.
  public init(describing plan: Plan) {
    if plan.refusal != nil {
      self.init(refusing: plan)
    } else {
      self.init(plan.request, .completed, "nothing is in the way", plan.pairs.map(PairResult.init))
    }
  }

  /// A plan that was shown and not confirmed.
  public init(declining plan: Plan) {
    self.init(
      plan.request, .completed, "nothing was done: the plan was declined", plan.pairs.map(PairResult.init))
    wasDeclined = true
  }

  private static func sentence(_ verdict: GuardVerdict) -> String {
    verdict.remedy.map { "\(verdict.reason); \($0)" } ?? verdict.reason
  }
}

extension PairResult {
  init(_ planned: PlannedPair) {
    primary = planned.primary.identity
    recovery = planned.recovery.identity
    sourceMode = planned.sourceMode
    recoveryState = planned.recoveryState
    guards = planned.guards
    returnValue = planned.refusal ?? .completed
    errors = Side.allCases.compactMap { planned[$0].refusal }.map(ErrorReport.init)
  }
}
