import Synchronization
import SystemPackage

/// The requests of one pass over a staging file, through a queue whose primary is that file.
struct StagingRequests {
  /// Bytes whose write has ended well, and bytes of all writes that were started.
  private(set) var bytesWritten: UInt64 = 0
  private(set) var bytesSubmitted: UInt64 = 0
  /// Bytes of the written ones that were punched out.
  private(set) var bytesZeroed: UInt64 = 0
  /// Whether the device refused a punch.
  var refusedPunch: Bool { punching.wasRefused }
  /// Whether zeros are punched.
  private var punching: PunchTrial
  /// Reads of the recovery that came to nothing, for want of a readable sector.
  var unreadable: [ReadFault] = []

  /// The recovery's logical block, in bytes.
  private let block: UInt64
  private let control: RunControl
  /// What the control was told.
  private var told = (written: UInt64(0), completions: UInt64(0))
  private var completions: UInt64 = 0
  /// Requests in flight from or to each slot.
  private var busy: [Int]
  private var repeats = 0
  private static let mostRepeats = 10

  init(depth: Int, block: UInt32, punches: Bool = false, control: RunControl) {
    punching = PunchTrial(isWanted: punches)
    busy = [Int](repeating: 0, count: depth)
    self.block = UInt64(block)
    self.control = control
    unreadable.reserveCapacity(QueueGeometry.maxWrites)
  }

  /// Starts a request; waits while the queue is full.
  mutating func start<Queue: BlockQueue & ~Copyable>(
    _ request: BlockRequest, _ queue: inout Queue
  ) throws(ResyncError) {
    while true {
      do throws(Errno) {
        switch request.kind {
        case .read:
          try queue.startRead(request.range, of: request.side, into: request.slot, at: request.place)
        case .write: try queue.startWrite(request.range, from: request.slot, at: request.place)
        case .punch: try queue.startPunch(request.range, from: request.slot, at: request.place)
        case .flush: try queue.startFlush()
        }
        busy[request.slot] += 1
        return
      } catch .resourceTemporarilyUnavailable {
        if busy.contains(where: { $0 > 0 }) {
          try harvest(&queue)
        } else {
          try allowRepeat(of: request, after: .resourceTemporarilyUnavailable)
        }
      } catch {
        throw Self.failure(request, error)
      }
    }
  }

  /// Makes `range` of the recovery zero, by a punch where the device takes it.
  ///
  /// - Parameter slot: its primary half begins with as many zeros.
  mutating func zero<Queue: BlockQueue & ~Copyable>(
    _ range: ByteRange, from slot: Int, _ queue: inout Queue
  ) throws(ResyncError) {
    while punching.mustWait { try harvest(&queue) }
    let kind: BlockRequest.Kind = punching.isOn ? .punch : .write
    try start(BlockRequest(kind: kind, side: .recovery, slot: slot, place: 0, range: range), &queue)
    if kind == .punch { punching.began() }
  }

  /// Hands over what was started.
  func submit<Queue: BlockQueue & ~Copyable>(_ queue: inout Queue) throws(ResyncError) {
    do throws(Errno) {
      try queue.submit()
    } catch {
      throw ResyncError(.kernel(error, .transfer), "hand requests to the kernel")
    }
  }

  /// Waits until nothing is in flight from or to `slot`.
  mutating func wait<Queue: BlockQueue & ~Copyable>(for slot: Int, _ queue: inout Queue) throws(ResyncError) {
    while busy[slot] > 0 { try harvest(&queue) }
  }

  /// Waits until nothing is in flight.
  mutating func waitForAll<Queue: BlockQueue & ~Copyable>(_ queue: inout Queue) throws(ResyncError) {
    for slot in busy.indices { try wait(for: slot, &queue) }
  }

  /// Waits until nothing is in flight, whatever becomes of it: of a pass that has failed or was stopped.
  mutating func drain<Queue: BlockQueue & ~Copyable>(_ queue: inout Queue) {
    // The pass has its error already, and says itself what it left.
    while let outcome = try? queue.nextOutcome(waiting: true) {
      if outcome.request.changesBytes { bytesSubmitted += outcome.request.range.length }
      if outcome.request.changesBytes, let bytes = try? outcome.result.get() {
        bytesWritten += UInt64(bytes)
        if outcome.request.kind == .punch { bytesZeroed += UInt64(bytes) }
      }
    }
    tell()
  }

  private mutating func harvest<Queue: BlockQueue & ~Copyable>(_ queue: inout Queue) throws(ResyncError) {
    let outcome: Outcome?
    do throws(Errno) {
      outcome = try queue.nextOutcome(waiting: true)
    } catch {
      throw ResyncError(.kernel(error, .transfer), "wait for the disks' answers")
    }
    guard let outcome else { preconditionFailure("something is in flight") }
    completions += 1
    busy[outcome.request.slot] -= 1
    try settle(outcome, &queue)
    tell()
  }

  private mutating func settle<Queue: BlockQueue & ~Copyable>(
    _ outcome: Outcome, _ queue: inout Queue
  ) throws(ResyncError) {
    let request = outcome.request
    if request.changesBytes { bytesSubmitted += request.range.length }
    if request.kind == .punch {
      let isPunched = (try? outcome.result.get()) != nil
      punching.ended(well: isPunched)
      if isPunched {
        bytesWritten += request.range.length
        bytesZeroed += request.range.length
        return
      }
      // Refused: as data, then.
      return try start(
        BlockRequest(
          kind: .write, side: .recovery, slot: request.slot, place: request.place, range: request.range),
        &queue)
    }
    var moved: UInt64 = 0
    switch outcome.result {
    case .success(let bytes):
      let unit = request.side == .primary ? UInt64(StagingFormat.alignment) : block
      moved = UInt64(bytes) >= request.range.length ? request.range.length : UInt64(bytes) / unit * unit
      if moved > 0 { repeats = 0 } else { try allowRepeat(of: request, after: .ioError) }
    case .failure(let errno):
      if errno.isUnreadable, request.kind == .read, request.side == .recovery {
        return unreadable.append(ReadFault(side: .recovery, range: request.range, errno: errno))
      }
      guard errno.mayPass else { throw Self.failure(request, errno) }
      try allowRepeat(of: request, after: errno)
    }
    if request.kind == .write { bytesWritten += moved }
    guard moved < request.range.length else { return }
    try start(
      BlockRequest(
        kind: request.kind, side: request.side, slot: request.slot, place: request.place + Int(moved),
        range: ByteRange(request.range.offset + moved, upTo: request.range.end)), &queue)
  }

  /// Counts bytes that were written beside the queue.
  mutating func countWritten(_ bytes: UInt64) {
    bytesWritten += bytes
    tell()
  }

  private mutating func allowRepeat(of request: BlockRequest, after errno: Errno) throws(ResyncError) {
    guard repeats < Self.mostRepeats else { throw Self.failure(request, errno) }
    pause(milliseconds: 1 << UInt32(min(repeats, 6)))
    repeats += 1
  }

  /// Adds what was done since the last time where a job looks for it.
  private mutating func tell() {
    control.bytesWritten.wrappingAdd(bytesWritten - told.written, ordering: .relaxed)
    control.completions.wrappingAdd(completions - told.completions, ordering: .relaxed)
    told = (bytesWritten, completions)
  }

  /// The primary of these queues is the staging file, not a disk of the pair.
  static func failure(_ request: BlockRequest, _ errno: Errno) -> ResyncError {
    if request.kind == .read, request.side == .primary {
      return ResyncError(.kernel(errno, .transfer), "read the staging file", range: request.range)
    }
    return ResyncError(.kernel(errno, .transfer), request.verb, side: request.side, range: request.range)
  }
}
