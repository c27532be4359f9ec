import SystemPackage

@testable import DeviceResync

/// Passes everything on to another queue, and breaks what it is told to.
struct FaultyQueue<Inner: BlockQueue & ~Copyable>: BlockQueue, ~Copyable {
  /// What happens to a request that touches a byte.
  struct Fault {
    enum Kind {
      /// It fails, and nothing is moved.
      case fails(Errno)
      /// Only so many bytes are moved.
      case short(Int)
      /// What comes before the byte is moved, then it fails.
      case torn(Errno)
      /// It is not even taken.
      case refused(Errno)
    }

    let kind: Kind
    let request: BlockRequest.Kind
    let side: Side
    let byte: UInt64
    /// How many requests it happens to, after how many that it spares.
    var times = Int.max
    var skip = 0
  }

  var inner: Inner
  var faults: [Fault]
  /// Requests that a fault happened to.
  private(set) var faulted = 0
  /// Hands over outcomes in the opposite order, as many as there can be at once.
  let reversing: Bool
  var geometry: QueueGeometry { inner.geometry }

  private var ready: [Outcome] = []
  private var changed: [(asked: BlockRequest, moved: BlockRequest, errno: Errno?)] = []

  init(_ inner: consuming Inner, _ faults: [Fault] = [], reversing: Bool = false) {
    self.inner = inner
    self.faults = faults
    self.reversing = reversing
  }

  private mutating func fault(for request: BlockRequest) -> Fault.Kind? {
    for index in faults.indices {
      let fault = faults[index]
      let isTouched =
        request.kind == .flush || (request.range.offset <= fault.byte && fault.byte < request.range.end)
      if fault.request == request.kind, fault.side == request.side, isTouched, fault.times > 0 {
        if fault.skip > 0 {
          faults[index].skip -= 1
          continue
        }
        faults[index].times -= 1
        faulted += 1
        return fault.kind
      }
    }
    return nil
  }

  private mutating func start(_ request: BlockRequest) throws(Errno) {
    let moved: UInt64
    var errno: Errno?
    switch fault(for: request) {
    case nil: return try pass(request)
    case .fails(let refusal): (moved, errno) = (0, refusal)
    case .short(let count): moved = min(UInt64(count), request.range.length)
    case .torn(let refusal):
      let byte = faults.first { $0.request == request.kind && $0.side == request.side }?.byte ?? 0
      (moved, errno) = (byte > request.range.offset ? byte - request.range.offset : 0, refusal)
    case .refused(let refusal): throw refusal
    }
    guard moved > 0 else {
      ready.append(Outcome(request: request, result: errno.map(Result.failure) ?? .success(0)))
      return
    }
    let part = BlockRequest(
      kind: request.kind, side: request.side, slot: request.slot, place: request.place,
      range: ByteRange(offset: request.range.offset, length: moved))
    try pass(part)
    changed.append((request, part, errno))
  }

  private mutating func pass(_ request: BlockRequest) throws(Errno) {
    switch request.kind {
    case .read: try inner.startRead(request.range, of: request.side, into: request.slot, at: request.place)
    case .write: try inner.startWrite(request.range, from: request.slot, at: request.place)
    case .punch: try inner.startPunch(request.range, from: request.slot, at: request.place)
    case .flush: try inner.startFlush()
    }
  }

  mutating func startRead(_ range: ByteRange, of side: Side, into slot: Int, at place: Int) throws(Errno) {
    try start(BlockRequest(kind: .read, side: side, slot: slot, place: place, range: range))
  }

  mutating func startWrite(_ range: ByteRange, from slot: Int, at place: Int) throws(Errno) {
    try start(BlockRequest(kind: .write, side: .recovery, slot: slot, place: place, range: range))
  }

  mutating func startPunch(_ range: ByteRange, from slot: Int, at place: Int) throws(Errno) {
    try start(BlockRequest(kind: .punch, side: .recovery, slot: slot, place: place, range: range))
  }

  mutating func startFlush() throws(Errno) {
    try start(
      BlockRequest(kind: .flush, side: .recovery, slot: 0, place: 0, range: ByteRange(offset: 0, length: 0)))
  }

  mutating func submit() throws(Errno) { try inner.submit() }

  mutating func nextOutcome(waiting: Bool) throws(Errno) -> Outcome? {
    if reversing {
      if waiting, ready.isEmpty {
        while let outcome = try innerOutcome(waiting: true) { ready.append(outcome) }
      }
      return ready.popLast()
    }
    if !ready.isEmpty { return ready.removeFirst() }
    return try innerOutcome(waiting: waiting)
  }

  private mutating func innerOutcome(waiting: Bool) throws(Errno) -> Outcome? {
    guard let outcome = try inner.nextOutcome(waiting: waiting) else { return nil }
    guard let index = changed.firstIndex(where: { $0.moved == outcome.request }) else { return outcome }
    let change = changed.remove(at: index)
    return Outcome(request: change.asked, result: change.errno.map(Result.failure) ?? outcome.result)
  }

  func withBytes<Value, Failure: Error>(
    of slot: Int, count: Int, _ body: (RawSpan, RawSpan) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    try inner.withBytes(of: slot, count: count, body)
  }

  mutating func put(_ bytes: RawSpan, into slot: Int, at place: Int) {
    inner.put(bytes, into: slot, at: place)
  }
}
