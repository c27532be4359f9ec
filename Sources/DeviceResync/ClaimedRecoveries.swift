import SystemPackage

/// The recoveries of a relationship, found by their paths, judged and claimed: for a roll-forward or a rollback, which
/// need no primary.
struct ClaimedRecoveries: ~Copyable {
  /// One of them.
  final class Recovery {
    let device: RecoveryDevice
    let planned: NamedDisk
    /// The disks with heads that it lies on.
    let rotationalDisks: Set<DeviceNumber>

    init(_ device: consuming RecoveryDevice, _ planned: NamedDisk, on host: Host) {
      self.device = device
      self.planned = planned
      rotationalDisks = host.rotationalDisks(of: planned)
    }
  }

  /// In the relationship's order.
  let all: [Recovery]
  private let udevLocks: UdevLocks

  /// Guards of a recovery that is written.
  private static let guards: [any Guard.Type] = [
    PrivilegeGuard.self, WriteProtectionGuard.self, HolderGuard.self, MountGuard.self, SwapGuard.self,
    OpenerGuard.self, LoopGuard.self, LockGuard.self, SystemGuard.self,
  ]

  /// What they are claimed for, and the command that does it.
  enum Purpose: String {
    case repair = "finish the commit on"
    case rollback = "go back on"

    var command: CommandName { self == .repair ? .repair : .rollback }
  }

  /// Finds and claims them; waits while nobody but a dead run's I/O can hold one (PITFALLS E1).
  static func claim(
    _ relationship: RelationshipState, for purpose: Purpose = .repair, _ control: RunControl
  ) throws(ResyncError) -> ClaimedRecoveries {
    let clock = ContinuousClock()
    let deadline = clock.now + patienceWithFormerRun
    while true {
      do throws(ResyncError) {
        return try ClaimedRecoveries(relationship, purpose)
      } catch  where error.errno == .resourceBusy && clock.now < deadline && !control.isStopping {
        pause(milliseconds: 100)
      }
    }
  }

  /// Finds and judges them, and waits in the same way; nothing is claimed.
  static func findPatiently(
    _ relationship: RelationshipState, for purpose: Purpose
  ) throws(ResyncError) -> [NamedDisk] {
    let clock = ContinuousClock()
    let deadline = clock.now + patienceWithFormerRun
    while true {
      do throws(ResyncError) {
        return try find(relationship, for: purpose).disks
      } catch  where error.errno == .resourceBusy && clock.now < deadline {
        pause(milliseconds: 100)
      }
    }
  }

  /// Finds and judges them; nothing is claimed.
  static func find(
    _ relationship: RelationshipState, for purpose: Purpose
  ) throws(ResyncError) -> (disks: [NamedDisk], host: Host) {
    let names = relationship.pairs.map { NamedPath(resolving: $0.recovery.path) }
    let images = names.compactMap(\.status).filter { $0.kind == .regular }.map(\.identity)
    var host = try discoverHost(images: Set(images))
    host.hosted = HostedDisks(KnownSystems.now())
    var disks: [NamedDisk] = []
    for (pair, name) in zip(relationship.pairs, names) {
      let disk = NamedDisk(.recovery, name, on: host)
      try check(disk, pair, host, purpose)
      disks.append(disk)
    }
    return (disks, host)
  }

  private init(_ relationship: RelationshipState, _ purpose: Purpose) throws(ResyncError) {
    let locks = UdevLocks()
    var all: [Recovery] = []
    let (disks, host) = try Self.find(relationship, for: purpose)
    for disk in disks {
      let device = try RecoveryDevice(claiming: disk)
      if let whole = disk.wholeDisk { try locks.take(on: whole) }
      all.append(Recovery(device, disk, on: host))
    }
    self.all = all
    udevLocks = locks
  }

  /// It must be the disk that was committed to, and nobody's.
  private static func check(
    _ disk: NamedDisk, _ pair: RelationshipState.Pair, _ host: Host, _ purpose: Purpose
  ) throws(ResyncError) {
    if let refusal = disk.refusal { throw refusal }
    guard disk.name.problem == nil, disk.size > 0,
      try PersistentIdentity(of: disk, on: host) == pair.recovery.identity
    else {
      throw ResyncError(
        .invalidState, purpose.rawValue, on: pair.recovery.path, side: .recovery,
        reason: "that name does not lead to the disk that was being written",
        remedy: "attach that disk (\(pair.recovery.identity)) under this name, then run: "
          + "\(CallContext.current.typed(purpose.command, pair.recovery.path)); "
          + "or name it there by the name that it has now")
    }
    var request = RunRequest(
      .resync, pairs: [.init(primary: pair.primary.path, recovery: pair.recovery.path)])
    // A run has written it already.
    request.recoverySystems = nil
    let primary = NamedDisk(.primary, NamedPath(resolving: pair.primary.path), on: host)
    let facts = PairFacts(request: request, host: host, primary: primary, recovery: disk)
    let inTheWay = guards.flatMap { $0.judge(facts) }.filter(\.isInTheWay)
    guard let first = inTheWay.first else { return }
    let isEnding = inTheWay.allSatisfy(\.isEnding)
    let cause: ResyncError.Cause =
      switch first.returnValue {
      case _ where isEnding: .kernel(.resourceBusy, .open)
      case .accessDenied: .kernel(.permissionDenied, .open)
      case .statusUnknown: .statusUnknown
      case .invalidState: .invalidState
      default: .inUse
      }
    throw ResyncError(
      cause, purpose.rawValue, on: pair.recovery.path, side: .recovery, reason: first.reason,
      remedy: first.remedy)
  }
}
