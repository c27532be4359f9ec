import SystemPackage

// Requests: starting them, and what their outcomes mean.

extension PairComparison {
  /// How often the requests of one slot are repeated, where something was short or away.
  private static let mostRepeats = 10

  /// Starts every read and every left-over write that can be started now.
  mutating func startTransfers<Queue: BlockQueue & ~Copyable>(_ queue: inout Queue) throws(ResyncError) {
    while let write = unfinishedWrites.last {
      let started = try start(write) { () throws(Errno) in
        try queue.startWrite(write.range, from: write.slot, at: write.place)
      }
      guard started else { return }
      unfinishedWrites.removeLast()
    }
    if hasFailedReads { return try startSuspects(&queue) }
    for chunk in free..<next where slots[chunk % geometry.depth].primary.wantsStart {
      guard try startRead(.primary, of: chunk, &queue) else { return }
    }
    if geometry.alternates, !isPrimaryRunRead { return }
    // The recovery's half of a slot may be shared with chunks that come before it.
    for chunk in free..<min(next, head + geometry.recoveryDepth)
    where slots[chunk % geometry.depth].recovery.wantsStart {
      guard try startRead(.recovery, of: chunk, &queue) else { return }
    }
  }

  private var isPrimaryRunRead: Bool {
    for chunk in free..<next where !slots[chunk % geometry.depth].primary.isDone { return false }
    return true
  }

  mutating func startRead<Queue: BlockQueue & ~Copyable>(
    _ side: Side, of chunk: Int, _ queue: inout Queue
  ) throws(ResyncError) -> Bool {
    let slot = chunk % geometry.depth
    let range = slots[slot][side].next
    let place = Int(range.offset - slots[slot].range.offset)
    let request = BlockRequest(kind: .read, side: side, slot: slot, place: place, range: range)
    let started = try start(request) { () throws(Errno) in
      try queue.startRead(range, of: side, into: slot, at: place)
    }
    if started { slots[slot][side].isInFlight = true }
    return started
  }

  /// False where the queue is full.
  private func start(
    _ request: BlockRequest, _ body: () throws(Errno) -> Void
  ) throws(ResyncError) -> Bool {
    do throws(Errno) {
      try body()
      return true
    } catch .resourceTemporarilyUnavailable {
      return false
    } catch {
      throw Self.failure(request, error)
    }
  }

  /// Hands over what was started.
  func submit<Queue: BlockQueue & ~Copyable>(_ queue: inout Queue) throws(ResyncError) {
    do throws(Errno) {
      try queue.submit()
    } catch {
      throw ResyncError(.kernel(error, .transfer), "hand requests to the kernel")
    }
  }

  /// Waits for an outcome, then settles all that are there.
  mutating func harvest<Queue: BlockQueue & ~Copyable>(_ queue: inout Queue) throws(ResyncError) {
    sinkIsFull = false
    var outcome = try nextOutcome(&queue, waiting: true)
    guard outcome != nil else { return try wait() }
    idleRounds = 0
    while let ended = outcome {
      completions += 1
      try settle(ended)
      outcome = try nextOutcome(&queue, waiting: false)
    }
    tellCompletions()
  }

  private func nextOutcome<Queue: BlockQueue & ~Copyable>(
    _ queue: inout Queue, waiting: Bool
  ) throws(ResyncError) -> Outcome? {
    do throws(Errno) {
      return try queue.nextOutcome(waiting: waiting)
    } catch {
      throw ResyncError(.kernel(error, .transfer), "wait for the disks' answers")
    }
  }

  /// Nothing is in flight and something is to be done: the queue takes nothing just now.
  private mutating func wait() throws(ResyncError) {
    idleRounds += 1
    guard idleRounds <= Self.mostRepeats else {
      throw ResyncError(
        .kernel(.resourceTemporarilyUnavailable, .transfer), "start a request",
        reason: "the kernel took none \(idleRounds) times in a row")
    }
    pause(milliseconds: 1 << UInt32(min(idleRounds, 6)))
  }

  /// Books one outcome, or throws what it says.
  private mutating func settle(_ outcome: Outcome) throws(ResyncError) {
    let request = outcome.request
    if request.changesBytes { totals.bytesSubmitted += request.range.length }
    if request.kind == .punch { return settlePunch(request, outcome.result) }
    let moved: UInt64
    switch outcome.result {
    case .success(let bytes):
      // Inside the device a request for bytes never gets none.
      guard bytes > 0 else {
        throw ResyncError(
          .kernel(.ioError, .transfer), request.verb, side: request.side, range: request.range,
          reason: "the device moved no bytes, as if it ended here")
      }
      // The rest must begin on a logical block.
      let whole = UInt64(bytes) / UInt64(blocks.logicalBlockSize) * UInt64(blocks.logicalBlockSize)
      moved = UInt64(bytes) >= request.range.length ? request.range.length : whole
      if moved == 0 { try allowRepeat(of: request, after: .ioError) }
    case .failure(let errno):
      if request.kind == .read, errno.isUnreadable {
        narrow(request, errno)
        return
      }
      guard errno.mayPass else { throw Self.failure(request, errno) }
      try allowRepeat(of: request, after: errno)
      moved = 0
    }
    let rest = ByteRange(request.range.offset + moved, upTo: request.range.end)
    switch request.kind {
    case .read:
      slots[request.slot][request.side].arrive(upTo: rest.offset)
      if moved > 0, isDoomed(request.slot, request.side) { slots[request.slot][request.side].giveUp() }
    case .write:
      totals.bytesWritten += moved
      if rest.isEmpty {
        slots[request.slot].writes -= 1
      } else {
        unfinishedWrites.append(
          BlockRequest(
            kind: .write, side: .recovery, slot: request.slot, place: request.place + Int(moved),
            range: rest))
      }
    case .flush, .punch:
      break
    }
  }

  /// Books a punch; what the device refuses is written as data, and it is not asked again.
  private mutating func settlePunch(_ request: BlockRequest, _ result: Result<UInt32, Errno>) {
    if case .success = result {
      punching.ended(well: true)
      totals.bytesWritten += request.range.length
      totals.bytesZeroed += request.range.length
      slots[request.slot].writes -= 1
    } else {
      punching.ended(well: false)
      unfinishedWrites.append(
        BlockRequest(
          kind: .write, side: .recovery, slot: request.slot, place: request.place, range: request.range))
    }
  }

  /// Lets a request be repeated a bounded number of times, later each time (PITFALLS D13).
  private mutating func allowRepeat(of request: BlockRequest, after errno: Errno) throws(ResyncError) {
    guard slots[request.slot].repeats < Self.mostRepeats else { throw Self.failure(request, errno) }
    pause(milliseconds: 1 << UInt32(min(slots[request.slot].repeats, 6)))
    slots[request.slot].repeats += 1
  }

  private static func failure(_ request: BlockRequest, _ errno: Errno) -> ResyncError {
    ResyncError(.kernel(errno, .transfer), request.verb, side: request.side, range: request.range)
  }

  /// Waits until nothing is in flight, and counts what has been written.
  ///
  /// - Returns: the first request that failed.
  mutating func drain<Queue: BlockQueue & ~Copyable>(_ queue: inout Queue) -> ResyncError? {
    var failure: ResyncError?
    do throws(ResyncError) {
      while let outcome = try nextOutcome(&queue, waiting: true) {
        completions += 1
        let request = outcome.request
        if request.changesBytes { totals.bytesSubmitted += request.range.length }
        switch outcome.result {
        case .success(let bytes):
          if request.changesBytes { totals.bytesWritten += UInt64(bytes) }
          if request.changesBytes, UInt64(bytes) >= request.range.length { slots[request.slot].writes -= 1 }
          if request.kind == .punch { totals.bytesZeroed += UInt64(bytes) }
        case .failure(let errno):
          // A read that nobody waits for any more may fail.
          if request.kind == .write, failure == nil { failure = Self.failure(request, errno) }
        }
      }
    } catch {
      failure = failure ?? error
    }
    return failure
  }
}

extension BlockRequest {
  /// What was tried, as messages say it.
  var verb: String {
    switch kind {
    case .read: "read"
    case .write: "write"
    case .flush: "flush"
    case .punch: "punch"
    }
  }
}

extension Errno {
  /// Whether something was short or away, so that the same request may do later.
  ///
  /// A device's `BLK_STS_RESOURCE` arrives as `ENOMEM`; it is not the host's memory (PITFALLS D13). Nor is
  /// `BLK_STS_DEV_RESOURCE`, `EBUSY`, a claim, and a `BLK_STS_TRANSPORT`, `ENOLINK`, the end of all paths.
  var mayPass: Bool {
    switch self {
    case .resourceTemporarilyUnavailable, .noMemory, .interrupted, .resourceBusy, .noLink: true
    default: false
    }
  }
}
