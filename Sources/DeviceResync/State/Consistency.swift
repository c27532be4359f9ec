/// The consistency state of a relationship: one for all its recoveries together (PITFALLS G4).
public enum Consistency: Sendable, Hashable {
  /// No run works on it.
  case settled(Settled)
  /// A run compares and stages; nothing has been written to a recovery, what was before stands.
  case resynchronizing(RunRecord, before: Settled)
  /// Committed: the recoveries become what the staging file says, and nothing leads back.
  case applying(RunRecord, CommitSeal)

  /// What a recovery is while no run works on it.
  public enum Settled: Sendable, Hashable {
    /// No run has completed yet.
    case never
    /// Equal to the primary, as it was at that time.
    case consistent(at: Timestamp)
    /// Read from a running source between those times: no point in time.
    case fuzzy(from: Timestamp, to: Timestamp)
    /// Old and new blocks mixed, or not proved.
    case inconsistent(Inconsistency)
  }

  /// Why a recovery is Inconsistent.
  public struct Inconsistency: Sendable, Hashable {
    /// Since when.
    public var since: Timestamp
    /// The run that left it so, or is about to write in place.
    public var run: RunRecord
    /// What was committed, where a commit was left unfinished.
    ///
    /// Its staging file is kept until the next completed run, and `repair` goes on with it.
    public var seal: CommitSeal?
  }

  /// The run that works, or worked, on it.
  public var run: RunRecord? {
    switch self {
    case .resynchronizing(let run, _), .applying(let run, _): run
    case .settled(.inconsistent(let inconsistency)): inconsistency.run
    case .settled: nil
    }
  }

  /// The word that users read.
  public var name: String {
    switch self {
    case .settled(let settled): settled.name
    case .resynchronizing: "Resynchronizing"
    case .applying: "Applying"
    }
  }
}

extension Consistency.Settled {
  /// The word that users read.
  public var name: String {
    switch self {
    case .never: "Never"
    case .consistent: "Consistent"
    case .fuzzy: "Fuzzy"
    case .inconsistent: "Inconsistent"
    }
  }
}

extension Consistency {
  /// The state with its times, for people.
  package var title: String {
    switch self {
    case .settled(.never): "Never resynchronized"
    case .settled(.consistent(let time)): "Consistent at \(time)"
    case .settled(.fuzzy(let from, let to)): "Fuzzy, read from \(from) to \(to)"
    case .settled(.inconsistent(let left)): "Inconsistent since \(left.since)"
    case .resynchronizing(let run, let before):
      "\(Consistency.settled(before).title); a run began at \(run.began)"
    case .applying(let run, _): "Applying since \(run.began)"
    }
  }
}

// JSON: `{"State": NAME}` and what belongs to that state. A key of another state is not looked at.

private enum StateKeys: String, CodingKey {
  case state = "State"
  case at = "At"
  case from = "From"
  case to = "To"
  case since = "Since"
  case run = "By"
  case seal = "Seal"
  case before = "Before"
}

extension Consistency: Codable {
  /// Reads the object.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: StateKeys.self)
    switch try container.decode(String.self, forKey: .state) {
    case "Resynchronizing":
      self = .resynchronizing(
        try container.decode(RunRecord.self, forKey: .run),
        before: try container.decode(Settled.self, forKey: .before))
    case "Applying":
      self = .applying(
        try container.decode(RunRecord.self, forKey: .run),
        try container.decode(CommitSeal.self, forKey: .seal))
    default:
      self = .settled(try Settled(from: decoder))
    }
  }

  /// Writes the object.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: StateKeys.self)
    switch self {
    case .settled(let settled): return try settled.encode(to: encoder)
    case .resynchronizing(let run, let before):
      try container.encode(run, forKey: .run)
      try container.encode(before, forKey: .before)
    case .applying(let run, let seal):
      try container.encode(run, forKey: .run)
      try container.encode(seal, forKey: .seal)
    }
    try container.encode(name, forKey: .state)
  }
}

extension Consistency.Settled: Codable {
  /// Reads the object.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: StateKeys.self)
    let state = try container.decode(String.self, forKey: .state)
    switch state {
    case "Never": self = .never
    case "Consistent": self = .consistent(at: try container.decode(Timestamp.self, forKey: .at))
    case "Fuzzy":
      self = .fuzzy(
        from: try container.decode(Timestamp.self, forKey: .from),
        to: try container.decode(Timestamp.self, forKey: .to))
    case "Inconsistent":
      self = .inconsistent(
        Consistency.Inconsistency(
          since: try container.decode(Timestamp.self, forKey: .since),
          run: try container.decode(RunRecord.self, forKey: .run),
          seal: try container.decodeIfPresent(CommitSeal.self, forKey: .seal)))
    default:
      throw DecodingError.dataCorruptedError(
        forKey: .state, in: container, debugDescription: "there is no state '\(state)'")
    }
  }

  /// Writes the object.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: StateKeys.self)
    try container.encode(name, forKey: .state)
    switch self {
    case .never: break
    case .consistent(let time): try container.encode(time, forKey: .at)
    case .fuzzy(let from, let to):
      try container.encode(from, forKey: .from)
      try container.encode(to, forKey: .to)
    case .inconsistent(let inconsistency):
      try container.encode(inconsistency.since, forKey: .since)
      try container.encode(inconsistency.run, forKey: .run)
      try container.encodeIfPresent(inconsistency.seal, forKey: .seal)
    }
  }
}
