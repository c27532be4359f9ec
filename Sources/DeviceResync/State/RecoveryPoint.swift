/// What a run keeps, or is about to keep, to go back by: where it lies.
public struct PlannedPoint: Sendable, Hashable, Codable {
  /// Its UUID: the way back is a run of this name.
  public var id: UniqueID
  /// How the old content is kept.
  public var kind: RecoveryPointKind
  /// Its files: one in all of undo, one for each pair of a snapshot.
  public var places: [StagingPlace]

  enum CodingKeys: String, CodingKey {
    case id = "RecoveryPoint"
    case kind = "Kind"
    case places = "Files"
  }
}

/// What was kept, when all of it is on stable storage.
enum KeptContent: Sendable, Hashable {
  /// The seal of the undo file.
  case undo(CommitSeal)
  /// The clones of all images.
  case snapshot([DiskEvidence.File])

  var kind: RecoveryPointKind {
    switch self {
    case .undo: .undo
    case .snapshot: .snapshot
    }
  }
}

/// The old content of a relationship's recoveries, all of them together, kept so that one can go back (PITFALLS G4).
///
/// It is there from the commit of the run on that made it, and as long as the record says.
public struct RecoveryPoint: Sendable, Hashable {
  /// Its name and its files.
  public var files: PlannedPoint
  /// The run over which one goes back.
  public var run: UniqueID
  /// When that was committed, or began to write.
  public var made: Timestamp
  /// What the undo file ends with; nil of a snapshot.
  public var seal: CommitSeal?
  /// The clones, when they were taken; nil of an undo file.
  public var clones: [DiskEvidence.File]?
  /// The images of a snapshot after the run's last flush; nil where it has not come so far.
  public var images: [DiskEvidence.File]?
  /// What the relationship was before.
  public var before: Consistency.Settled
  /// What each recovery was before, whatever run had left it so; nil where none had.
  public var disksBefore: [Consistency.Settled?]

  /// How long it is kept, in seconds: a run or repair removes what is older.
  static let lifetime: Int64 = 7 * 24 * 3600

  /// Until when it is kept.
  public var expires: Timestamp { Timestamp(seconds: made.seconds + Self.lifetime) ?? made }

  /// How the old content is kept.
  public var kind: RecoveryPointKind { files.kind }
}

extension RecoveryPoint {
  /// Of `run`, which is about to change the recoveries.
  ///
  /// What a commit before it had left unfinished is dropped when it ends: nobody can finish that any more.
  init(
    _ files: PlannedPoint, of run: UniqueID, _ content: KeptContent, before: Consistency.Settled,
    disksBefore: [Consistency.Settled?], made: Timestamp = .now()
  ) {
    switch content {
    case .undo(let seal): self.seal = seal
    case .snapshot(let clones): self.clones = clones
    }
    self.files = files
    self.run = run
    self.made = made
    self.before = before.withoutSeal
    self.disksBefore = disksBefore.map { $0?.withoutSeal }
  }
}

extension Consistency.Settled {
  /// The same, with no commit that could be finished.
  var withoutSeal: Self {
    guard case .inconsistent(var left) = self else { return self }
    left.seal = nil
    return .inconsistent(left)
  }
}

extension RecoveryPoint: Codable {
  enum CodingKeys: String, CodingKey {
    case run = "Run"
    case made = "MadeAt"
    case seal = "Seal"
    case clones = "Clones"
    case images = "Images"
    case before = "Before"
    case disksBefore = "DisksBefore"
  }

  /// Reads the object.
  public init(from decoder: any Decoder) throws {
    files = try PlannedPoint(from: decoder)
    let container = try decoder.container(keyedBy: CodingKeys.self)
    run = try container.decode(UniqueID.self, forKey: .run)
    made = try container.decode(Timestamp.self, forKey: .made)
    seal = try container.decodeIfPresent(CommitSeal.self, forKey: .seal)
    clones = try container.decodeIfPresent([DiskEvidence.File].self, forKey: .clones)
    images = try container.decodeIfPresent([DiskEvidence.File].self, forKey: .images)
    before = try container.decode(Consistency.Settled.self, forKey: .before)
    disksBefore = try container.decode([Consistency.Settled?].self, forKey: .disksBefore)
  }

  /// Writes the object.
  public func encode(to encoder: any Encoder) throws {
    try files.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(run, forKey: .run)
    try container.encode(made, forKey: .made)
    try container.encodeIfPresent(seal, forKey: .seal)
    try container.encodeIfPresent(clones, forKey: .clones)
    try container.encodeIfPresent(images, forKey: .images)
    try container.encode(before, forKey: .before)
    try container.encode(disksBefore, forKey: .disksBefore)
  }
}

extension PlannedPoint {
  /// What makes no sense in it, of a relationship of so many pairs; nil where all does.
  func fault(pairs: Int) -> String? {
    guard places.count == (kind == .undo ? 1 : pairs) else { return "its recovery point has too many files" }
    for place in places {
      guard place.path.hasPrefix("/"), RecordFormat.isPath(place.path) else {
        return "its recovery point has no absolute path"
      }
      // Nothing but what we have named ourselves is ever removed by what a record says.
      guard place.path.split(separator: "/").last?.contains("\(id)") == true else {
        return "its recovery point is not called as it is"
      }
      guard place.fileSystem.utf8.count <= PersistentIdentity.limit else {
        return "its recovery point's file system has a name that is too long"
      }
    }
    return nil
  }
}

extension RecoveryPoint {
  /// What makes no sense in it, of a relationship of so many pairs; nil where all does.
  func fault(pairs: Int) -> String? {
    if let fault = files.fault(pairs: pairs) { return fault }
    guard run != files.id else { return "its recovery point is the run's own" }
    guard disksBefore.count == pairs else { return "its recovery point is of other pairs" }
    guard (seal != nil) == (kind == .undo), seal.map({ $0.run == files.id }) ?? true else {
      return "its recovery point has another's seal"
    }
    guard (clones != nil) == (kind == .snapshot), images == nil || kind == .snapshot,
      [clones, images].allSatisfy({ $0 == nil || $0?.count == pairs })
    else { return "its recovery point has others' clones" }
    return ([before] + disksBefore.compactMap { $0 }).lazy.compactMap(\.fault).first
  }
}
