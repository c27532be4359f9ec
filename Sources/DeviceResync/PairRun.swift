import SystemPackage

/// One disk pair's way through settle, compare, write and finish.
struct PairRun {
  let pair: OpenedPair
  let planned: PlannedPair
  let request: RunRequest
  let control: RunControl
  let reporter: RunReporter
  let index: Int
  let blocks: BlockGrid
  /// Where the comparison begins, in bytes: what is before was dealt with by a stopped run.
  var start: UInt64 = 0
  /// The record of a run in place; nil where nothing is written so.
  var journal: InPlaceJournal?
  /// What a stopped run in place had come to; nil where none is gone on with.
  var former: InPlaceProgress?
  /// Where this run stands in place, once the pair is settled.
  var standing: Standing?
  /// What a run in place writes that has kept the old bytes; nil where it keeps none.
  var kept: KeptPair?
  /// How much may differ in place; nil where that is no matter.
  var allowance: DifferenceAllowance?
  var result: PairResult
  /// What was left out because it could not be read.
  var unread = ReadFaults()
  /// What could not be read of the recovery and counts as different.
  var rewritten = ReadFaults()
  /// Readings of a chunk that failed, and went through in smaller pieces.
  var readsRepeated: UInt64 = 0
  /// What both disks had been written when the pair was settled, staged; nil before.
  var witnesses: Witnesses?
  /// What a stopped run had come to, which this goes on behind; nil where it begins at 0.
  var progress: StagedProgress?
  /// How much the recovery's image grows when the staged differences are written; nil where it is none.
  var growth: HoleGrowth?

  init(
    _ pair: OpenedPair, _ planned: PlannedPair, _ request: RunRequest, _ control: RunControl,
    _ reporter: RunReporter, _ index: Int
  ) {
    self.pair = pair
    self.planned = planned
    self.request = request
    self.control = control
    self.reporter = reporter
    self.index = index
    blocks = BlockGrid(pair.primary.disk.logicalBlockSize, pair.recovery.disk.logicalBlockSize)
    result = PairResult(planned)
    result.primary = pair.primary.disk.identity
    result.recovery = pair.recovery.disk.identity
    result.landmarks = Landmark.landmarks(of: planned.primary.content, size: result.primary.size)
    result.writeBack = request.writes ? request.writeBack : nil
    result.zero = request.writes ? planned.zero : nil
    result.backingDirectIO = Self.direct(pair)
    result.notes = pair.recovery.unguardedFiles.map { path in
      "nothing keeps a virtual machine from starting on the file behind the recovery's loop during the run: "
        + "\(PrintableText(path)) leads elsewhere"
    }
  }

  /// Whether every loop in use reads its file directly; nil where there is none.
  private static func direct(_ pair: OpenedPair) -> Bool? {
    let loops = [pair.primary.disk.backingDirectIO, pair.recovery.disk.backingDirectIO].compactMap { $0 }
    return loops.isEmpty ? nil : loops.allSatisfy { $0 }
  }

  /// The bytes to compare; nil for all of them.
  var window: ByteRange? { request.window(of: pair.primary.disk.identity.size) }

  /// What the disks are called.
  var names: SideNames {
    SideNames(primary: pair.primary.disk.identity.path, recovery: pair.recovery.disk.identity.path)
  }

  /// Does it all; what fails is in the result.
  mutating func carryOut() {
    let clock = ContinuousClock()
    let start = clock.now
    do throws(ResyncError) {
      try work()
    } catch {
      fail(error)
    }
    reportFaults()
    result.totals.seconds = (clock.now - start).seconds
  }

  /// Ends the pair with `error`; of several the first decides the return value.
  mutating func fail(_ error: ResyncError) {
    let error = error.naming(names)
    // An error of a device that is gone, or is another by now, is not the sector's (PITFALLS D11).
    if case .kernel(_, .transfer) = error.cause, let side = error.side {
      do throws(ResyncError) {
        try check(side)
      } catch {
        blame(error)
      }
    }
    blame(error)
  }

  private mutating func blame(_ error: ResyncError) {
    if result.returnValue == .completed { result.returnValue = error.returnValue }
    result.errors.append(ErrorReport(error))
    reporter.tell(.error(error, pair: index))
  }

  func check(_ side: Side) throws(ResyncError) {
    switch side {
    case .primary: try pair.primary.disk.checkUnchanged(side)
    case .recovery: try pair.recovery.disk.checkUnchanged(side)
    }
  }
}

extension PairRun {
  private mutating func work() throws(ResyncError) {
    let witnesses: Witnesses
    // One that is gone on with was settled for its proof.
    if let settled = self.witnesses { witnesses = settled } else { witnesses = try prepare() }
    try journal?.begin(self)
    standing = Standing(witnesses: witnesses)
    var submitted: UInt64 = 0
    if former?.isWhole != true {
      defer { standing?.submitted = submitted }
      try moveBytes(&submitted)
    }
    try conclude(witnesses, submitted: submitted)
    try checkCompleteness()
    standing?.reached = .whole(result)
  }

  /// What both disks had been written when the pair was settled.
  struct Witnesses {
    let primary: Witness
    let recovery: Witness
  }

  /// Brings to the disks what others have written, and takes the witnesses.
  mutating func prepare() throws(ResyncError) -> Witnesses {
    try checkTail()
    reporter.begin(.settling)
    try settle(.primary, planned.primary.related)
    try settle(.recovery, planned.recovery.related)
    let witnesses = Witnesses(
      primary: try Witness(pair.primary.disk, planned.primary, .primary),
      recovery: try Witness(pair.recovery.disk, planned.recovery, .recovery))
    try check(.primary)
    try check(.recovery)
    return witnesses
  }

  /// Brings to one side's disk what others have written; on a slow disk that takes its time, and sysfs shows it.
  func settle(_ side: Side, _ related: [BlockDevice]) throws(ResyncError) {
    switch side {
    case .primary:
      reporter.wait(for: [pair.primary.disk.number] + related.map(\.number))
      try DeviceResync.settle(pair.primary.disk, related, side, droppingCaches: false)
    case .recovery:
      reporter.wait(for: [pair.recovery.disk.number] + related.map(\.number))
      try DeviceResync.settle(pair.recovery.disk, related, side, droppingCaches: request.writes)
    }
  }

  /// Looks who uses the disks, whether they are still the same, and whether somebody else wrote to one.
  ///
  /// - Parameter submitted: bytes that we have handed to the recovery since the witnesses were taken.
  mutating func conclude(_ witnesses: Witnesses, submitted: UInt64) throws(ResyncError) {
    reporter.begin(.checking)
    // Users first, then the witnesses: whoever was there for a moment and is gone has left its trace by then.
    let users = try checkUsers()
    // What somebody wrote through a page cache counts only when it is written back.
    try settle(.primary, users.primary.related)
    try settle(.recovery, users.recovery.related)
    try check(.primary)
    try check(.recovery)
    let findings = (
      primary: try witnesses.primary.find(
        pair.primary.disk, planned.primary, .primary, ownBytes: 0, ownChange: false),
      recovery: try witnesses.recovery.find(
        pair.recovery.disk, planned.recovery, .recovery, ownBytes: submitted,
        // A tail is written through the file, past the device's count.
        ownChange: submitted > 0 || result.totals.bytesWritten > former?.totals.bytesWritten ?? 0)
    )
    result.witness = WitnessReport(
      primaryBytes: findings.primary.foreignBytes, recoveryBytes: findings.recovery.foreignBytes,
      primaryFileChanged: findings.primary.fileChanged, recoveryFileChanged: findings.recovery.fileChanged)
    result.pointInTime = try Judgement.judge(
      findings.primary, findings.recovery, planned, writes: request.writes)
    if !request.writes, !users.openers.isEmpty { result.pointInTime = .no }
  }

  /// What no whole block reaches is read through the images' files: both must be images (PITFALLS B7).
  ///
  /// The plan has judged this by the blocks that it knew; a loop of our own may need larger ones.
  private func checkTail() throws(ResyncError) {
    let tail = pair.primary.disk.identity.size - commonSize
    let areImages = planned.primary.image != nil && planned.recovery.image != nil
    guard tail == 0 || areImages && tail < UInt64(blocks.logicalBlockSize) else {
      throw ResyncError(
        .notSupported, "reach the last \(tail) bytes of", on: names[.primary], side: .primary,
        reason: "they are no whole block of \(blocks.logicalBlockSize) bytes",
        remedy: "bring both disks to a multiple of that")
    }
  }

  /// Compares, writes, flushes, reads back.
  ///
  /// - Parameter submitted: bytes handed to the recovery's device; added to.
  private mutating func moveBytes(_ submitted: inout UInt64) throws(ResyncError) {
    if kept != nil, let totals = former?.totals {
      // All but the differences was dealt with when their old bytes were kept.
      control.count(done: totals.bytesCompared + totals.bytesSkipped - totals.bytesDifferent)
    }
    var queue = try makeQueue()
    result.engine = planned.engine.rawValue
    var readsHoles = request.readsHoles || window != nil || !tellsHoles || former?.readsHoles == true
    while true {
      let before = imageStatuses()
      let ending = try compare(&queue, readsHoles: readsHoles, submitted: &submitted)
      if ending == .stopped {
        throw control.ending()
      }
      let holesHeld = before.holds(
        imageStatuses(), recoveryToo: submitted == 0 && result.totals.bytesWritten == 0)
      if ending == .complete, result.totals.bytesSkipped == 0 || holesHeld { return }
      // What differs besides has no old bytes.
      if kept != nil { throw .moved() }
      // What was passed over proves nothing (PITFALLS G10): once more, every byte.
      result.notes.append("a hole was not empty, or an image changed: every byte was read")
      readsHoles = true
      (start, former) = (0, nil)
      try journal?.startAgain()
    }
  }

  func makeQueue() throws(ResyncError) -> DiskQueue {
    let geometry = try QueueGeometry.choose(
      primary: try Self.limits(planned.primary, pair.primary.disk),
      recovery: try Self.limits(planned.recovery, pair.recovery.disk),
      chunk: request.chunkSize, depth: request.queueDepth, alternating: planned.sharesRotationalDisk)
    do throws(Errno) {
      return try DiskQueue(
        primary: pair.primary.disk.device, recovery: pair.recovery.disk.device, geometry: geometry,
        engine: planned.engine)
    } catch {
      throw ResyncError(
        .kernel(error, .setUp), "set up \(planned.engine.rawValue) for",
        on: "\(names[.primary]) and \(names[.recovery])",
        remedy: EngineGuard.remedy(error))
    }
  }

  private static func limits(
    _ planned: NamedDisk, _ disk: borrowing OpenedDisk
  ) throws(ResyncError) -> QueueGeometry.Limits {
    let known = planned.device ?? planned.image?.wholeLoop
    let queue: BlockDevice.Queue
    if let known {
      queue = known.queue
    } else {
      queue = try attempt("read the queue limits of", on: disk.identity.path, side: planned.side, .setUp) {
        () throws(Errno) in try BlockDevice.Queue(Sysfs(), "class/block/loop\(disk.number.minor)/queue")
      }
    }
    return QueueGeometry.Limits(
      maxRequest: queue.maxRequestSize, maxSegments: queue.maxSegments,
      logicalBlockSize: disk.logicalBlockSize)
  }

  /// Whether both sides are images on file systems whose word on holes was found true.
  var tellsHoles: Bool {
    planned.primary.image?.fileSystem.tellsHolesTruly == true
      && planned.recovery.image?.fileSystem.tellsHolesTruly == true
  }

  func imageStatuses() -> ImageStatuses {
    // A status that cannot be read equals none that could.
    ImageStatuses(
      primary: try? pair.primary.disk.imageStatusNow(.primary),
      recovery: try? pair.recovery.disk.imageStatusNow(.recovery))
  }
}

/// What must not change while holes are passed over: size and change time of both images.
struct ImageStatuses {
  let primary: FileStatus?
  let recovery: FileStatus?

  /// Our own writes change the recovery's: then only the primary's counts.
  func holds(_ now: ImageStatuses, recoveryToo: Bool) -> Bool {
    func same(_ one: FileStatus?, _ other: FileStatus?) -> Bool {
      one != nil && one?.size == other?.size && one?.changed == other?.changed
    }
    return same(primary, now.primary) && (!recoveryToo || same(recovery, now.recovery))
  }
}
