import SystemPackage

/// One disk pair, opened; closes both when it is let go.
final class OpenedPair: Sendable {
  let primary: PrimaryDevice
  let recovery: RecoveryDevice

  init(primary: consuming PrimaryDevice, recovery: consuming RecoveryDevice) {
    self.primary = primary
    self.recovery = recovery
  }

  /// Loops that this run attached.
  var ownLoops: [DeviceNumber] {
    (primary.disk.isOwnLoop ? [primary.disk.number] : [])
      + (recovery.disk.isOwnLoop ? [recovery.disk.number] : [])
  }
}

/// Every disk of a call, opened; nothing stays open where one of them cannot be had.
struct OpenedCall: ~Copyable {
  /// In the order of the plan.
  let pairs: [OpenedPair]
  private let udevLocks: UdevLocks

  /// Every loop that this run attached.
  var ownLoops: Set<DeviceNumber> { Set(pairs.flatMap(\.ownLoops)) }

  /// Opens what `plan` names; recoveries first, in one order for every run of this host, so that two runs
  /// cannot wait for each other (PITFALLS E12).
  ///
  /// - Parameter wait: called while a dead run's I/O may still hold a claim; says whether to try again.
  init(_ plan: Plan, wait: (ResyncError) -> Bool) throws(ResyncError) {
    let locks = UdevLocks()
    let files = HeldFiles()
    var recoveries: [Int: RecoveryBox] = [:]
    for index in Self.claimOrder(plan) {
      let planned = plan.pairs[index].recovery
      guard plan.request.writes else {
        recoveries[index] = RecoveryBox(try RecoveryDevice(reading: planned))
        continue
      }
      recoveries[index] = RecoveryBox(try Self.claim(planned, files, wait))
      if let disk = planned.wholeDisk { try locks.take(on: disk) }
    }
    var pairs: [OpenedPair] = []
    for (index, pair) in plan.pairs.enumerated() {
      guard let recovery = recoveries[index]?.take() else { preconditionFailure("every recovery was opened") }
      pairs.append(OpenedPair(primary: try PrimaryDevice(pair.primary), recovery: recovery))
    }
    self.pairs = pairs
    udevLocks = locks
  }

  private static func claim(
    _ planned: NamedDisk, _ files: HeldFiles, _ wait: (ResyncError) -> Bool
  ) throws(ResyncError) -> RecoveryDevice {
    while true {
      do throws(ResyncError) {
        return try RecoveryDevice(claiming: planned, files)
      } catch  where error.errno == .resourceBusy && wait(error) {
        pause(milliseconds: 100)
      }
    }
  }

  /// Devices by number, then images by file.
  static func claimOrder(_ plan: Plan) -> [Int] {
    func key(_ disk: NamedDisk) -> (Int, UInt64, UInt64, UInt64) {
      if let number = disk.device?.number { return (0, UInt64(number.major), UInt64(number.minor), 0) }
      guard let file = disk.image?.identity else { return (2, 0, 0, 0) }
      return (1, UInt64(file.device.major), UInt64(file.device.minor), file.inode)
    }
    return plan.pairs.indices.sorted { key(plan.pairs[$0].recovery) < key(plan.pairs[$1].recovery) }
  }
}

/// One lock per whole disk, however many pairs lie on it.
final class UdevLocks {
  private final class Box {
    let lock: UdevLock
    init(_ lock: consuming UdevLock) { self.lock = lock }
  }

  private var held: [DeviceNumber: Box] = [:]

  func take(on disk: BlockDevice) throws(ResyncError) {
    guard held[disk.number] == nil, let lock = try UdevLock.take(on: disk) else { return }
    held[disk.number] = Box(lock)
  }
}

/// Carries a recovery from the claims to its pair; arrays hold no noncopyable value.
private final class RecoveryBox {
  private var recovery: RecoveryDevice?
  init(_ recovery: consuming RecoveryDevice) { self.recovery = consume recovery }
  func take() -> RecoveryDevice? { recovery.take() }
}
