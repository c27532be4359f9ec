import SystemPackage

/// A segment that has arrived in a slot.
struct StagedSegment {
  var frame: SegmentFrame
  let slot: Int
  /// Where in the slot's primary half it begins.
  let place: Int
}

/// One reading of a staging file from one segment to another: the next part is on its way while one is worked
/// on.
///
/// A part is what fits into a slot: as many whole segments as are there.
struct StagingPass: ~Copyable {
  var requests: StagingRequests
  let name: String
  /// The slot that is kept for zeros.
  let zeroSlot: Int

  private var scan: StagingScan
  /// Where the last segment ends in the file.
  private let end: UInt64
  /// The part that is worked on, where its last whole segment ends in it, and where the next one begins.
  private var part: ByteRange
  private var stop = 0
  private var place = 0
  private var slot = 0
  /// The part that is on its way; empty for none.
  private var coming: ByteRange

  /// - Parameters:
  ///   - range: where the first segment begins and the last one ends.
  ///   - scan: knows what came before.
  init(
    _ scan: consuming StagingScan, _ range: ByteRange, name: String, requests: StagingRequests,
    geometry: QueueGeometry
  ) {
    self.scan = scan
    self.name = name
    self.requests = requests
    end = range.end
    zeroSlot = geometry.depth - 1
    part = ByteRange(offset: range.offset, length: 0)
    coming = ByteRange(offset: range.offset, length: 0)
    slot = zeroSlot - 1
  }

  /// The next segment, whole; nil after the last.
  mutating func nextSegment<Queue: BlockQueue & ~Copyable>(
    _ queue: inout Queue
  ) throws(ResyncError) -> StagedSegment? {
    if place == stop {
      let next = part.offset + UInt64(stop)
      if next == end { return nil }
      try takePart(at: next, &queue)
    }
    let rest = end - part.offset - UInt64(place)
    let frame = try refusing(name) { () throws(StagingFault) in
      try queue.withBytes(of: slot, count: Int(part.length)) { (bytes, _) throws(StagingFault) in
        try scan.openSegment(bytes.extracting(place...), rest: rest)
      }
    }
    let segment = StagedSegment(frame: frame, slot: slot, place: place)
    place += frame.length
    guard place <= stop else { throw StagingFault.malformed(.index(frame.sequence)).error(on: name) }
    return segment
  }

  /// Waits for the part that begins at `offset`, and sends for the one after it.
  private mutating func takePart<Queue: BlockQueue & ~Copyable>(
    at offset: UInt64, _ queue: inout Queue
  ) throws(ResyncError) {
    if coming.isEmpty { try send(for: offset, &queue) }
    slot = (slot + 1) % zeroSlot
    try requests.wait(for: slot, &queue)
    part = coming
    place = 0
    stop = queue.withBytes(of: slot, count: Int(part.length)) { (bytes, _) in scan.wholeSegments(in: bytes) }
    guard stop > 0 else { throw StagingFault.wrongSize.error(on: name) }
    coming = ByteRange(offset: offset + UInt64(stop), length: 0)
    if coming.offset < end { try send(for: coming.offset, &queue) }
  }

  /// Starts reading into the slot after the current one, when nothing leaves it any more.
  private mutating func send<Queue: BlockQueue & ~Copyable>(
    for offset: UInt64, _ queue: inout Queue
  ) throws(ResyncError) {
    let next = (slot + 1) % zeroSlot
    try requests.wait(for: next, &queue)
    coming = ByteRange(offset: offset, length: min(end - offset, UInt64(scan.header.segmentSize)))
    try requests.start(
      BlockRequest(kind: .read, side: .primary, slot: next, place: 0, range: coming), &queue)
    try requests.submit(&queue)
  }

  /// The next entry of `segment`; nil after the last.
  mutating func nextEntry<Queue: BlockQueue & ~Copyable>(
    of segment: inout StagedSegment, _ queue: borrowing Queue
  ) throws(ResyncError) -> StagedEntry? {
    var frame = segment.frame
    let entry = try refusing(name) { () throws(StagingFault) in
      try queue.withBytes(of: segment.slot, count: segment.place + StagingFormat.indexSize) {
        (bytes, _) throws(StagingFault) in
        try scan.nextEntry(bytes.extracting(segment.place...), &frame)
      }
    }
    segment.frame = frame
    return entry
  }

  /// Looks at the payload of `entry`.
  func check<Queue: BlockQueue & ~Copyable>(
    _ entry: StagedEntry, of segment: StagedSegment, _ queue: borrowing Queue
  ) throws(ResyncError) {
    try refusing(name) { () throws(StagingFault) in
      try queue.withBytes(of: segment.slot, count: segment.place + segment.frame.length) {
        (bytes, _) throws(StagingFault) in
        try scan.check(entry, in: bytes.extracting(segment.place...), segment.frame)
      }
    }
  }

  /// What was read so far, to be written on.
  consuming func prefix(upTo length: UInt64, _ checkpoint: StagedMark) throws(StagingFault) -> StagingPrefix {
    try scan.prefix(upTo: length, checkpoint)
  }

  /// Sees whether all of the file came to what its seal says.
  func check(_ seal: StagingSeal) throws(StagingFault) { try scan.check(seal) }

  func oldDigests(of entry: StagedEntry) -> Int { scan.oldDigests(of: entry) }
}

/// Runs `body`, and makes what it finds wrong a refusal of the file called `name`.
func refusing<Value>(_ name: String, _ body: () throws(StagingFault) -> Value) throws(ResyncError) -> Value {
  do throws(StagingFault) {
    return try body()
  } catch {
    throw error.error(on: name)
  }
}

extension StagingScan {
  /// Bytes of the whole segments at the start of `bytes`, by what their indexes say before anybody has
  /// checked them.
  fileprivate func wholeSegments(in bytes: RawSpan) -> Int {
    var place = 0
    while bytes.byteCount - place >= StagingFormat.indexSize {
      let payload = bytes.littleEndian(at: place + 40, as: UInt32.self)
      // What makes no sense is looked at as a segment of its own, and refused then.
      guard payload <= header.segmentSize, payload % UInt32(StagingFormat.alignment) == 0 else {
        return place == 0 ? StagingFormat.indexSize : place
      }
      let next = place + StagingFormat.indexSize + Int(payload)
      if next > bytes.byteCount { break }
      place = next
    }
    return place
  }
}
