/// What a run says while it goes: the one way in which the outside hears of it.
public enum RunEvent: Sendable, Codable {
  /// A new phase has begun.
  case phase(RunPhase, pair: Int)
  /// How far it is; a few times a second.
  case progress(RunProgress)
  /// A pair's comparison is over: how many bytes differ.
  case differences(bytes: UInt64, pair: Int)
  /// Differences of `compare`, in ascending order, where all were asked for.
  case ranges([ByteRange], pair: Int)
  /// A person must decide before the run goes on; ``RunControl/answer(_:)`` carries the answer.
  case question(RunQuestion)
  /// Something failed.
  case error(ResyncError, pair: Int)
  /// What a phase waits for: block devices whose counts, in sysfs, show that it is alive.
  ///
  /// Of the pair of that number, where several are worked on side by side; else of the run.
  case waiting(for: [DeviceNumber], pair: Int?)
  /// A commit stands: so many bytes are to be written from here on, and the way is forward.
  case committed(bytes: UInt64)
  /// What was committed is applied, durable and marked as such.
  case applied
  /// A request to end has arrived; what is under way is waited for.
  case ending
  /// A sign of life, a few times a second, and what was asked of the kernel when nothing has moved since the last.
  case activity(movements: UInt64, waiting: [Activity])
  /// The same for each of the pairs that are worked on side by side; none where they are not.
  case pairs([PairActivity])
}

/// Whether one of several pairs that are worked on side by side moves.
public struct PairActivity: Sendable, Equatable, Codable {
  /// Its number, from 0.
  public var pair: Int
  /// Calls and requests that have begun or ended: while it grows, the pair is alive.
  public var movements: UInt64
  /// What was asked of the kernel when nothing has moved since the last.
  public var waiting: [Activity]
}

/// What a run is doing.
public enum RunPhase: String, Sendable, Codable {
  case planning, claiming, settling, comparing, asking, sealing, committing, applying, flushing, verifying,
    checking
  /// The final state is made durable.
  case recording
  /// What was opened is let go of.
  case closing
}

/// How far a run is, in bytes of one side.
public struct RunProgress: Sendable, Equatable, Codable {
  /// Which pair, counted from 0; the first of those that are worked on side by side.
  public var pair: Int
  /// Those that are worked on side by side, in ascending order; empty where one is at a time.
  public var working: [Int]
  /// Of how many.
  public var pairs: Int
  /// What it is doing.
  public var phase: RunPhase
  /// Bytes of this pair that are dealt with, holes included.
  public var pairDone: UInt64
  /// Bytes of this pair.
  public var pairTotal: UInt64
  /// Bytes of all pairs that are dealt with.
  public var callDone: UInt64
  /// Bytes of all pairs.
  public var callTotal: UInt64
  /// Bytes found different in all pairs so far.
  public var bytesDifferent: UInt64
  /// Bytes whose write to a recovery has ended well.
  public var bytesWritten: UInt64
  /// Seconds since the run began.
  public var seconds: Double
  /// Seconds for which no request has ended while some were in flight; 0 while things move.
  public var secondsWaiting: Double
}

extension RunProgress {
  /// How far the call is, from 0 to 100.
  public var percent: Int {
    callTotal == 0 ? 100 : Int(Double(min(callDone, callTotal)) / Double(callTotal) * 100)
  }

  /// Reads progress; what no run can have come to is refused, since texts are made from it.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    pair = try container.decode(Int.self, forKey: .pair)
    working = try container.decode([Int].self, forKey: .working)
    pairs = try container.decode(Int.self, forKey: .pairs)
    phase = try container.decode(RunPhase.self, forKey: .phase)
    pairDone = try container.decode(UInt64.self, forKey: .pairDone)
    pairTotal = try container.decode(UInt64.self, forKey: .pairTotal)
    callDone = try container.decode(UInt64.self, forKey: .callDone)
    callTotal = try container.decode(UInt64.self, forKey: .callTotal)
    bytesDifferent = try container.decode(UInt64.self, forKey: .bytesDifferent)
    bytesWritten = try container.decode(UInt64.self, forKey: .bytesWritten)
    seconds = try container.decode(Double.self, forKey: .seconds)
    secondsWaiting = try container.decode(Double.self, forKey: .secondsWaiting)
    let isPossible =
      pair >= 0 && pair < pairs && pairDone <= pairTotal && callDone <= callTotal
      && working.allSatisfy((0..<max(0, pairs)).contains) && working.count <= RelationshipState.mostPairs
      && [seconds, secondsWaiting].allSatisfy { $0 >= 0 && $0 < 1e12 }
    guard isPossible else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "no run can have come to this"))
    }
  }
}
