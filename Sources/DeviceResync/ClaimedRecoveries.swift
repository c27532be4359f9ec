import SystemPackage

/// The recoveries of a relationship, found by their paths, judged and claimed: for a roll-forward, which needs
/// no primary.
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
    OpenerGuard.self, LoopGuard.self, LockGuard.self,
  ]

  /// Finds and claims them; waits while nobody but a dead run's I/O can hold one (PITFALLS E1).
  static func claim(
    _ relationship: RelationshipState, _ control: RunControl
  ) throws(ResyncError) -> ClaimedRecoveries {
    let clock = ContinuousClock()
    let deadline = clock.now + patienceWithFormerRun
    while true {
      do throws(ResyncError) {
        return try ClaimedRecoveries(relationship)
      } catch  where error.errno == .resourceBusy && clock.now < deadline && !control.isStopping {
        pause(milliseconds: 100)
      }
    }
  }

  private init(_ relationship: RelationshipState) throws(ResyncError) {
    let names = relationship.pairs.map { NamedPath(resolving: $0.recovery.path) }
    let images = names.compactMap(\.status).filter { $0.kind == .regular }.map(\.identity)
    let host = try discoverHost(images: Set(images))
    let locks = UdevLocks()
    var all: [Recovery] = []
    for (pair, name) in zip(relationship.pairs, names) {
      let disk = NamedDisk(.recovery, name, on: host)
      try Self.check(disk, pair, host)
      let device = try RecoveryDevice(claiming: disk)
      if let whole = disk.wholeDisk { try locks.take(on: whole) }
      all.append(Recovery(device, disk, on: host))
    }
    self.all = all
    udevLocks = locks
  }

  /// It must be the disk that was committed to, and nobody's.
  private static func check(
    _ disk: NamedDisk, _ pair: RelationshipState.Pair, _ host: Host
  ) throws(ResyncError) {
    if let refusal = disk.refusal { throw refusal }
    guard disk.name.problem == nil, disk.size > 0,
      try PersistentIdentity(of: disk, on: host) == pair.recovery.identity
    else {
      throw ResyncError(
        .invalidState, "finish the commit on", on: pair.recovery.path, side: .recovery,
        reason: "that name does not lead to the disk that was being written",
        remedy: "attach that disk (\(pair.recovery.identity)) under this name, then run: vmresync repair "
          + "\(ShellWord(pair.recovery.path)); or name it there by the name that it has now")
    }
    let request = RunRequest(
      .resync, pairs: [.init(primary: pair.primary.path, recovery: pair.recovery.path)])
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
      default: .inUse
      }
    throw ResyncError(
      cause, "finish the commit on", on: pair.recovery.path, side: .recovery, reason: first.reason,
      remedy: first.remedy)
  }
}
