import SystemPackage

/// Bytes that could not be read, as exactly as the device tells: down to its logical block (PITFALLS D2).
struct ReadFault: Sendable, Equatable, Codable {
  let side: Side
  var range: ByteRange
  let errno: Errno
}

/// What becomes of bytes that cannot be read.
enum Unreadable: Sendable {
  /// They end the run.
  case ends
  /// Their blocks are left out: neither compared nor written (`--on-read-error record`).
  case left
  /// Their blocks count as different: writing them may heal them (PITFALLS D3). Of a recovery only.
  case differs
}

/// What becomes of bytes that cannot be read, of each side.
struct ReadFaultRules: Sendable {
  var primary = Unreadable.ends
  var recovery = Unreadable.ends
  /// Most bytes of a recovery that count as different because they cannot be read; more than that is no bad sector
  /// but a disk that fails, or a file that was cut behind its loop.
  var mostRewritten: UInt64 = 16 << 20
  /// Is called before bytes are left out or count as different; throws where the device itself is gone, so that
  /// no sector of it is to blame (PITFALLS D11).
  var checkPresence: @Sendable (Side) throws(ResyncError) -> Void = { (_) throws(ResyncError) in }

  subscript(side: Side) -> Unreadable { side == .primary ? primary : recovery }
}

/// Faults in ascending order on each side, in bounded memory: a list with an end, and a count of the rest.
struct ReadFaults: Sendable, Equatable, Codable {
  /// Most that are listed.
  static let mostListed = 1024

  private(set) var list: [ReadFault] = []
  /// How many more there were.
  private(set) var omitted: UInt64 = 0
  /// Bytes of all of them.
  private(set) var bytes: UInt64 = 0
  /// Where the last fault of each side ends, listed or not.
  private var ends: [Side: UInt64] = [:]

  var isEmpty: Bool { list.isEmpty }
  /// How many there were.
  var count: UInt64 { omitted.saturatingAdd(UInt64(list.count)) }

  /// Adds a fault; one that goes on where the side's last one ends is the same.
  mutating func add(_ fault: ReadFault) {
    let isSame = ends[fault.side] == fault.range.offset
    ends[fault.side] = fault.range.end
    bytes = bytes.saturatingAdd(fault.range.length)
    if isSame, let last = list.lastIndex(where: { $0.side == fault.side }),
      list[last].range.end == fault.range.offset, list[last].errno == fault.errno
    {
      list[last].range = ByteRange(list[last].range.offset, upTo: fault.range.end)
    } else if list.count < Self.mostListed {
      list.append(fault)
    } else if !isSame {
      omitted += 1
    }
  }

  /// Adds those of a later part of the pair, or of another look at it.
  static func += (faults: inout ReadFaults, more: ReadFaults) {
    for fault in more.list { faults.add(fault) }
    faults.omitted += more.omitted
    faults.bytes = faults.bytes.saturatingAdd(more.bytes - more.list.reduce(0) { $0 + $1.range.length })
  }
}

extension Errno {
  /// Whether a sector could not be read, on a device that still is there (PITFALLS, appendix A).
  var isUnreadable: Bool {
    self == .ioError || self == .noData || self == .remoteIO || self == .illegalByteSequence
  }
}
