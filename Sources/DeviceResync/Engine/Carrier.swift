import SystemPackage

/// One request's end, as the kernel tells it.
struct Completion: Sendable {
  /// The number that the request was given.
  let tag: UInt64
  /// Bytes moved, or a negative errno.
  let result: Int32
}

/// What carries a queue's requests to the kernel, and its answers back.
///
/// Made, used and dropped on one thread, whatever threads it has of its own.
enum Carrier: ~Copyable {
  case ring(Ring)
  case threads(TransferThreads)

  /// - Parameter slab: outlives it.
  /// - Throws: what the kernel refuses: `EPERM` or `ENOSYS` for a ring, `EAGAIN` for a thread, `ENOMEM`.
  init(
    _ engine: Engine, primary: borrowing OwnedDescriptor, recovery: borrowing OwnedDescriptor,
    geometry: QueueGeometry, slab: borrowing BufferSlab
  ) throws(Errno) {
    switch engine {
    case .ioUring:
      self = .ring(
        try Ring(entries: geometry.maxRequests, files: [primary.rawValue, recovery.rawValue], slab: slab))
    case .threads:
      self = .threads(
        try TransferThreads(primary: primary, recovery: recovery, geometry: geometry, slab: slab))
    }
  }

  /// Starts `request`, whose bytes lie at `place` of `slab`; its completion will have `tag`.
  ///
  /// - Throws: `EAGAIN` when there is no room: take a completion first.
  func start(
    _ request: BlockRequest, at place: Int, of slab: borrowing BufferSlab, tag: UInt64
  ) throws(Errno) {
    switch self {
    case .ring(let ring): try ring.start(request, at: place, of: slab, tag: tag)
    case .threads(let threads): threads.start(request, at: place, tag: tag)
    }
  }

  /// Hands over what is queued; what the kernel does not take just now stays queued.
  func submit() throws(Errno) {
    switch self {
    case .ring(let ring): try ring.submit()
    case .threads: break  // Each was handed over as it was started.
    }
  }

  /// The oldest completion that is there; nil when none is.
  @inline(__always)
  func nextCompletion() -> Completion? {
    switch self {
    case .ring(let ring): ring.nextCompletion()
    case .threads(let threads): threads.nextCompletion()
    }
  }

  /// Hands over what is queued, and waits for a completion; something must be in flight.
  func awaitCompletion() throws(Errno) -> Completion? {
    switch self {
    case .ring(let ring):
      try ring.submitAndWait()
      return ring.nextCompletion()
    case .threads(let threads): return threads.awaitCompletion()
    }
  }
}
