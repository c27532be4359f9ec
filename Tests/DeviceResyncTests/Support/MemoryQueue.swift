import SystemPackage

@testable import DeviceResync

/// A disk pair in memory, which moves bytes when an outcome is asked for, and notes what it must never see.
struct MemoryQueue: BlockQueue, ~Copyable {
  /// A change of a disk's byte, made before the n-th outcome.
  struct Edit {
    let outcome: Int
    let side: Side
    let byte: Int
    let value: UInt8
  }

  let geometry: QueueGeometry
  var primary: [UInt8]
  var recovery: [UInt8]
  var edits: [Edit] = []
  /// Is told of each write that has ended, with all that the recovery holds.
  var onWrite: ((ByteRange, [UInt8]) -> Void)?
  /// What broke the rules, in words.
  private(set) var violations: [String] = []
  /// Every write that was started.
  private(set) var writes: [ByteRange] = []
  /// Every punch that was started.
  private(set) var punches: [ByteRange] = []
  private(set) var reads: [BlockRequest] = []
  private(set) var mostWritesInFlight = 0
  private var slab: MemorySlab
  private var inFlight: [BlockRequest] = []
  private var outcomes = 0

  init(primary: [UInt8], recovery: [UInt8], geometry: QueueGeometry) {
    self.primary = primary
    self.recovery = recovery
    self.geometry = geometry
    slab = MemorySlab(geometry)
  }

  private mutating func add(_ request: BlockRequest) {
    let place = slab.range(of: request)
    for other in inFlight {
      if request.changesBytes, other.changesBytes, request.range.overlaps(other.range) {
        violations.append("overlapping writes: \(request.range), \(other.range)")
      }
      if request.kind == .read || other.kind == .read, slab.range(of: other).overlaps(place) {
        violations.append("a buffer in use: \(request), \(other)")
      }
    }
    if request.range.end > UInt64(request.side == .primary ? primary.count : recovery.count) {
      violations.append("beyond the end: \(request)")
    }
    inFlight.append(request)
  }

  mutating func startRead(_ range: ByteRange, of side: Side, into slot: Int, at place: Int) throws(Errno) {
    let request = BlockRequest(kind: .read, side: side, slot: slot, place: place, range: range)
    reads.append(request)
    add(request)
  }

  mutating func startWrite(_ range: ByteRange, from slot: Int, at place: Int) throws(Errno) {
    let writing = inFlight.count { $0.changesBytes }
    guard writing < QueueGeometry.maxWrites else { throw .resourceTemporarilyUnavailable }
    mostWritesInFlight = max(mostWritesInFlight, writing + 1)
    writes.append(range)
    add(BlockRequest(kind: .write, side: .recovery, slot: slot, place: place, range: range))
  }

  mutating func startPunch(_ range: ByteRange, from slot: Int, at place: Int) throws(Errno) {
    let request = BlockRequest(kind: .punch, side: .recovery, slot: slot, place: place, range: range)
    if punches.count == 1, inFlight.contains(where: { $0.kind == .punch }) {
      violations.append("a second punch before the first has ended: \(request)")
    }
    if slab[request].contains(where: { $0 != 0 }) { violations.append("no zeros: \(request)") }
    punches.append(range)
    add(request)
  }

  mutating func startFlush() throws(Errno) {
    add(
      BlockRequest(kind: .flush, side: .recovery, slot: 0, place: 0, range: ByteRange(offset: 0, length: 0)))
  }

  mutating func submit() throws(Errno) {}

  mutating func nextOutcome(waiting: Bool) throws(Errno) -> Outcome? {
    guard !inFlight.isEmpty else { return nil }
    for edit in edits where edit.outcome == outcomes {
      if edit.side == .primary { primary[edit.byte] = edit.value } else { recovery[edit.byte] = edit.value }
    }
    outcomes += 1
    let request = inFlight.removeFirst()
    let onDisk = Int(request.range.offset)..<Int(request.range.end)
    switch (request.kind, request.side) {
    case (.read, .primary): slab.put(Array(primary[onDisk]), for: request)
    case (.read, .recovery): slab.put(Array(recovery[onDisk]), for: request)
    case (.write, _):
      recovery.replaceSubrange(onDisk, with: slab[request])
      onWrite?(request.range, recovery)
    case (.punch, _):
      recovery.replaceSubrange(onDisk, with: [UInt8](repeating: 0, count: onDisk.count))
    case (.flush, _): break
    }
    return Outcome(request: request, result: .success(UInt32(request.range.length)))
  }

  func withBytes<Value, Failure: Error>(
    of slot: Int, count: Int, _ body: (RawSpan, RawSpan) throws(Failure) -> Value
  ) throws(Failure) -> Value { try slab.withBytes(of: slot, count: count, body) }

  mutating func put(_ bytes: RawSpan, into slot: Int, at place: Int) {
    let target = slab.put(bytes, into: slot, at: place)
    for other in inFlight where slab.range(of: other).overlaps(target) {
      violations.append("a buffer in use: \(target), \(other)")
    }
  }
}
