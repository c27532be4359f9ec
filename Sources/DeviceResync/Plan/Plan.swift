/// What a run would do, and every guard's verdict: a value that touches no device.
public struct Plan: Sendable {
  /// What was asked for.
  public let request: RunRequest
  /// What was found on the host.
  let host: Host
  /// The disk pairs, in the order in which they were named.
  public let pairs: [PlannedPair]
  /// Why differences go where the request says; nil where none is written.
  let writeBackReason: String?
  /// What is remembered of the disks.
  let state: StateView

  /// What the run would return without starting: the first refused pair's value; nil where it may start.
  public var refusal: ReturnValue? {
    pairs.lazy.compactMap(\.refusal).first
  }

  /// Whether all that is in the way is about to go away by itself.
  var isEnding: Bool {
    let inTheWay = pairs.flatMap(\.guards).filter(\.isInTheWay)
    return !inTheWay.isEmpty && inTheWay.allSatisfy(\.isEnding)
  }

  /// Whether all that is in the way may be gone in a moment.
  var mayPass: Bool {
    let inTheWay = pairs.flatMap(\.guards).filter(\.isInTheWay)
    return !inTheWay.isEmpty && inTheWay.allSatisfy(\.mayBeBrief)
  }

  /// The pairs' numbers in lanes, each in ascending order: pairs that lie on one rotational disk are in one, since
  /// side by side they would keep its heads moving.
  var lanes: [[Int]] { Self.lanes(of: pairs.map(\.rotationalDisks)) }

  static func lanes(of disks: [Set<DeviceNumber>]) -> [[Int]] {
    var lanes: [(pairs: [Int], disks: Set<DeviceNumber>)] = []
    for (index, disks) in disks.enumerated() {
      // A pair on two disks joins what was apart.
      let joined = lanes.filter { !$0.disks.isDisjoint(with: disks) }
      lanes.removeAll { !$0.disks.isDisjoint(with: disks) }
      lanes.append((joined.flatMap(\.pairs).sorted() + [index], joined.reduce(disks) { $0.union($1.disks) }))
    }
    return lanes.map(\.pairs).sorted { $0[0] < $1[0] }
  }

  /// What one can go back by now; nil where nothing is kept.
  var recoveryPoint: RecoveryPoint? {
    state.pairs.flatMap(state.remembered.relationship)?.recoveryPoint
  }

  /// Whether the run over which one can go back was stopped.
  var leadsOverStopped: Bool {
    state.pairs.flatMap(state.remembered.relationship)?.isStoppedOverPoint == true
  }

  /// What was not looked at.
  public var notice: String {
    let asked = host.hosted.found.asked.map { "\(PrintableText($0))" }
    return "only this host's devices and processes were looked at; "
      + (asked.isEmpty ? "no VM was asked" : "of VMs only \(asked.joined(separator: ", ")) was asked")
  }
}

/// One disk pair of a plan.
public struct PlannedPair: Sendable {
  /// The disk that is read.
  public let primary: NamedDisk
  /// The disk that is written.
  public let recovery: NamedDisk
  /// How still the primary holds.
  public let sourceMode: SourceMode
  /// What the recovery is known to be; nil where no run has written it.
  public let recoveryState: Consistency?
  /// Whether no run of the two is known to have gone through.
  let isFirstRun: Bool
  /// What moves the bytes.
  let engine: Engine
  /// What becomes of zeros that replace data.
  let zero: RunRequest.Zero
  /// Every guard's verdict.
  public let guards: [GuardVerdict]

  /// The value of the guards that refuse; nil where none does.
  public var refusal: ReturnValue? {
    ReturnValue.foremost(of: guards.filter(\.isInTheWay).map(\.returnValue))
  }

  /// One side of the pair.
  subscript(side: Side) -> NamedDisk { side == .primary ? primary : recovery }

  /// Whether reading both sides at once would keep one disk's heads moving.
  let sharesRotationalDisk: Bool
  /// The disks with heads that either side lies on.
  let rotationalDisks: Set<DeviceNumber>

  init(_ facts: PairFacts) {
    sharesRotationalDisk = facts.sharesRotationalDisk
    rotationalDisks = Side.allCases.reduce(into: []) { found, side in
      found.formUnion(facts.host.rotationalDisks(of: facts[side]))
    }
    primary = facts.primary
    recovery = facts.recovery
    sourceMode = SourceGuard.mode(facts)
    recoveryState = facts.recoveryState
    isFirstRun = facts.isFirstRun
    // Where there is none, the guard refuses the pair.
    engine = (try? Engine(facts.request.engine, ringRefusal: facts.ringRefusal)) ?? .threads
    zero = facts.request.zero ?? facts.recovery.defaultZero
    guards = judge(facts)
  }
}

extension Plan {
  init(_ request: RunRequest, _ pairs: [PairFacts]) {
    var request = request
    var pairs = pairs
    if request.writes {
      let choice = WriteBackChoice(request, pairs)
      request.writeBack = choice.writeBack
      request.verifies = request.readsBack
      for index in pairs.indices { pairs[index].request = request }
      writeBackReason = choice.reason
    } else {
      writeBackReason = nil
    }
    self.request = request
    host = pairs.first?.host ?? Host()
    state = pairs.first?.state ?? StateView()
    self.pairs = pairs.map(PlannedPair.init)
  }
}

extension NamedDisk {
  /// Thin where the recovery is thin already: an image with holes.
  var defaultZero: RunRequest.Zero { image?.isSparse == true ? .thin : .data }

  /// The whole disk on which it lies; nil for an image to which a loop is yet to be attached, locked.
  var wholeDisk: BlockDevice? {
    guard let device = device ?? image?.wholeLoop else { return nil }
    return device.disk.flatMap { name in related.first { $0.name == name } } ?? device
  }
}
