import SystemPackage

/// The parts of a staging file on their way to it: one buffer is filled, the others are written.
struct StagingOutput<Queue: BlockQueue & ~Copyable>: ~Copyable {
  /// Whether the file system has no room: nothing more is written, and what was on its way is worthless.
  private(set) var isFull = false

  private var queue: Queue
  /// The slot that is being filled.
  private var slot = 0
  private var inFlight: [Int]
  private var repeats = 0

  private static var mostRepeats: Int { 10 }

  /// - Parameter queue: its recovery is the file.
  init(_ queue: consuming Queue) {
    inFlight = [Int](repeating: 0, count: queue.geometry.depth)
    self.queue = queue
  }

  /// Copies `bytes` to `place` of the buffer that is being filled.
  mutating func put(_ bytes: RawSpan, at place: Int) { queue.put(bytes, into: slot, at: place) }

  /// Copies `bytes` to the start of the buffer that is being filled.
  mutating func put(_ bytes: [UInt8]) { bytes.withRawSpan { put($0, at: 0) } }

  /// Hands the buffer's first bytes to the kernel, to be written to `range`, and waits until the next buffer
  /// is free.
  mutating func write(_ range: ByteRange) throws(ResyncError) {
    try start(range, slot, 0)
    do throws(Errno) {
      try queue.submit()
    } catch {
      throw ResyncError(.kernel(error, .transfer), "hand requests to the kernel")
    }
    slot = (slot + 1) % inFlight.count
    while inFlight[slot] > 0 { try harvest() }
  }

  /// Waits until everything is written.
  mutating func drain() throws(ResyncError) {
    while inFlight.contains(where: { $0 > 0 }) { try harvest() }
  }

  /// Brings what was written to stable storage.
  mutating func flush() throws(ResyncError) {
    try drain()
    do throws(Errno) {
      try queue.startFlush()
    } catch {
      throw Self.failure(error)
    }
    inFlight[0] += 1
    try drain()
  }

  /// Waits for what is in flight, whatever becomes of it.
  consuming func drop() {
    // Whoever calls this has an error already, or a seal.
    while (try? queue.nextOutcome(waiting: true)) != nil {}
  }

  private mutating func start(_ range: ByteRange, _ slot: Int, _ place: Int) throws(ResyncError) {
    while true {
      do throws(Errno) {
        try queue.startWrite(range, from: slot, at: place)
        inFlight[slot] += 1
        return
      } catch .resourceTemporarilyUnavailable {
        try allowRepeat(after: .resourceTemporarilyUnavailable)
        if inFlight.contains(where: { $0 > 0 }) { try harvest() }
      } catch {
        throw Self.failure(error)
      }
    }
  }

  /// Waits for one outcome.
  private mutating func harvest() throws(ResyncError) {
    let ended: Outcome?
    do throws(Errno) {
      ended = try queue.nextOutcome(waiting: true)
    } catch {
      throw ResyncError(.kernel(error, .transfer), "wait for the staging file's disk")
    }
    guard let ended else { preconditionFailure("something is in flight") }
    let request = ended.request
    inFlight[request.slot] -= 1
    switch ended.result {
    case .success(let bytes):
      if request.kind == .flush { return }
      // Direct I/O goes on at a whole block only.
      let moved = UInt64(bytes) / UInt64(StagingFormat.alignment) * UInt64(StagingFormat.alignment)
      if moved >= request.range.length { return repeats = 0 }
      if moved == 0 { try allowRepeat(after: .ioError) }
      try start(
        ByteRange(request.range.offset + moved, upTo: request.range.end), request.slot,
        request.place + Int(moved))
    case .failure(let errno) where errno == .noSpace || errno == .diskQuotaExceeded:
      if request.kind == .flush { throw Self.failure(errno) }
      isFull = true
    case .failure(let errno):
      guard errno.mayPass, request.kind == .write else { throw Self.failure(errno) }
      try allowRepeat(after: errno)
      try start(request.range, request.slot, request.place)
    }
  }

  private mutating func allowRepeat(after errno: Errno) throws(ResyncError) {
    guard repeats < Self.mostRepeats else { throw Self.failure(errno) }
    pause(milliseconds: 1 << UInt32(min(repeats, 6)))
    repeats += 1
  }

  private static func failure(_ errno: Errno) -> ResyncError {
    ResyncError(.kernel(errno, .transfer), "write the staging file")
  }
}
