import Synchronization

/// The state of one `comparePair`: chunks are numbered from 0, and chunk n lives in slot n modulo the depth.
struct PairComparison: ~Copyable {
  let geometry: QueueGeometry
  let blocks: BlockGrid
  let confirming: Bool
  let rules: ReadFaultRules
  let control: RunControl

  var totals = CompareTotals()
  var slots: [ChunkSlot]
  /// The next chunk to take from the source; `free` ≤ `head` ≤ `next` ≤ `free` + depth.
  var next = 0
  /// The next chunk to compare.
  var head = 0
  /// The oldest chunk whose slot is not free yet.
  var free = 0
  /// In alternating runs: where the current run of the primary ends.
  var runEnd = 0
  /// What is left of the range that the source gave last.
  var work: WorkRange?
  /// Whether the source has no more.
  var isExhausted = false
  /// Writes that moved fewer bytes than asked for, or are to be repeated: what is left of them.
  var unfinishedWrites: [BlockRequest] = []
  /// Whether zeros are punched; a sink that wants none is asked first.
  var punching = PunchTrial(isWanted: true)
  /// Outcomes since the start.
  var completions: UInt64 = 0
  /// Whether the sink wants to be asked again after the next outcome.
  var sinkIsFull = false
  /// Whether a chunk may be on its way that is read in pieces.
  var hasFailedReads = false
  /// Rounds in a row in which nothing could be started and nothing was in flight.
  var idleRounds = 0

  private var differing: DifferingBlocks
  private var stage = Stage.fresh
  private var lastDifference: UInt64?
  /// Bytes of the chunk at `head` that are left out.
  private var left = 0
  /// What of the totals the control was told.
  private var told = (done: UInt64(0), different: UInt64(0), written: UInt64(0), completions: UInt64(0))

  /// How far the chunk at `head` has come.
  private enum Stage {
    case fresh
    /// It differed, and is being read a second time.
    case confirming
    /// Its differences up to this place are handed over.
    case handingOver(from: Int)
  }

  init(
    geometry: QueueGeometry, blocks: BlockGrid, confirming: Bool, rules: ReadFaultRules, control: RunControl
  ) {
    precondition(geometry.chunk.isMultiple(of: blocks.blockSize))
    self.geometry = geometry
    self.blocks = blocks
    self.confirming = confirming
    self.rules = rules
    self.control = control
    slots = [ChunkSlot](repeating: ChunkSlot(ByteRange(offset: 0, length: 0)), count: geometry.depth)
    unfinishedWrites.reserveCapacity(QueueGeometry.maxWrites)
    differing = DifferingBlocks(chunk: geometry.chunk, grid: blocks)
  }

  /// Works until the source is exhausted and every slot is free, or something ends it earlier.
  mutating func run<
    Source: RangeSource & ~Copyable, Queue: BlockQueue & ~Copyable, Sink: DifferenceSink & ~Copyable
  >(
    _ source: inout Source, _ queue: inout Queue, _ sink: inout Sink
  ) throws(ResyncError) -> CompareEnding {
    while !control.endsPair {
      try takeChunks(from: &source)
      if free == next { return .complete }
      try startTransfers(&queue)
      // What was just started is to be under way while a chunk is compared: 10 % on a disk (scripts/bench).
      if isHeadReady { try submit(&queue) } else { try harvest(&queue) }
      if isHeadReady, let hole = try compareHead(&queue, &sink, skipped: source.bytesSkipped) {
        return .holeHoldsData(hole)
      }
      if settle() { try sink.hear(settled: totals.settled) }
    }
    return .stopped
  }

  /// Frees the slots of chunks that are compared and whose writes have ended; whether there was one.
  @discardableResult
  mutating func settle() -> Bool {
    let before = free
    while free < head, slots[free % geometry.depth].writes == 0 {
      let slot = slots[free % geometry.depth]
      totals.settled.end = slot.range.end
      totals.settled.bytesCompared += slot.range.length
      totals.settled.bytesDifferent += slot.bytesDifferent
      totals.settled.differences += slot.differences
      totals.settled.lastDifference = slot.lastDifference ?? totals.settled.lastDifference
      free += 1
    }
    return free > before
  }

  /// Cuts what the source gives into chunks, until no slot is free.
  ///
  /// A chunk ends at a multiple of the chunk's size, so that each begins on a block.
  private mutating func takeChunks<Source: RangeSource & ~Copyable>(
    from source: inout Source
  ) throws(ResyncError) {
    if !geometry.alternates || free == next { runEnd = free + geometry.depth }
    let chunk = UInt64(geometry.chunk)
    while next < runEnd {
      if work == nil, !isExhausted {
        work = try source.next()
        isExhausted = work == nil
      }
      guard let work else { return }
      let start = work.range.offset
      let end = min(work.range.end, start - start % chunk + chunk)
      slots[next % geometry.depth] = ChunkSlot(ByteRange(start, upTo: end), mustBeZero: work.mustBeZero)
      let rest = ByteRange(end, upTo: work.range.end)
      self.work = rest.isEmpty ? nil : WorkRange(range: rest, mustBeZero: work.mustBeZero)
      next += 1
    }
  }

  /// Whether there is something to do for the chunk at `head`.
  private var isHeadReady: Bool { head < next && slots[head % geometry.depth].isRead && !sinkIsFull }

  /// Compares the chunk at `head`, which has arrived, and hands its differences over.
  ///
  /// - Returns: the chunk, where it should have been a hole and is not.
  private mutating func compareHead<Queue: BlockQueue & ~Copyable, Sink: DifferenceSink & ~Copyable>(
    _ queue: inout Queue, _ sink: inout Sink, skipped: UInt64
  ) throws(ResyncError) -> ByteRange? {
    let slot = head % geometry.depth
    let range = slots[slot].range
    let count = Int(range.length)
    switch stage {
    case .fresh:
      let isDamaged = slots[slot].isDamaged
      if slots[slot].mustBeZero,
        isDamaged || !queue.withBytes(of: slot, count: count, { $0.isZero && $1.isZero })
      {
        return range
      }
      if !isDamaged, queue.withBytes(of: slot, count: count, { $0.holdsSameBytes(as: $1) }) { break }
      if isDamaged { try judgeFaults(of: slot) }
      let damage = damage(of: slot)
      left = queue.withBytes(of: slot, count: count) { differing.scan($0, $1, damage) }
      if confirming {
        stage = .confirming
        slots[slot].readAgain()
        return nil
      }
      bookFaults(of: slot, &sink)
      stage = .handingOver(from: 0)
    case .confirming:
      if slots[slot].isDamaged { try judgeFaults(of: slot) }
      let damage = damage(of: slot)
      let found = queue.withBytes(of: slot, count: count) { differing.confirm($0, $1, damage) }
      totals.bytesMoving += UInt64(found.moving)
      left = found.left
      bookFaults(of: slot, &sink)
      stage = .handingOver(from: 0)
    case .handingOver:
      break
    }
    if case .handingOver(let place) = stage {
      try handOver(slot, range, from: place, &queue, &sink)
      if sinkIsFull { return nil }
    }
    try sink.note(range, in: slot, of: queue)
    finishChunk(range, skipped: skipped)
    return nil
  }

  /// Hands the differences of the chunk at `head` to the sink, until it has no room.
  private mutating func handOver<Queue: BlockQueue & ~Copyable, Sink: DifferenceSink & ~Copyable>(
    _ slot: Int, _ chunk: ByteRange, from start: Int, _ queue: inout Queue, _ sink: inout Sink
  ) throws(ResyncError) {
    var place = start
    while let whole = differing.nextRun(from: place) {
      var run = whole
      var isPunch = false
      if sink.punchesZeros, punching.isOn {
        (run, isPunch) = queue.withBytes(of: slot, count: whole.upperBound) { (primary, _) in
          primary.firstPiece(of: whole, block: blocks.blockSize)
        }
      }
      if isPunch, punching.mustWait {
        stage = .handingOver(from: place)
        sinkIsFull = true
        return
      }
      let range = ByteRange(offset: chunk.offset + UInt64(run.lowerBound), length: UInt64(run.count))
      switch try sink.take(
        Difference(range: range, slot: slot, place: run.lowerBound, isPunch: isPunch), from: &queue)
      {
      case .later:
        stage = .handingOver(from: place)
        sinkIsFull = true
        return
      case .writing:
        slots[slot].writes += 1
        if isPunch { punching.began() }
      case .done:
        break
      }
      slots[slot].bytesDifferent += range.length
      totals.bytesDifferent += range.length
      if lastDifference != range.offset {
        slots[slot].differences += 1
        totals.differences += 1
      }
      lastDifference = range.end
      slots[slot].lastDifference = range.end
      place = run.upperBound
    }
  }

  private mutating func finishChunk(_ range: ByteRange, skipped: UInt64) {
    totals.bytesCompared += range.length - UInt64(left)
    totals.bytesUnread += UInt64(left)
    left = 0
    countRepeats(of: head % geometry.depth)
    head += 1
    stage = .fresh
    tellProgress(skipped: skipped)
  }

  /// Adds what was done since the last time where a job looks for it.
  mutating func tellProgress(skipped: UInt64) {
    totals.bytesSkipped = skipped
    let done = totals.bytesCompared &+ totals.bytesUnread &+ skipped
    control.count(done: done &- told.done)
    control.bytesDifferent.wrappingAdd(totals.bytesDifferent - told.different, ordering: .relaxed)
    control.bytesWritten.wrappingAdd(totals.bytesWritten - told.written, ordering: .relaxed)
    (told.done, told.different, told.written) = (done, totals.bytesDifferent, totals.bytesWritten)
    tellCompletions()
  }

  /// The same for the sign of life, which must not wait for a whole chunk.
  mutating func tellCompletions() {
    control.completions.wrappingAdd(completions - told.completions, ordering: .relaxed)
    told.completions = completions
  }
}
