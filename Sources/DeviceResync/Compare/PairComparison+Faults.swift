import SystemPackage

// What cannot be read: found exactly while the chunk is on its way, judged when it is the chunk's turn.

extension PairComparison {
  /// Sees to it that what failed is read in smaller pieces.
  mutating func narrow(_ request: BlockRequest, _ errno: Errno) {
    hasFailedReads = true
    slots[request.slot][request.side].fail(
      request.range, of: request.side, errno, unit: blocks.logicalBlockSize(of: request.side),
      ends: rules[request.side] == .ends)
  }

  /// Starts the next piece of the first chunk whose reading has failed, when nothing else is on its way.
  ///
  /// The kernel merges requests that lie beside each other, and lets them fail together: a piece is to blame only
  /// where it was read alone.
  mutating func startSuspects<Queue: BlockQueue & ~Copyable>(_ queue: inout Queue) throws(ResyncError) {
    let chunks = free..<next
    if chunks.contains(where: { slots[$0 % geometry.depth].isInFlight }) { return }
    for chunk in chunks {
      for side in Side.allCases where slots[chunk % geometry.depth][side].isSuspect {
        _ = try startRead(side, of: chunk, &queue)
        return
      }
    }
    hasFailedReads = false
    try startTransfers(&queue)
  }

  /// Whether the reading of a chunk need not go on, because the unreadable range that ends the run is known.
  func isDoomed(_ slot: Int, _ side: Side) -> Bool {
    rules[side] == .ends && !slots[slot][side].faults.isEmpty
  }

  /// Judges what could not be read of the chunk in `slot`.
  ///
  /// - Throws: the first unreadable range of a side whose faults end the run, or are too many.
  func judgeFaults(of slot: Int) throws(ResyncError) {
    for side in Side.allCases {
      let faults = slots[slot][side].faults
      guard let first = faults.first else { continue }
      try rules.checkPresence(side)
      if rules[side] == .left { continue }
      let bytes = faults.reduce(0) { $0 + $1.range.length }
      if rules[side] == .differs, totals.rewritten.bytes + bytes <= rules.mostRewritten { continue }
      let whole = faults.dropFirst().reduce(first.range) { range, next in
        next.range.offset == range.end ? ByteRange(range.offset, upTo: next.range.end) : range
      }
      throw ResyncError(
        .kernel(first.errno, .transfer), "read", side: side, range: whole,
        reason: rules[side] == .ends
          ? nil
          : "more than \(ByteCount(rules.mostRewritten)) of it cannot be read: the disk fails, or was cut")
    }
  }

  /// Which bytes of the chunk in `slot` are left out, and which count as different, as places in it.
  func damage(of slot: Int) -> ChunkDamage {
    var damage = ChunkDamage()
    guard slots[slot].isDamaged else { return damage }
    let start = slots[slot].range.offset
    for side in Side.allCases {
      let places = slots[slot][side].faults.map {
        Int($0.range.offset - start)..<Int($0.range.end - start)
      }
      if rules[side] == .differs { damage.different += places } else { damage.left += places }
    }
    return damage
  }

  /// Books what could not be read of the chunk in `slot`, and tells the sink what it will be asked to write over.
  mutating func bookFaults<Sink: DifferenceSink & ~Copyable>(of slot: Int, _ sink: inout Sink) {
    guard slots[slot].isDamaged else { return }
    for side in Side.allCases {
      let faults = slots[slot][side].faults.sorted { $0.range.offset < $1.range.offset }
      // A second reading names again what the first has named.
      var end: UInt64 = 0
      for var fault in faults where fault.range.end > end {
        fault.range = ByteRange(max(end, fault.range.offset), upTo: fault.range.end)
        end = fault.range.end
        if rules[side] == .differs {
          totals.rewritten.add(fault)
          sink.hear(unreadable: fault.range)
        } else {
          totals.unread.add(fault)
        }
      }
    }
  }
}

extension PairComparison {
  /// Counts readings of the chunk in `slot` that failed and went through in pieces: worth a word.
  mutating func countRepeats(of slot: Int) {
    if slots[slot].primary.wasRepeated { totals.readsRepeated += 1 }
    if slots[slot].recovery.wasRepeated { totals.readsRepeated += 1 }
  }
}

extension ChunkSlot {
  fileprivate var isInFlight: Bool { primary.isInFlight || recovery.isInFlight }
}

extension SideRead {
  fileprivate var isSuspect: Bool { failures > 0 && wantsStart }
  fileprivate var wasRepeated: Bool { failures > 0 && faults.isEmpty }
}

/// What of one chunk could not be read, as places in it.
struct ChunkDamage {
  /// Neither compared nor written.
  var left: [Range<Int>] = []
  /// Different, whatever the buffer holds.
  var different: [Range<Int>] = []
}
