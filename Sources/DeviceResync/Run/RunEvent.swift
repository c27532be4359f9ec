/// What a run says while it goes: the one way in which the outside hears of it.
public enum RunEvent: Sendable {
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
}

/// What a run is doing.
public enum RunPhase: String, Sendable, Codable {
  case claiming, settling, comparing, asking, applying, flushing, verifying, checking
}

/// How far a run is, in bytes of one side.
public struct RunProgress: Sendable, Equatable {
  /// Which pair, counted from 0.
  public var pair: Int
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
  /// Seconds since the run began.
  public var seconds: Double
  /// Seconds for which no request has ended while some were in flight; 0 while things move.
  public var secondsWaiting: Double
}
