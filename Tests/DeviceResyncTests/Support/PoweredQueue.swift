import SystemPackage

@testable import DeviceResync

/// A queue over disks with volatile caches, whose power may fail before any write or flush ends.
struct PoweredQueue: BlockQueue, ~Copyable {
  let geometry: QueueGeometry
  private let primary: DiskBox
  private let recovery: DiskBox
  private let power: PowerSupply
  private let flushes: Bool
  private var slab: MemorySlab
  private var inFlight: [InFlight] = []

  /// A request on its way.
  private struct InFlight {
    let request: BlockRequest
    /// The disk's number of a write.
    var write = 0
    /// What a flush covers.
    var covered: Set<Int> = []
  }

  /// - Parameter flushes: whether a flush that ends has made anything durable.
  init(
    primary: DiskBox, recovery: DiskBox, geometry: QueueGeometry, power: PowerSupply, flushes: Bool = true
  ) {
    self.primary = primary
    self.recovery = recovery
    self.geometry = geometry
    self.power = power
    self.flushes = flushes
    slab = MemorySlab(geometry)
  }

  mutating func startRead(_ range: ByteRange, of side: Side, into slot: Int, at place: Int) throws(Errno) {
    inFlight.append(
      InFlight(request: BlockRequest(kind: .read, side: side, slot: slot, place: place, range: range)))
  }

  mutating func startWrite(_ range: ByteRange, from slot: Int, at place: Int) throws(Errno) {
    let request = BlockRequest(kind: .write, side: .recovery, slot: slot, place: place, range: range)
    let write = recovery.begin(slab[request], at: Int(range.offset))
    inFlight.append(InFlight(request: request, write: write))
  }

  mutating func startPunch(_ range: ByteRange, from slot: Int, at place: Int) throws(Errno) {
    let request = BlockRequest(kind: .punch, side: .recovery, slot: slot, place: place, range: range)
    let write = recovery.begin([UInt8](repeating: 0, count: Int(range.length)), at: Int(range.offset))
    inFlight.append(InFlight(request: request, write: write))
  }

  mutating func startFlush() throws(Errno) {
    let request = BlockRequest(
      kind: .flush, side: .recovery, slot: 0, place: 0, range: ByteRange(offset: 0, length: 0))
    inFlight.append(InFlight(request: request, covered: recovery.disk.flushable))
  }

  mutating func submit() throws(Errno) {}

  mutating func nextOutcome(waiting: Bool) throws(Errno) -> Outcome? {
    guard let first = inFlight.first else { return nil }
    let request = first.request
    let isPowered = request.kind == .read ? (try? power.check()) != nil : (try? power.step()) != nil
    guard isPowered else { throw .ioError }
    inFlight.removeFirst()
    switch request.kind {
    case .read:
      let disk = request.side == .primary ? primary.disk.seen : recovery.disk.seen
      let end = min(Int(request.range.end), disk.count)
      let bytes = disk[min(Int(request.range.offset), end)..<end]
      slab.put(Array(bytes), for: request)
      return Outcome(request: request, result: .success(UInt32(bytes.count)))
    case .write, .punch: recovery.end(first.write)
    case .flush: if flushes { recovery.flush(first.covered) }
    }
    return Outcome(request: request, result: .success(UInt32(request.range.length)))
  }

  func withBytes<Value, Failure: Error>(
    of slot: Int, count: Int, _ body: (RawSpan, RawSpan) throws(Failure) -> Value
  ) throws(Failure) -> Value { try slab.withBytes(of: slot, count: count, body) }

  mutating func put(_ bytes: RawSpan, into slot: Int, at place: Int) {
    slab.put(bytes, into: slot, at: place)
  }
}
