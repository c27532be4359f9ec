import Testing

@testable import DeviceResync

/// What befalls a run.
enum Blow: Sendable, CustomStringConvertible {
  case none
  /// Its worker is killed, in this part of the time that a run takes, in percent.
  case killed(atPercent: Int)
  /// Its worker is killed before a thread's call of this number.
  case killedAt(call: String, number: Int)
  /// Its worker is killed while such a request waits, after others that do not.
  case killedIn(Disk, kind: String, skipping: Int)
  /// Such a request fails, once.
  case failed(Disk, kind: String, skipping: Int)

  enum Disk: String, Sendable, CaseIterable { case recovery, host }

  /// What a disk is asked for.
  struct Request: Sendable, Hashable {
    let disk: Disk
    /// As a fault disk calls it.
    let kind: String
  }

  var description: String {
    switch self {
    case .none: "nothing"
    case .killed(let percent): "SIGKILL after \(percent) %"
    case .killedAt(let call, let number): "SIGKILL at \(call) \(number)"
    case .killedIn(let disk, let kind, let number): "SIGKILL in \(kind) \(number) of the \(disk)"
    case .failed(let disk, let kind, let number): "\(kind) \(number) of the \(disk) fails"
    }
  }

  /// One of all kinds.
  static func random(using random: inout SplitMix64) -> Blow {
    func pick<Choice>(_ choices: [Choice]) -> Choice { choices[.random(in: choices.indices, using: &random)] }
    let disk = pick(Disk.allCases)
    let kind = pick(["read", "write", "sync"])
    let number = Int.random(in: 0...pick([1, 6, 24]), using: &random)
    switch Int.random(in: 0..<10, using: &random) {
    case 0: return .none
    case 1..<5: return .killed(atPercent: .random(in: 0..<100, using: &random))
    case 5..<7:
      return .killedAt(call: pick(CrashPair.calls), number: number + 1)
    case 7..<9: return .killedIn(disk, kind: kind, skipping: number)
    default: return .failed(disk, kind: kind, skipping: number)
    }
  }
}

/// How often what has happened.
struct PowerFigures: Sendable, CustomStringConvertible {
  var cycles = 0
  var runs = 0
  var kills = 0
  var faults = 0
  var rolledForward = 0

  mutating func count(_ ended: Ended, _ blow: Blow) {
    runs += 1
    if ended.wasKilled { kills += 1 }
    if case .failed = blow, ended.status != 0 { faults += 1 }
  }

  var description: String {
    "\(cycles) cycles: \(runs) runs, each with a power cut; \(kills) killed, \(faults) ended by a fault, "
      + "\(rolledForward) commits finished by the next run"
  }
}
