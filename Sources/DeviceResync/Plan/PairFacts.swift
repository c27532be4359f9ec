import SystemPackage

/// Everything that guards judge one disk pair by: a value, so that each can be tested without a device.
struct PairFacts: Sendable {
  var request: RunRequest
  let host: Host
  let primary: NamedDisk
  let recovery: NamedDisk
  /// The other pairs of the same call.
  var others: [(primary: NamedDisk, recovery: NamedDisk)] = []
  /// Why the kernel gives this process no ring; nil where it does.
  var ringRefusal: Errno?
  /// What is remembered of the disks of the call.
  var state = StateView()
  /// What is permanent about the two; nil where it could not be told.
  var identities: RelationshipState.Pair?

  /// One side of the pair.
  subscript(side: Side) -> NamedDisk { side == .primary ? primary : recovery }

  /// Whether no run from this primary to this recovery is known to have gone through.
  var isFirstRun: Bool {
    guard let pair = identities else { return true }
    return !state.remembered.hasCompleted(from: pair.primary.identity, to: pair.recovery.identity)
  }

  /// What the recovery is known to be; nil where no run has written it.
  var recoveryState: Consistency? {
    identities.flatMap { state.remembered.state(of: $0.recovery.identity) }
  }
}

/// A check that may keep a run from starting.
///
/// It looks at facts only, and says who or what is in the way and the one command to type next. A guard that
/// cannot get its facts says `unknown`; it never assumes the best.
protocol Guard: SendableMetatype {
  /// The name that plans and results show.
  static var name: String { get }
  /// Whether it protects what `compare` cannot hurt: then a refusal is only said.
  static var protectsWritingOnly: Bool { get }
  /// Judges; at least one verdict.
  static func judge(_ facts: PairFacts) -> [GuardVerdict]
}

extension Guard {
  static var protectsWritingOnly: Bool { false }

  static func passed(_ reason: String) -> [GuardVerdict] { [.passed(name, reason)] }

  static func refused(
    _ value: ReturnValue, _ reason: String, evidence: [String] = [], remedy: String?
  ) -> GuardVerdict {
    .refused(name, value, reason, evidence: evidence, remedy: remedy)
  }
}

/// Every guard, in the order in which a plan shows them.
let allGuards: [any Guard.Type] = [
  PrivilegeGuard.self, NameGuard.self, AccessGuard.self, EngineGuard.self, WriteBackGuard.self,
  RecoveryPointGuard.self,
  SameStorageGuard.self, SizeGuard.self, BlockSizeGuard.self, ZoneGuard.self, ContainerGuard.self,
  WriteProtectionGuard.self, SourceGuard.self, HolderGuard.self, MountGuard.self, SwapGuard.self,
  OpenerGuard.self, LoopGuard.self, LockGuard.self, SystemGuard.self, StateGuard.self, FailedOverGuard.self,
  DirectionGuard.self,
  FirstRunGuard.self, MultipathGuard.self, WitnessGuard.self, SharedStorageGuard.self, TwinGuard.self,
]

/// Every guard's verdicts on one pair.
func judge(_ facts: PairFacts) -> [GuardVerdict] {
  allGuards.flatMap { kind in
    kind.judge(facts).map { verdict in
      guard kind.protectsWritingOnly, facts.request.operation == .compare, verdict.isInTheWay else {
        return verdict
      }
      return .warning(verdict.name, verdict.reason, evidence: verdict.evidence)
    }
  }
}
