import SystemPackage

/// The `BlockQueue` over io_uring: one thread, one ring, one slab.
///
/// Two rings, a compare thread or a polling kernel thread gain nothing (ENGINE 4.4, 4.5).
struct RingQueue: BlockQueue, ~Copyable {
  let geometry: QueueGeometry
  private var ring: Ring
  private var slab: BufferSlab
  private var inFlight: InFlightRequests

  /// Whether the buffers lie on huge pages.
  var usesHugePages: Bool { slab.isHuge }
  /// Whether the buffers are registered; if not, the limit on locked memory forbade it.
  var usesRegisteredBuffers: Bool { ring.isSlabRegistered }

  /// Makes the ring and its buffers on the calling thread, the only one that may use it.
  ///
  /// - Parameters:
  ///   - primary: opened read-only, with `O_DIRECT`.
  ///   - recovery: opened with `O_DIRECT`; read-only too where nothing will be written.
  /// - Throws: `EPERM` or `ENOSYS` where io_uring is forbidden or missing, `ENOMEM` where buffers or rings
  ///   cannot be had.
  init(
    primary: borrowing OwnedDescriptor, recovery: borrowing OwnedDescriptor, geometry: QueueGeometry
  ) throws(Errno) {
    let slab = try BufferSlab(byteCount: geometry.slabSize)
    let geometry = slab.isHuge ? geometry : geometry.onSmallPages
    let ring = try Ring(
      entries: geometry.maxRequests, files: [primary.rawValue, recovery.rawValue], slab: slab)
    self.geometry = geometry
    self.slab = slab
    self.ring = ring
    inFlight = InFlightRequests(capacity: geometry.maxRequests)
  }

  mutating func startRead(_ range: ByteRange, of side: Side, into slot: Int, at place: Int) throws(Errno) {
    let request = BlockRequest(kind: .read, side: side, slot: slot, place: place, range: range)
    let start = slabPlace(of: request)
    let tag = try inFlight.add(request)
    do throws(Errno) {
      try ring.read(
        file: side == .primary ? 0 : 1, at: range.offset, into: slab, place: start,
        count: Int(range.length), tag: tag)
    } catch {
      _ = inFlight.remove(tag)  // It never started.
      throw error
    }
  }

  mutating func startWrite(_ range: ByteRange, from slot: Int, at place: Int) throws(Errno) {
    guard inFlight.writes < QueueGeometry.maxWrites else { throw .resourceTemporarilyUnavailable }
    let request = BlockRequest(kind: .write, side: .recovery, slot: slot, place: place, range: range)
    let start = slabPlace(of: request)
    let tag = try inFlight.add(request)
    do throws(Errno) {
      try ring.write(
        file: 1, at: range.offset, from: slab, place: start, count: Int(range.length), tag: tag)
    } catch {
      _ = inFlight.remove(tag)  // It never started.
      throw error
    }
  }

  mutating func startFlush() throws(Errno) {
    let tag = try inFlight.add(
      BlockRequest(
        kind: .flush, side: .recovery, slot: 0, place: 0, range: ByteRange(offset: 0, length: 0)))
    do throws(Errno) {
      try ring.synchronizeData(file: 1, tag: tag)
    } catch {
      _ = inFlight.remove(tag)  // It never started.
      throw error
    }
  }

  mutating func submit() throws(Errno) { try ring.submit() }

  mutating func nextOutcome(waiting: Bool) throws(Errno) -> Outcome? {
    if inFlight.isEmpty { return nil }
    if waiting { try ring.submitAndWait() }
    guard let completion = ring.nextCompletion() else { return nil }
    let request = inFlight.remove(completion.tag)
    let result: Result<UInt32, Errno> =
      completion.result < 0
      ? .failure(Errno(rawValue: -completion.result)) : .success(UInt32(completion.result))
    return Outcome(request: request, result: result)
  }

  @inline(__always)
  func withBytes<Value, Failure: Error>(
    of slot: Int, count: Int, _ body: (RawSpan, RawSpan) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    precondition(count <= geometry.chunk)
    return try slab.withBytes(at: geometry.place(of: .primary, in: slot), count: count) {
      (primary) throws(Failure) in
      try slab.withBytes(at: geometry.place(of: .recovery, in: slot), count: count) {
        (recovery) throws(Failure) in
        try body(primary, recovery)
      }
    }
  }

  mutating func put(_ bytes: RawSpan, into slot: Int, at place: Int) {
    precondition(place >= 0 && bytes.byteCount <= geometry.chunk - place)
    slab.put(bytes, at: geometry.place(of: .primary, in: slot) + place)
  }

  /// Where a request's bytes lie in the slab; a write's are the primary's.
  private func slabPlace(of request: BlockRequest) -> Int {
    precondition(request.place >= 0 && request.range.length <= UInt64(geometry.chunk - request.place))
    let half: Side = request.kind == .write ? .primary : request.side
    return geometry.place(of: half, in: request.slot) + request.place
  }
}
