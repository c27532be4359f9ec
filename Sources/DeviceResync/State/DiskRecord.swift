/// What is remembered of a disk: `disks/HASH.json`.
public struct DiskRecord: Sendable, Hashable {
  /// Which way the last completed run of this disk with another one went, or the next one is to go.
  public struct Direction: Sendable, Hashable, Codable {
    /// The other disk.
    public var counterpart: PersistentIdentity
    /// What this disk was.
    public var side: Side
    /// When that run ended.
    public var at: Timestamp
    /// The relationship that it belonged to.
    public var relationship: UniqueID
    /// Whether no run has gone this way yet: the roles were exchanged.
    public var isReversal = false

    enum CodingKeys: String, CodingKey {
      case counterpart = "Counterpart"
      case side = "WasPrimary"
      case at = "At"
      case relationship = "Relationship"
      case isReversal = "ByReverse"
    }

    init(
      counterpart: PersistentIdentity, side: Side, at: Timestamp, relationship: UniqueID,
      isReversal: Bool = false
    ) {
      self.isReversal = isReversal
      self.counterpart = counterpart
      self.side = side
      self.at = at
      self.relationship = relationship
    }

    /// Reads the object.
    public init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      counterpart = try container.decode(PersistentIdentity.self, forKey: .counterpart)
      side = try container.decode(Bool.self, forKey: .side) ? .primary : .recovery
      at = try container.decode(Timestamp.self, forKey: .at)
      relationship = try container.decode(UniqueID.self, forKey: .relationship)
      isReversal = try container.decodeIfPresent(Bool.self, forKey: .isReversal) ?? false
    }

    /// Writes the object.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(counterpart, forKey: .counterpart)
      try container.encode(side == .primary, forKey: .side)
      try container.encode(at, forKey: .at)
      try container.encode(relationship, forKey: .relationship)
      if isReversal { try container.encode(isReversal, forKey: .isReversal) }
    }
  }

  /// The disk as it was last seen.
  public var disk: RelationshipState.Disk
  /// The relationships in which it is the primary.
  public var primaryOf: [UniqueID] = []
  /// The relationships in which it is the recovery.
  public var recoveryOf: [UniqueID] = []
  /// What the last run that wrote it left it as; nil where none has.
  ///
  /// A relationship in which it is the recovery, and which is Applying, counts more.
  public var state: Consistency.Settled?
  /// One for each disk that it was paired with in a completed run.
  public var directions: [Direction] = []
  /// When it was last proven equal to another disk, byte by byte; it may have been written since.
  public var lastProvenEqual: Timestamp?

  /// A disk of which nothing is known yet.
  init(_ disk: RelationshipState.Disk) { self.disk = disk }

  /// Most relationships on one side, and most directions.
  static let mostEntries = 256

  /// Notes that a completed run went this way; of too many the oldest of that side is forgotten.
  mutating func note(_ direction: Direction) {
    directions.removeAll { $0.counterpart == direction.counterpart }
    let sameSide = directions.filter { $0.side == direction.side }
    if sameSide.count >= Self.mostEntries / 2, let oldest = sameSide.min(by: { $0.at < $1.at }) {
      directions.removeAll { $0 == oldest }
    }
    directions.append(direction)
  }

  /// Lists a relationship; false where it was listed.
  mutating func list(_ relationship: UniqueID, as side: Side) -> Bool {
    switch side {
    case .primary: Self.list(relationship, in: &primaryOf)
    case .recovery: Self.list(relationship, in: &recoveryOf)
    }
  }

  private static func list(_ relationship: UniqueID, in list: inout [UniqueID]) -> Bool {
    guard !list.contains(relationship) else { return false }
    list.append(relationship)
    return true
  }
}

extension DiskRecord: Codable {
  enum CodingKeys: String, CodingKey {
    case formatVersion = "FormatVersion"
    case disk = "Disk"
    case primaryOf = "PrimaryOf"
    case recoveryOf = "RecoveryOf"
    case state = "Consistency"
    case directions = "Directions"
    case lastProvenEqual = "LastProvenEqual"
  }

  /// Reads the object; its version was looked at before.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    disk = try container.decode(RelationshipState.Disk.self, forKey: .disk)
    primaryOf = try container.decode([UniqueID].self, forKey: .primaryOf)
    recoveryOf = try container.decode([UniqueID].self, forKey: .recoveryOf)
    state = try container.decodeIfPresent(Consistency.Settled.self, forKey: .state)
    directions = try container.decode([Direction].self, forKey: .directions)
    lastProvenEqual = try container.decodeIfPresent(Timestamp.self, forKey: .lastProvenEqual)
  }

  /// Writes the object.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(RecordFormat.version, forKey: .formatVersion)
    try container.encode(disk, forKey: .disk)
    try container.encode(primaryOf, forKey: .primaryOf)
    try container.encode(recoveryOf, forKey: .recoveryOf)
    try container.encodeIfPresent(state, forKey: .state)
    try container.encode(directions, forKey: .directions)
    try container.encodeIfPresent(lastProvenEqual, forKey: .lastProvenEqual)
  }
}

extension DiskRecord: StoredRecord {
  func fault(as name: RecordName) -> String? {
    guard name == .disk(disk.identity) else { return "it is of another disk than its name says" }
    guard RecordFormat.isPath(disk.path), disk.size > 0 else { return "the disk has no path or no bytes" }
    let lists = [primaryOf.count, recoveryOf.count, directions.count]
    guard lists.allSatisfy({ $0 <= Self.mostEntries }) else {
      return "it lists more than \(Self.mostEntries)"
    }
    let counterparts = Set(directions.map(\.counterpart))
    guard counterparts.count == directions.count, !counterparts.contains(disk.identity) else {
      return "its directions contradict each other"
    }
    return state?.fault
  }
}
