import SystemPackage

/// The `BlockQueue` over two devices: one slab, and a ring or threads that carry the requests.
///
/// Two rings, a compare thread or a polling kernel thread gain nothing (ENGINE 4.4, 4.5).
struct DiskQueue: BlockQueue, ~Copyable {
  let geometry: QueueGeometry
  private let carrier: Carrier
  private var slab: BufferSlab
  private var inFlight: InFlightRequests

  /// Makes the buffers and what carries the requests on the calling thread, the only one that may use it.
  ///
  /// - Parameters:
  ///   - primary: opened read-only, with `O_DIRECT`.
  ///   - recovery: opened with `O_DIRECT`; read-only too where nothing will be written.
  /// - Throws: `EPERM` or `ENOSYS` where io_uring is forbidden or missing, `EAGAIN` where threads are, `ENOMEM`
  ///   where buffers or rings cannot be had.
  init(
    primary: borrowing OwnedDescriptor, recovery: borrowing OwnedDescriptor, geometry: QueueGeometry,
    engine: Engine
  ) throws(Errno) {
    let slab = try BufferSlab(byteCount: geometry.slabSize)
    let geometry = slab.isHuge ? geometry : geometry.onSmallPages
    let carrier = try Carrier(engine, primary: primary, recovery: recovery, geometry: geometry, slab: slab)
    self.geometry = geometry
    self.slab = slab
    self.carrier = carrier
    inFlight = InFlightRequests(
      capacity: geometry.maxRequests, files: (primary.rawValue, recovery.rawValue))
  }

  mutating func startRead(_ range: ByteRange, of side: Side, into slot: Int, at place: Int) throws(Errno) {
    try start(BlockRequest(kind: .read, side: side, slot: slot, place: place, range: range))
  }

  mutating func startWrite(_ range: ByteRange, from slot: Int, at place: Int) throws(Errno) {
    guard inFlight.writes < QueueGeometry.maxWrites else { throw .resourceTemporarilyUnavailable }
    try start(BlockRequest(kind: .write, side: .recovery, slot: slot, place: place, range: range))
  }

  mutating func startPunch(_ range: ByteRange, from slot: Int, at place: Int) throws(Errno) {
    guard inFlight.writes < QueueGeometry.maxWrites else { throw .resourceTemporarilyUnavailable }
    try start(BlockRequest(kind: .punch, side: .recovery, slot: slot, place: place, range: range))
  }

  mutating func startFlush() throws(Errno) {
    try start(
      BlockRequest(kind: .flush, side: .recovery, slot: 0, place: 0, range: ByteRange(offset: 0, length: 0)))
  }

  private mutating func start(_ request: BlockRequest) throws(Errno) {
    let place = slabPlace(of: request)
    let tag = try inFlight.add(request)
    do throws(Errno) {
      try carrier.start(request, at: place, of: slab, tag: tag)
    } catch {
      _ = inFlight.remove(tag)  // It never started.
      throw error
    }
  }

  mutating func submit() throws(Errno) { try carrier.submit() }

  mutating func nextOutcome(waiting: Bool) throws(Errno) -> Outcome? {
    if inFlight.isEmpty { return nil }
    guard let completion = waiting ? try carrier.awaitCompletion() : carrier.nextCompletion() else {
      return nil
    }
    let request = inFlight.remove(completion.tag)
    let result: Result<UInt32, Errno> =
      completion.result < 0
      ? .failure(Errno(rawValue: -completion.result))
      // fallocate(2) says 0 for all of it.
      : .success(request.kind == .punch ? UInt32(request.range.length) : UInt32(completion.result))
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
    let half: Side = request.changesBytes ? .primary : request.side
    return geometry.place(of: half, in: request.slot) + request.place
  }
}
