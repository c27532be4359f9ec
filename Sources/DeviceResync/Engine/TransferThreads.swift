import SystemPackage

/// Threads that move bytes with preadv2(2) and pwritev2(2), where the kernel gives no ring (PITFALLS E8).
///
/// Each takes the oldest request that nobody has taken, waits in the kernel until it has ended, and leaves the
/// answer for the one thread that made them all. A thread whose device hangs keeps none of the others.
struct TransferThreads: ~Copyable {
  private let desk: TransferDesk
  private let workers: [Worker]

  /// A thread of the array; letting go of it waits for its end.
  private final class Worker: Sendable {
    private let thread: IOThread
    init(_ desk: TransferDesk) throws(Errno) { thread = try IOThread { desk.work() } }
  }

  /// - Parameters:
  ///   - primary: is duplicated, like the recovery's; stays open while a thread may use it.
  ///   - slab: outlives the last request.
  /// - Throws: `EAGAIN` where no more threads are allowed, `EMFILE` where no more files are.
  init(
    primary: borrowing OwnedDescriptor, recovery: borrowing OwnedDescriptor, geometry: QueueGeometry,
    slab: borrowing BufferSlab
  ) throws(Errno) {
    let desk = TransferDesk(
      primary: try primary.duplicate(), recovery: try recovery.duplicate(), capacity: geometry.maxRequests,
      slab: slab)
    var workers: [Worker] = []
    do throws(Errno) {
      for _ in 0..<geometry.threads { workers.append(try Worker(desk)) }
    } catch {
      desk.dismiss(workers.count)
      throw error
    }
    self.desk = desk
    self.workers = workers
  }

  deinit {
    // They are waited for when `workers` goes; nothing is in flight, so that none of them waits for a disk.
    desk.dismiss(workers.count)
  }

  /// Hands over `request`, whose bytes lie at `place` of the slab; there is room for as many as the queue counts.
  func start(_ request: BlockRequest, at place: Int, tag: UInt64) {
    desk.hand(TransferDesk.Order(request: request, place: place, tag: tag))
  }

  /// The oldest answer that is there; nil when none is.
  func nextCompletion() -> Completion? { desk.nextCompletion() }

  /// The oldest answer, which it waits for: something must be in flight.
  func awaitCompletion() -> Completion { desk.awaitCompletion() }
}

/// Where requests and answers change hands.
@safe private final class TransferDesk: Sendable {
  struct Order: Sendable {
    let request: BlockRequest
    let place: Int
    let tag: UInt64
  }

  private struct Trays: Sendable {
    var orders: BoundedLine<Order>
    var completions: BoundedLine<Completion>
  }

  private let trays: Guarded<Trays>
  /// How many orders nobody has taken, and how many completions.
  private let ordered = Semaphore()
  private let completed = Semaphore()
  private let primary: OwnedDescriptor
  private let recovery: OwnedDescriptor
  /// The slab's address: a number, since a pointer must not be shared.
  private let base: UInt
  private let byteCount: Int

  init(
    primary: consuming OwnedDescriptor, recovery: consuming OwnedDescriptor, capacity: Int,
    slab: borrowing BufferSlab
  ) {
    trays = Guarded(
      Trays(orders: BoundedLine(capacity: capacity), completions: BoundedLine(capacity: capacity)))
    unsafe base = UInt(bitPattern: slab.address(of: 0, count: slab.byteCount))
    byteCount = slab.byteCount
    self.primary = primary
    self.recovery = recovery
  }

  // MARK: The one thread that makes requests

  func hand(_ order: Order) {
    trays.withLock { $0.orders.append(order) }
    ordered.post()
  }

  func nextCompletion() -> Completion? {
    completed.tryWait() ? trays.withLock { $0.completions.popFirst() } : nil
  }

  func awaitCompletion() -> Completion {
    completed.wait()
    guard let completion = trays.withLock({ $0.completions.popFirst() }) else {
      preconditionFailure("each completion is posted once")
    }
    return completion
  }

  /// Lets `count` threads end, once every order is carried out.
  func dismiss(_ count: Int) { for _ in 0..<count { ordered.post() } }

  // MARK: The threads

  /// Carries out orders until none is left and the thread is dismissed.
  func work() {
    while let order = nextOrder() {
      let result = carryOut(order)
      trays.withLock { $0.completions.append(Completion(tag: order.tag, result: result)) }
      completed.post()
    }
  }

  private func nextOrder() -> Order? {
    ordered.wait()
    return trays.withLock { $0.orders.popFirst() }
  }

  private func carryOut(_ order: Order) -> Int32 {
    let range = order.request.range
    let count = Int(range.length)
    precondition(order.place >= 0 && order.place <= byteCount - count)
    // Inside the slab, which outlives every request; until its completion the bytes are this request's alone.
    let bytes = unsafe UnsafeMutableRawPointer(bitPattern: base + UInt(order.place))
    do throws(Errno) {
      switch (order.request.kind, order.request.side) {
      case (.read, .primary): return try unsafe primary.transfer(into: bytes, count: count, at: range.offset)
      case (.read, .recovery):
        return try unsafe recovery.transfer(into: bytes, count: count, at: range.offset)
      case (.write, _): return try unsafe recovery.transfer(from: bytes, count: count, at: range.offset)
      case (.punch, _):
        try recovery.punch(range)
        return 0
      case (.flush, _):
        try recovery.synchronizeData()
        return 0
      }
    } catch {
      return -error.rawValue
    }
  }
}

/// First in, first out, in memory that is taken once.
private struct BoundedLine<Element: Sendable>: Sendable {
  private var elements: [Element?]
  private var first = 0
  private var count = 0

  init(capacity: Int) { elements = [Element?](repeating: nil, count: capacity) }

  mutating func append(_ element: Element) {
    precondition(count < elements.count)
    elements[(first + count) % elements.count] = element
    count += 1
  }

  mutating func popFirst() -> Element? {
    guard count > 0 else { return nil }
    let element = elements[first]
    first = (first + 1) % elements.count
    count -= 1
    return element
  }
}
