@testable import DeviceResync

/// What a model of staged runs leaves out, to see that it is missed.
enum StagedBarrier: CaseIterable, Sendable {
  /// fdatasync of the staging file.
  case stagingFlush
  /// fsync of the folder in which it was made.
  case stagingName
  /// fsync of a record's temporary file.
  case recordFile
  /// fsync of the records' folder after a rename.
  case recordFolder
  /// The seal is written before the commit.
  case sealBeforeCommit
  /// The commit comes before the first write.
  case commitBeforeWrite
  /// fdatasync of the recoveries.
  case recoveryFlush
  /// It comes before the final state.
  case flushBeforeConsistent
  /// The final state comes before the staging file's removal.
  case consistentBeforeRemoval
  /// The start hook looks at the state.
  case startHook
  /// It makes durable what it has read, before it lets a guest start.
  case hookFlush
  /// A replay makes the commit durable that it has found.
  case commitAgain
  /// A sweep makes the states durable that it has found.
  case statesBeforeSweep
  /// A replay looks whether a block holds its old or its new bytes.
  case targets
  /// A replay reads everything back.
  case proof
}

/// All that outlives a host's crash, and what the model knows of it.
struct StagedWorld {
  /// Of which disk sizes, tails included, and what differs between them.
  static let disks: [StagingDisks] = {
    var bytes = randomBytes(12288 + 100, seed: 1)
    let old = bytes
    for place in [600, 4000, 12300] { bytes[place] ^= 1 }
    for place in 8192..<12288 { bytes[place] = 0 }
    let other = randomBytes(8192, seed: 2)
    var changed = other
    changed[5000] ^= 1
    return [
      StagingDisks(primary: bytes, recovery: old), StagingDisks(primary: changed, recovery: other),
    ]
  }()
  static let pairs = [samplePair("a", "b"), samplePair("c", "d")]
  static let former = Timestamp.sample(100)
  static let latest = Timestamp.sample(200)
  static let run = sampleRun(2, began: 200)

  /// Whether a guest ran on the recoveries, and on what.
  enum Guest: Hashable {
    case none, onOld, onNew
    /// It was started though old and new blocks may have been mixed.
    case onMixed
  }

  var records: MemoryStore
  var staging = VolatileDirectory()
  var recoveries: [VolatileDisk]
  /// The replicas, whole, with what a guest wrote to them.
  var old: [[UInt8]]
  var new: [[UInt8]]
  var guest = Guest.none

  /// Before the run.
  init(omitting barrier: StagedBarrier?, isFirstRun: Bool) throws {
    let omitted: MemoryStore.Barrier? =
      switch barrier {
      case .recordFile: .file
      case .recordFolder: .directory
      default: nil
      }
    var book = StateBook(MemoryStore(omitting: omitted))
    if !isFirstRun {
      let hold = try book.begin(sampleRun(1), on: Self.pairs)
      try book.finish(hold, .consistent(at: Self.former), completed: nil)
    }
    // Its last possibility is what a reader saw.
    records = book.store.afterPowerCut().last ?? book.store
    old = Self.disks.map(\.recovery)
    new = Self.disks.map(\.primary)
    recoveries = old.map(VolatileDisk.init)
  }

  /// What tells it from others.
  var fingerprint: String {
    "\(records.fingerprint) \(staging.fingerprint) \(recoveries.map(\.fingerprint)) \(guest)"
  }

  /// Every world that a power cut now may leave, as far as records go; of the disks one outcome.
  func afterCut(_ outcome: CutOutcome) -> [StagedWorld] {
    var outcome = outcome
    var left = self
    left.staging = staging.afterCut(&outcome)
    left.recoveries = recoveries.map { $0.afterCut(&outcome) }
    return records.afterPowerCut().map { records in
      var world = left
      world.records = records
      return world
    }
  }

  /// The end of the process alone: what is seen stays, durable or not.
  func afterKill() -> StagedWorld {
    var left = self
    left.staging = staging.afterKill()
    left.recoveries = recoveries.map { $0.afterKill() }
    return left
  }

  private var states: [RelationshipState]? {
    try? StateBook(records.powered(by: PowerSupply())).relationships().states
  }

  /// Whether the start hook lets a guest start; not where it cannot read a state.
  private var letsGuestStart: Bool {
    guard let found = try? StateBook(records.powered(by: PowerSupply())).relationships() else { return false }
    return found.faults.isEmpty && !found.states.contains(where: \.isMixed)
  }

  /// After a guest ran on the recoveries, and wrote a sector of one; nil where the hook does not let it start.
  ///
  /// - Parameter flushing: whether the hook makes durable what it has read.
  func afterGuest(hook: Bool, flushing: Bool, _ random: inout SplitMix64) -> StagedWorld? {
    guard !hook || letsGuestStart else { return nil }
    var left = self
    if hook, flushing { left.records = records.synchronized }
    let number = Int.random(in: recoveries.indices, using: &random)
    let reach = Self.disks[number].reach
    let place = Int.random(in: 0..<reach / VolatileDisk.sector, using: &random) * VolatileDisk.sector
    let bytes = randomBytes(VolatileDisk.sector, seed: random.next())
    left.recoveries[number].end(left.recoveries[number].begin(bytes, at: place))
    left.recoveries[number].flush(left.recoveries[number].flushable)
    guard letsGuestStart else {
      left.guest = .onMixed
      return left
    }
    left.guest = isCalledNew ? .onNew : .onOld
    left.old[number].overwrite(at: place, with: bytes)
    left.new[number].overwrite(at: place, with: bytes)
    return left
  }

  /// Whether the state says that the run went through.
  private var isCalledNew: Bool { states?.map(\.consistency) == [.settled(.consistent(at: Self.latest))] }

  /// What is wrong with it when a start has settled everything; nil where nothing is.
  var violation: String? {
    guard let states = states?.map(\.consistency) else { return "no state can be read" }
    let seen = recoveries.map(\.seen)
    let isOld = zip(seen, old).allSatisfy { differingBytes($0, $1) == 0 }
    let isNew = zip(seen, new).allSatisfy { differingBytes($0, $1) == 0 }
    switch (guest, states) {
    case (.onMixed, [.settled(.consistent(at: Self.latest))]): return "a guest's writes are called consistent"
    case (.onMixed, _): return nil
    case (_, [.settled(.consistent(at: Self.latest))]):
      if guest == .onOld { return "it was rolled forward over a guest" }
      return isNew ? nil : "it is called new, and is \(isOld ? "old" : "mixed")"
    case (_, []), (_, [.settled(.never)]), (_, [.settled(.consistent(at: Self.former))]):
      if guest == .onNew { return "it was rolled back under a guest" }
      return isOld ? nil : "it is called old, and is \(isNew ? "new" : "mixed")"
    default: return "it is left \(states)"
    }
  }
}
