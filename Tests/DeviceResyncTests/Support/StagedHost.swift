import SystemPackage

@testable import DeviceResync

/// A host that makes staged runs and starts on a ``StagedWorld`` as long as it has power: the steps of `StagedRun` and
/// `Unfinished`, with the library's own records, staging files, replays and proofs.
final class StagedHost {
  private let power: PowerSupply
  private let omitted: StagedBarrier?
  private var book: StateBook<MemoryStore>
  private let recoveries: [DiskBox]
  private var staging: VolatileDirectory
  private var file: (name: String, box: DiskBox)?
  private let before: StagedWorld

  private static let segment = 12 << 10
  private static let run = StagedWorld.run
  private var name: String { Self.run.stagingName }

  init(_ world: StagedWorld, _ power: PowerSupply, omitting barrier: StagedBarrier?) {
    self.power = power
    omitted = barrier
    book = StateBook(world.records.powered(by: power))
    recoveries = world.recoveries.map(DiskBox.init)
    staging = world.staging
    before = world
  }

  /// What there is now.
  var world: StagedWorld {
    var world = before
    world.records = book.store
    world.staging = staging
    if let file { world.staging[file.name] = file.box.disk }
    world.recoveries = recoveries.map(\.disk)
    return world
  }

  // MARK: A run

  /// Steps 1 to 10.
  func run() throws {
    try sweep()
    let hold = try book.begin(Self.run, on: StagedWorld.pairs)
    let header = Self.header(hold.id)
    if omitted == .sealBeforeCommit {
      // The seal of a file that nobody has.
      try book.commit(hold, Self.committed(try fill(DiskBox(VolatileDisk([])), header, PowerSupply())))
    }
    let box = try make()
    let seal = try fill(box, header, power)
    let staged = try validate(box, header, seal)
    if omitted == .commitBeforeWrite { try apply(staged, .first) }
    if omitted != .sealBeforeCommit { try book.commit(hold, Self.committed(seal)) }
    if omitted != .commitBeforeWrite { try apply(staged, .first) }
    try conclude(hold)
  }

  private static func header(_ relationship: UniqueID) -> StagingHeader {
    StagingHeader(
      run: run.id.bits, relationship: relationship.bits,
      pairs: StagedWorld.disks.enumerated().map { $1.staged($0) }, segmentSize: segment)
  }

  private static func committed(_ seal: StagingSeal) -> CommitSeal {
    CommitSeal(
      run: run.id, records: seal.records, segments: seal.segments, bytes: seal.bytes, hash: seal.hash)
  }

  /// The staging file, empty.
  private func make() throws -> DiskBox {
    try power.step()
    let box = DiskBox(VolatileDisk([]))
    staging[name] = box.disk
    file = (name, box)
    if omitted != .stagingName {
      try power.step()
      staging.flush()
    }
    return box
  }

  /// Compares every pair into it, and seals it.
  private func fill(_ box: DiskBox, _ header: StagingHeader, _ power: PowerSupply) throws -> StagingSeal {
    let queue = PoweredQueue(
      primary: box, recovery: box,
      geometry: QueueGeometry(chunk: Self.segment, depth: 3, recoveryDepth: 1), power: power,
      flushes: omitted != .stagingFlush)
    var writer = try StagingWriter.begin(header, through: queue) { () throws(Errno) in 1 << 40 }
    for (index, disks) in StagedWorld.disks.enumerated() {
      var disks = disks
      disks.recovery = recoveries[index].disk.seen
      writer = try stage(disks, pair: index, into: writer, chunk: 8192)
    }
    return try writer.seal()
  }

  private func validate(
    _ box: DiskBox, _ header: StagingHeader, _ seal: StagingSeal
  ) throws(ResyncError) -> ValidatedStaging {
    var queue = makeQueue(box, box)
    return try validateStaging(
      through: &queue, size: UInt64(box.disk.seen.count), name: name,
      expecting: StagingExpectation(header: header, seal: seal))
  }

  private func makeQueue(_ file: DiskBox, _ recovery: DiskBox) -> PoweredQueue {
    PoweredQueue(
      primary: file, recovery: recovery, geometry: QueueGeometry(chunk: Self.segment, depth: 3), power: power)
  }

  /// Step 7, and 8 of a replay.
  private func apply(_ staged: ValidatedStaging, _ mode: ApplyMode) throws {
    guard let file else { preconditionFailure("it was read") }
    for index in recoveries.indices where mode == .replay && omitted != .targets {
      var queue = makeQueue(file.box, recoveries[index])
      _ = try checkTargets(
        staged, pair: index, through: &queue, tail: tail(index), control: RunControl())
    }
    for index in recoveries.indices {
      var queue = makeQueue(file.box, recoveries[index])
      var totals = ApplyTotals()
      _ = try applyStaging(
        staged, pair: index, mode: omitted == .targets ? .first : mode, punches: true, through: &queue,
        tail: tail(index),
        control: RunControl(), totals: &totals)
      if omitted != .flushBeforeConsistent { try flush(recoveries[index]) }
      guard mode == .replay, omitted != .proof else { continue }
      _ = try proveAgainstDigests(
        staged, pair: index, through: &queue, tail: tail(index), control: RunControl())
    }
  }

  /// As `ImageTail(of:)` does it.
  private func tail(_ index: Int) -> ImageTail {
    let box = recoveries[index]
    return ImageTail(
      read: { (range) throws(ResyncError) in Array(box.disk.seen[Int(range.offset)..<Int(range.end)]) },
      write: { [self] (bytes, range) throws(ResyncError) in
        let write = box.disk.begin(bytes, at: Int(range.offset))
        try power.step()
        box.disk.end(write)
        try flush(box)
      })
  }

  private func flush(_ box: DiskBox) throws(ResyncError) {
    try power.step()
    if omitted != .recoveryFlush { box.disk.flush(box.disk.flushable) }
  }

  /// Steps 9 and 10.
  private func conclude(_ hold: consuming RelationshipHold) throws(ResyncError) {
    if omitted == .consistentBeforeRemoval { try remove(name) }
    try book.finish(hold, .consistent(at: StagedWorld.latest), completed: nil)
    if omitted == .flushBeforeConsistent { for box in recoveries { try flush(box) } }
    try remove(name)
  }

  private func remove(_ name: String) throws(ResyncError) {
    try power.step()
    if file?.name == name { file = nil }
    staging.remove(name)
    try power.step()
    staging.flush()
  }

  // MARK: A start

  /// Settles what is unfinished, then removes what nobody needs.
  func start() throws {
    for _ in 0..<8 {
      let found = try book.lookUp(
        StagedWorld.pairs.flatMap { [$0.primary.identity, $0.recovery.identity] })
      var looks: [UniqueID: StartFacts.Staging] = [:]
      for relationship in found.relationships { looks[relationship.id] = look(relationship) }
      let facts = StartFacts(
        purpose: .resync, pairs: StagedWorld.pairs, relationships: found.relationships,
        disks: found.disks, held: [], staging: looks)
      switch facts.decide() {
      case .proceed: return try sweep()
      case .dropStaging(_, let relationship), .continueRun(let relationship):
        guard let hold = try book.takeOver(relationship) else { continue }
        try remove(name)
        try book.abandon(hold)
      case .rollForward(let relationship): try rollForward(relationship)
      case .giveUp(_, let error), .refuse(let error): throw error
      }
    }
    throw ResyncError(.incomplete, "settle", reason: "it has no end")
  }

  private func look(_ relationship: RelationshipState) -> StartFacts.Staging {
    do throws(ResyncError) {
      _ = try open(relationship)
      return .sealed
    } catch {
      return .unusable("\(error)")
    }
  }

  /// The staging file of its commit, read whole.
  private func open(_ relationship: RelationshipState) throws(ResyncError) -> ValidatedStaging {
    guard case .applying(_, let seal) = relationship.consistency, let disk = staging[name] else {
      throw ResyncError(.invalidState, "open", on: name)
    }
    let box = file?.box ?? DiskBox(disk)
    file = (name, box)
    return try validate(
      box, Self.header(relationship.id),
      StagingSeal(
        run: seal.run.bits, records: seal.records, bytes: seal.bytes, segments: seal.segments, hash: seal.hash
      ))
  }

  private func rollForward(_ relationship: RelationshipState) throws {
    guard let hold = try book.takeOver(relationship) else { return }
    let staged = try open(relationship)
    if omitted != .commitAgain { try book.recommit(hold) }
    if let mismatch = try mismatch(staged) {
      try book.finish(hold, .inconsistent(since: StagedWorld.latest), completed: nil)
      throw mismatch
    }
    try conclude(hold)
  }

  /// Applies it again; what was read back and found wrong is the result.
  private func mismatch(_ staged: ValidatedStaging) throws -> ResyncError? {
    do {
      try apply(staged, .replay)
      return nil
    } catch let error as ResyncError where error.cause == .mismatch {
      return error
    }
  }

  /// As `StagedRun.sweep`.
  private func sweep() throws(ResyncError) {
    let states = try book.relationships().states
    let known = Set(states.compactMap { $0.consistency.run?.stagingName })
    let forgotten = staging.files.keys.filter { !known.contains($0) }
    guard !forgotten.isEmpty else { return }
    if omitted != .statesBeforeSweep { try book.store.synchronize(.states) }
    for name in forgotten { try remove(name) }
  }
}
