/// What is remembered of a relationship: `states/UUID.json`.
public struct RelationshipState: Sendable, Hashable {
  /// A disk as it was last seen.
  public struct Disk: Sendable, Hashable, Codable {
    /// What it is known by.
    public var identity: PersistentIdentity
    /// The path that led to it.
    public var path: String
    /// Size, in bytes.
    public var size: UInt64

    /// Creates a disk.
    public init(identity: PersistentIdentity, path: String, size: UInt64) {
      self.identity = identity
      self.path = path
      self.size = size
    }

    enum CodingKeys: String, CodingKey {
      case identity = "Identity"
      case path = "Path"
      case size = "Size"
    }
  }

  /// A disk pair.
  public struct Pair: Sendable, Hashable, Codable {
    /// The disk that is read.
    public var primary: Disk
    /// The disk that is written.
    public var recovery: Disk

    /// Creates a pair.
    public init(primary: Disk, recovery: Disk) {
      self.primary = primary
      self.recovery = recovery
    }

    enum CodingKeys: String, CodingKey {
      case primary = "Primary"
      case recovery = "Recovery"
    }

    subscript(side: Side) -> Disk { side == .primary ? primary : recovery }
  }

  /// The relationship's UUID.
  public let id: UniqueID
  /// What it was called in the configuration when a run last began; nil for disks that were named.
  public var name: String?
  /// Its disk pairs, in their order: for explicit pairs this set is what makes it the same relationship.
  public var pairs: [Pair]
  /// The consistency state.
  public var consistency: Consistency
  /// The last runs that went through, the latest first.
  public var completed: [CompletedRun]
  /// What one can go back by, or is going back by; nil where nothing is kept.
  public var recoveryPoint: RecoveryPoint?
  /// What is not needed any more, and may still have files.
  var obsoletePoints: [PlannedPoint] = []
  /// That its recovery is live; nil where it is not known to be.
  public var failedOver: FailedOver?
  /// When a failover was taken back: until a run has gone through since, what the recovery holds is nobody's knowledge.
  public var liveUntil: Timestamp?
  /// Its last exchange of roles; nil where there was none.
  public var reversal: Reversal?

  /// Most runs that are remembered.
  static let mostCompleted = 5
  /// Most pairs.
  static let mostPairs = 128

  /// Whether it consists of just these pairs, in this order.
  func isOf(_ others: [Pair]) -> Bool {
    pairs.count == others.count
      && zip(pairs, others).allSatisfy { mine, other in
        mine.primary.identity == other.primary.identity && mine.recovery.identity == other.recovery.identity
      }
  }

  /// Whether `identity` takes part on `side`.
  func has(_ identity: PersistentIdentity, as side: Side) -> Bool {
    pairs.contains { $0[side].identity == identity }
  }

  /// What messages call its recoveries.
  var recoveryNames: String { pairs.map { "\(PrintableText($0.recovery.path))" }.joined(separator: ", ") }
}

extension RelationshipState: Codable {
  enum CodingKeys: String, CodingKey {
    case formatVersion = "FormatVersion"
    case id = "Relationship"
    case name = "RelationshipName"
    case pairs = "Pairs"
    case consistency = "Consistency"
    case completed = "CompletedRuns"
    case recoveryPoint = "RecoveryPoint"
    case obsoletePoints = "ObsoleteRecoveryPoints"
    case failedOver = "FailedOver"
    case liveUntil = "LiveUntil"
    case reversal = "Reversal"
  }

  /// Reads the object; its version was looked at before.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    id = try container.decode(UniqueID.self, forKey: .id)
    name = try container.decodeIfPresent(String.self, forKey: .name)
    pairs = try container.decode([Pair].self, forKey: .pairs)
    consistency = try container.decode(Consistency.self, forKey: .consistency)
    completed = try container.decode([CompletedRun].self, forKey: .completed)
    recoveryPoint = try container.decodeIfPresent(RecoveryPoint.self, forKey: .recoveryPoint)
    obsoletePoints = try container.decodeIfPresent([PlannedPoint].self, forKey: .obsoletePoints) ?? []
    failedOver = try container.decodeIfPresent(FailedOver.self, forKey: .failedOver)
    liveUntil = try container.decodeIfPresent(Timestamp.self, forKey: .liveUntil)
    reversal = try container.decodeIfPresent(Reversal.self, forKey: .reversal)
  }

  /// Writes the object.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(RecordFormat.version, forKey: .formatVersion)
    try container.encode(id, forKey: .id)
    try container.encodeIfPresent(name, forKey: .name)
    try container.encode(pairs, forKey: .pairs)
    try container.encode(consistency, forKey: .consistency)
    try container.encode(completed, forKey: .completed)
    try container.encodeIfPresent(recoveryPoint, forKey: .recoveryPoint)
    if !obsoletePoints.isEmpty { try container.encode(obsoletePoints, forKey: .obsoletePoints) }
    try container.encodeIfPresent(failedOver, forKey: .failedOver)
    try container.encodeIfPresent(liveUntil, forKey: .liveUntil)
    try container.encodeIfPresent(reversal, forKey: .reversal)
  }
}

extension RelationshipState: StoredRecord {
  func fault(as name: RecordName) -> String? {
    guard name == .relationship(id) else { return "it is of another relationship than its name says" }
    guard (1...Self.mostPairs).contains(pairs.count) else { return "it has \(pairs.count) pairs" }
    guard self.name.map(RelationshipWords.isName) != false else { return "its name is empty or too long" }
    let disks = pairs.map(\.recovery.identity) + Set(pairs.map(\.primary.identity))
    guard Set(disks).count == disks.count else { return "a disk is written twice, or read and written" }
    let paths = pairs.flatMap { [$0.primary.path, $0.recovery.path] }
    guard paths.allSatisfy(RecordFormat.isPath) else { return "a disk's path is empty or too long" }
    guard pairs.allSatisfy({ $0.primary.size > 0 && $0.recovery.size > 0 }) else {
      return "a disk has no bytes"
    }
    guard completed.count <= Self.mostCompleted else { return "it lists \(completed.count) completed runs" }
    return fault(consistency) ?? pointFault ?? rolesFault
  }

  private func fault(_ consistency: Consistency) -> String? {
    switch consistency {
    case .settled(let settled): settled.fault ?? settled.run.flatMap(fault)
    case .resynchronizing(let run, let before):
      run.fault ?? before.fault ?? fault(run) ?? before.run.flatMap(fault)
    case .applying(let run, let seal): run.fault(with: seal) ?? fault(run)
    }
  }

  private func fault(_ run: RunRecord) -> String? {
    run.checkpoint?.fault(in: run, of: pairs) ?? run.point?.fault(pairs: pairs.count)
  }
}

extension Consistency.Settled {
  /// The run that left it Inconsistent.
  var run: RunRecord? {
    if case .inconsistent(let left) = self { return left.run }
    return nil
  }

  /// What makes no sense in it; nil where all does.
  var fault: String? {
    switch self {
    case .never, .consistent: nil
    case .fuzzy(let from, let to): from <= to ? nil : "it was read until before it began"
    case .inconsistent(let inconsistency):
      if let seal = inconsistency.seal {
        inconsistency.run.fault(with: seal)
      } else {
        inconsistency.run.fault
      }
    }
  }
}

extension RunRecord {
  fileprivate var fault: String? {
    if writeBack == .staged && staging == nil { return "a staged run has no staging file" }
    guard let staging else { return nil }
    guard staging.path.hasPrefix("/"), RecordFormat.isPath(staging.path) else {
      return "its staging file has no absolute path"
    }
    guard staging.path.hasSuffix("/\(id)") else { return "its staging file is not called as the run is" }
    return staging.fileSystem.utf8.count <= PersistentIdentity.limit
      ? nil : "its staging file system's name is too long"
  }

  fileprivate func fault(with seal: CommitSeal) -> String? {
    guard writeBack == .staged else { return "a run that was not staged was committed" }
    return seal.run == id ? fault : "the seal is another run's"
  }
}
