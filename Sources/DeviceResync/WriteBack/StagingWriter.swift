import SystemPackage

/// Writes a staging file: segment after segment through a queue of its own, whose recovery is the file.
///
/// One buffer is filled while the others are on their way, so that the comparison waits only where the
/// staging disk is slower than the disks that are compared. It belongs to the thread that compares. Let go of
/// it with `seal()` or `drop()`: nothing may be in flight when its queue goes.
struct StagingWriter<Queue: BlockQueue & ~Copyable>: ~Copyable {
  /// How many bytes the file may still take; asked now and then.
  typealias Room = () throws(Errno) -> UInt64

  let header: StagingHeader
  /// Keeps the old bytes beside the new ones; nil where none are kept.
  var undo: UndoFile<Queue>?
  /// Whether payload is left out, because there is no room for it; such a file is never sealed.
  private(set) var isOutOfRoom = false
  /// Size that the sealed file has or would need, in bytes, for what was added so far.
  var bytesNeeded: UInt64 {
    size + UInt64(segmentLength) + UInt64(StagingFormat.sealSize)
  }
  /// Records so far, and their bytes.
  var records: UInt64 = 0
  var recordBytes: UInt64 = 0

  var output: StagingOutput<Queue>
  private let room: Room
  /// Bytes that the file may take before `room` is asked again.
  private var allowance: UInt64 = 0
  private var index = StagingIndex()
  /// Bytes of payload in the segment that is being filled.
  private var payload = 0
  var hash: RunningChecksum
  var segments: UInt64 = 0
  /// Bytes of all finished parts with their payload, whether it was written or not.
  var size: UInt64
  /// Where the next segment goes.
  var end: UInt64
  /// Up to where each pair's chunks and holes have come, in bytes.
  var covered: [UInt64]

  /// Asks for room at least so often, in bytes.
  private static var mostAllowance: UInt64 { 16 << 20 }

  /// Writes the header.
  ///
  /// - Parameters:
  ///   - queue: its recovery is the new file, empty; a chunk holds a segment.
  ///   - room: how many bytes the file may still take.
  /// - Throws: `kernel(ENOSPC)` where there is no room even for an empty file.
  static func begin(
    _ header: StagingHeader, through queue: consuming Queue, room: @escaping Room
  ) throws(ResyncError) -> StagingWriter {
    guard header.isSound, queue.geometry.chunk >= header.segmentSize else {
      throw ResyncError(
        .invalidParameter, "make a staging file",
        reason: "too many pairs, or names of disks that are too long")
    }
    let hash = try attempt("make", on: "the staging file", .setUp) { () throws(Errno) in try RunningChecksum()
    }
    var writer = StagingWriter(header, output: StagingOutput(queue), hash: hash, room: room)
    do throws(ResyncError) {
      try writer.writeHeader()
    } catch {
      writer.drop()
      throw error
    }
    return writer
  }

  init(
    _ header: StagingHeader, output: consuming StagingOutput<Queue>, hash: consuming RunningChecksum,
    room: @escaping Room
  ) {
    self.header = header
    self.output = output
    self.hash = hash
    self.room = room
    size = header.zeros.end
    end = header.zeros.end
    covered = [UInt64](repeating: 0, count: header.pairs.count)
  }

  private mutating func writeHeader() throws(ResyncError) {
    let bytes = header.encoded()
    hash.add(bytes)
    try updateRoom(for: UInt64(bytes.count))
    if isOutOfRoom { throw noRoom() }
    output.put(bytes)
    try output.write(ByteRange(offset: 0, length: UInt64(bytes.count)))
  }

  /// Bytes of the segment that is being filled.
  private var segmentLength: Int { index.count == 0 ? 0 : StagingFormat.indexSize + payload }

  // MARK: Entries

  /// Adds the blocks of `range`, which hold `primary` there and are to be written over `recovery`.
  ///
  /// They become one or more records, and those that are zero take no payload: whole pieces, and runs of 64
  /// KiB and more. Ranges of a pair come in ascending order.
  ///
  /// - Parameter unreadable: what of the recovery could not be read: `recovery` holds anything there.
  mutating func addBlocks(
    pair: Int, _ range: ByteRange, primary: RawSpan, recovery: RawSpan, unreadable: [ByteRange] = []
  ) throws(ResyncError) {
    precondition(primary.byteCount == Int(range.length) && recovery.byteCount == Int(range.length))
    let blocks = header.pairs[pair]
    let block = max(4096, Int(blocks.logicalBlockSize))
    var done = 0
    while done < primary.byteCount {
      let isZero = primary.extracting(done..<min(done + block, primary.byteCount)).isZero
      let run = primary.endOfPiece(from: done, block: block, isZero: isZero)
      while done < run {
        let length = try makeRoom(for: run - done, of: block, unit: Int(blocks.recoveryBlockSize), isZero)
        let piece = done..<done + length
        add(
          isZero ? .zeros : .bytes, pair,
          ByteRange(offset: range.offset + UInt64(done), length: UInt64(length)),
          primary.extracting(piece), recovery.extracting(piece), unit: Int(blocks.recoveryBlockSize),
          unreadable)
        done += length
      }
    }
  }

  /// Adds the last bytes of an image, which its device does not reach.
  ///
  /// - Parameter recovery: nil where they cannot be read.
  mutating func addTail(
    pair: Int, _ range: ByteRange, primary: [UInt8], recovery: [UInt8]?
  ) throws(ResyncError) {
    precondition(primary.count == (recovery ?? primary).count && primary.count == Int(range.length))
    _ = try makeRoom(for: primary.count, of: primary.count, unit: primary.count, false)
    primary.withRawSpan { bytes in
      (recovery ?? primary).withRawSpan {
        add(.tail, pair, range, bytes, $0, unit: bytes.byteCount, recovery == nil ? [range] : [])
      }
    }
  }

  /// Adds what `range` of the recovery holds once everything is applied.
  ///
  /// - Parameter isTail: whether it is the part that the device does not reach.
  mutating func addDigest(
    pair: Int, _ range: ByteRange, _ digest: UInt128, isTail: Bool = false
  ) throws(ResyncError) {
    precondition(range.length <= UInt64(header.segmentSize))
    try cover(pair, range)
    if index.room < StagingIndex.fixedOfDigest { try finishSegment() }
    var entry = StagedEntry(kind: isTail ? .tailDigest : .digest, pair: pair, range: range)
    entry.digest = digest
    index.add(entry)
  }

  /// Adds a hole of both sides.
  mutating func addHole(pair: Int, _ range: ByteRange) throws(ResyncError) {
    try cover(pair, range)
    if index.room < StagingIndex.fixedOfHole { try finishSegment() }
    index.add(StagedEntry(kind: .hole, pair: pair, range: range))
  }

  private mutating func cover(_ pair: Int, _ range: ByteRange) throws(ResyncError) {
    guard range.offset == covered[pair] else {
      throw ResyncError(
        .incomplete, "account for every byte of", on: header.pairs[pair].recovery, range: range,
        reason: "chunks come in ascending order", remedy: "this is a defect of vmresync: report it")
    }
    covered[pair] = range.end
  }

  /// How many of `count` bytes fit into the segment; starts a new one where none does.
  private mutating func makeRoom(
    for count: Int, of block: Int, unit: Int, _ isZero: Bool
  ) throws(ResyncError) -> Int {
    let most = StagingFormat.payloadSize(of: header.segmentSize)
    for _ in 0..<2 {
      let digests = (index.room - StagingIndex.fixedOfBlocks) / 8 * unit
      let fitting = min(count, digests, isZero ? most : most - payload)
      let whole = fitting == count ? count : fitting / block * block
      if whole > 0 { return whole }
      try finishSegment()
    }
    preconditionFailure("a segment holds a block")
  }

  private mutating func add(
    _ kind: StagedEntry.Kind, _ pair: Int, _ range: ByteRange, _ primary: RawSpan, _ recovery: RawSpan,
    unit: Int, _ unreadable: [ByteRange]
  ) {
    var entry = StagedEntry(kind: kind, pair: pair, range: range)
    if entry.hasPayload {
      entry.checksum = Checksum.of64(primary)
      if !isOutOfRoom { output.put(primary, at: StagingFormat.indexSize + payload) }
      // What follows the bytes of an odd length is compared too: one form only.
      let padding = StagingFormat.padded(primary.byteCount) - primary.byteCount
      if padding > 0, !isOutOfRoom {
        let place = StagingFormat.indexSize + payload + primary.byteCount
        [UInt8](repeating: 0, count: padding).withRawSpan { output.put($0, at: place) }
      }
      payload += StagingFormat.padded(primary.byteCount)
    }
    index.add(entry)
    for place in stride(from: 0, to: recovery.byteCount, by: unit) {
      let end = min(place + unit, recovery.byteCount)
      let block = ByteRange(offset: range.offset + UInt64(place), length: UInt64(end - place))
      index.add(
        oldDigest: unreadable.contains { $0.overlaps(block) }
          ? StagingIndex.unknownDigest : Checksum.of64(recovery.extracting(place..<end)))
    }
    records += 1
    recordBytes += range.length
  }

  // MARK: Segments

  /// Hands the segment that was filled to the queue, and waits until the next buffer is free.
  mutating func finishSegment() throws(ResyncError) {
    guard index.count > 0 else { return }
    let length = segmentLength
    size += UInt64(length)
    try updateRoom(for: UInt64(length))
    index.finish(
      run: header.run, sequence: segments, payload: isOutOfRoom ? 0 : payload, withoutBytes: isOutOfRoom)
    if !output.isFull {
      hash.add(index.bytes)
      output.put(index.bytes)
      let written = isOutOfRoom ? StagingFormat.indexSize : length
      try output.write(ByteRange(offset: end, length: UInt64(written)))
      end += UInt64(written)
      isOutOfRoom = isOutOfRoom || output.isFull
    }
    segments += 1
    payload = 0
    index.reset()
  }

  /// Sees whether there is room for `bytes` more.
  private mutating func updateRoom(for bytes: UInt64) throws(ResyncError) {
    if isOutOfRoom { return }
    // The seal is always to fit.
    let wanted = bytes + UInt64(StagingFormat.sealSize)
    if allowance < wanted {
      do throws(Errno) {
        let left = try room()
        allowance = min(left, max(Self.mostAllowance, wanted))
      } catch {
        throw ResyncError(.kernel(error, .transfer), "ask for the room of the staging file")
      }
    }
    if allowance < wanted {
      isOutOfRoom = true
    } else {
      allowance -= bytes
    }
  }

  private func noRoom() -> ResyncError { StagingRoom.error(needed: bytesNeeded) }

  // MARK: The end

  /// Closes the file: after this it can be committed.
  ///
  /// What was added is on stable storage when this returns. Nothing is in flight, whatever happens.
  ///
  /// - Throws: `kernel(ENOSPC)` where payload had to be left out, `incomplete` where a byte of a pair has
  ///   neither digest nor hole, or the failed request.
  consuming func seal() throws(ResyncError) -> StagingSeal {
    let outcome: Result<StagingSeal, ResyncError>
    do throws(ResyncError) {
      outcome = .success(try finish())
    } catch {
      outcome = .failure(error)
    }
    drop()
    return try outcome.get()
  }

  private mutating func finish() throws(ResyncError) -> StagingSeal {
    try finishSegment()
    try output.drain()
    if isOutOfRoom || output.isFull { throw noRoom() }
    if let pair = header.pairs.indices.first(where: { covered[$0] != header.pairs[$0].size }) {
      throw ResyncError(
        .incomplete, "account for every byte of", on: header.pairs[pair].recovery,
        reason: "\(covered[pair]) of \(header.pairs[pair].size) bytes are staged",
        remedy: "this is a defect of vmresync: report it")
    }
    let seal = StagingSeal(
      run: header.run, records: records, bytes: recordBytes, segments: segments, hash: hash.value)
    output.put(seal.encoded())
    try output.write(ByteRange(offset: end, length: UInt64(StagingFormat.sealSize)))
    try output.flush()
    if output.isFull { throw noRoom() }
    return seal
  }

  /// Waits for what is in flight, and gives up the file.
  consuming func drop() { output.drop() }
}
