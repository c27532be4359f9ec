import Synchronization
import SystemPackage

/// Looks at every block that is to be written: it must hold its old or its new bytes, or be unreadable.
///
/// Bytes are judged by the recovery's logical blocks, so that a block that a power cut has torn passes.
///
/// - Returns: false where a second request to end came first.
/// - Throws: 32775 with the first range that somebody else has written.
func checkTargets<Queue: BlockQueue & ~Copyable>(
  _ staging: ValidatedStaging, pair: Int, through queue: inout Queue, tail: ImageTail?, control: RunControl
) throws(ResyncError) -> Bool {
  var pass = try staging.pass(pair: pair, through: queue, control: control)
  let outcome: Result<Bool, ResyncError>
  do throws(ResyncError) {
    outcome = .success(try pass.checkTargets(staging, pair, tail, control, &queue))
  } catch {
    outcome = .failure(error)
  }
  pass.requests.drain(&queue)
  return try outcome.get()
}

extension StagingPass {
  fileprivate mutating func checkTargets<Queue: BlockQueue & ~Copyable>(
    _ staging: ValidatedStaging, _ pair: Int, _ tail: ImageTail?, _ control: RunControl, _ queue: inout Queue
  ) throws(ResyncError) -> Bool {
    let unit = Int(staging.header.pairs[pair].recoveryBlockSize)
    var records: [StagedEntry] = []
    records.reserveCapacity(StagingFormat.indexSize / StagingIndex.fixedOfBlocks)
    while var segment = try nextSegment(&queue) {
      if control.endsPairAtOnce { return false }
      records.removeAll(keepingCapacity: true)
      while let entry = try nextEntry(of: &segment, queue) {
        guard entry.pair == pair else { continue }
        try check(entry, of: segment, queue)
        if entry.isBlocks { records.append(entry) }
        if entry.kind == .tail { try checkTail(entry, segment, tail, queue) }
        // Its bytes come to lie where its payload lies in the other half.
        if entry.kind == .bytes {
          try readTarget(entry.range, segment.slot, segment.place + entry.payload, &queue)
        }
      }
      try requests.wait(for: segment.slot, &queue)
      // Looking closer at one record forgets what it finds; what is known of the others stays.
      let unreadable = requests.unreadable
      for entry in records {
        let isUnreadable = unreadable.contains { $0.range.overlaps(entry.range) }
        if entry.kind == .zeros || isUnreadable {
          try checkPiecemeal(
            entry, segment, unit: isUnreadable ? unit : Int(entry.range.length), unit, &queue)
        } else if let foreign = foreign(
          entry, segment, 0..<Int(entry.range.length), in: segment.slot, at: segment.place + entry.payload,
          unit,
          queue)
        {
          throw Self.foreignWrite(foreign)
        }
      }
      requests.unreadable.removeAll(keepingCapacity: true)
    }
    return true
  }

  private mutating func readTarget<Queue: BlockQueue & ~Copyable>(
    _ range: ByteRange, _ slot: Int, _ place: Int, _ queue: inout Queue
  ) throws(ResyncError) {
    try requests.start(
      BlockRequest(kind: .read, side: .recovery, slot: slot, place: place, range: range), &queue)
  }

  /// Reads and judges a record in pieces of `piece` bytes, and lets those pass that cannot be read.
  private mutating func checkPiecemeal<Queue: BlockQueue & ~Copyable>(
    _ entry: StagedEntry, _ segment: StagedSegment, unit piece: Int, _ unit: Int, _ queue: inout Queue
  ) throws(ResyncError) {
    let length = Int(entry.range.length)
    for start in stride(from: 0, to: length, by: piece) {
      let part = start..<min(start + piece, length)
      let range = ByteRange(offset: entry.range.offset + UInt64(start), length: UInt64(part.count))
      requests.unreadable.removeAll(keepingCapacity: true)
      try readTarget(range, zeroSlot, 0, &queue)
      try requests.wait(for: zeroSlot, &queue)
      if !requests.unreadable.isEmpty {
        if part.count > unit {
          try checkPiecemeal(entry, segment, unit: unit, unit, &queue)
          return
        }
      } else if let foreign = foreign(entry, segment, part, in: zeroSlot, at: 0, unit, queue) {
        throw Self.foreignWrite(foreign)
      }
    }
  }

  /// The first block of `part` of a record that holds neither its old nor its new bytes.
  ///
  /// - Parameters:
  ///   - part: in bytes from the record's start.
  ///   - slot: its recovery half holds the part, from `place` on.
  private func foreign<Queue: BlockQueue & ~Copyable>(
    _ entry: StagedEntry, _ segment: StagedSegment, _ part: Range<Int>, in slot: Int, at place: Int,
    _ unit: Int,
    _ queue: borrowing Queue
  ) -> ByteRange? {
    queue.withBytes(of: segment.slot, count: segment.place + segment.frame.length) { (file, _) in
      queue.withBytes(of: slot, count: place + part.count) { (_, recovery) in
        for start in stride(from: part.lowerBound, to: part.upperBound, by: unit) {
          let found = recovery.extracting((place + start - part.lowerBound)...).extracting(first: unit)
          let isNew =
            entry.kind == .zeros
            ? found.isZero
            : found.holdsSameBytes(
              as: file.extracting((segment.place + entry.payload + start)...).extracting(first: unit))
          if isNew { continue }
          let old = file.littleEndian(
            at: segment.place + entry.oldDigests + start / unit * 8, as: UInt64.self)
          if old != StagingIndex.unknownDigest, Checksum.of64(found) != old {
            return ByteRange(offset: entry.range.offset + UInt64(start), length: UInt64(unit))
          }
        }
        return nil
      }
    }
  }

  private func checkTail<Queue: BlockQueue & ~Copyable>(
    _ entry: StagedEntry, _ segment: StagedSegment, _ tail: ImageTail?, _ queue: borrowing Queue
  ) throws(ResyncError) {
    guard let tail else { throw ValidatedStaging.noTail(entry.range) }
    let found: [UInt8]
    do throws(ResyncError) {
      found = try tail.read(entry.range)
    } catch  where error.errno?.isUnreadable == true {
      return
    }
    let old = queue.withBytes(of: segment.slot, count: segment.place + StagingFormat.indexSize) { (file, _) in
      file.littleEndian(at: segment.place + entry.oldDigests, as: UInt64.self)
    }
    let isOld = old == StagingIndex.unknownDigest || Checksum.of64(found) == old
    guard found == payload(of: entry, in: segment, queue) || isOld else {
      throw Self.foreignWrite(entry.range)
    }
  }

  private static func foreignWrite(_ range: ByteRange) -> ResyncError {
    ResyncError(
      .invalidState, "finish what was committed on", side: .recovery, range: range,
      reason: "somebody wrote to it since: it holds neither its old nor its new bytes there",
      remedy: "find out who, then compare anew with: \(CallContext.current.typedAgain(.resync, "--initial"))")
  }
}
