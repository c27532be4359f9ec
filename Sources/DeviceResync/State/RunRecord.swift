import SystemPackage

/// A run that changes a relationship, as the state names it until it has ended.
public struct RunRecord: Sendable, Hashable, Codable {
  /// The run's UUID.
  public var id: UniqueID
  /// Where its differences go.
  public var writeBack: RunRequest.WriteBack
  /// Its staging file; nil in place.
  public var staging: StagingPlace?
  /// The boot in which it began.
  public var boot: UniqueID
  /// Its process.
  public var process: Int32
  /// When that process started, in clock ticks since boot: a later one may get its number (PITFALLS E3).
  public var processStart: UInt64
  /// When it began.
  public var began: Timestamp
  /// Whether the source runs, so that what is applied is no point in time; nil for no.
  public var isFuzzy: Bool?
  /// How far it has come before its commit, or in place; nil for not far.
  public var checkpoint: Checkpoint?
  /// What it keeps to go back by; nil for nothing.
  public var point: PlannedPoint?

  enum CodingKeys: String, CodingKey {
    case id = "Run"
    case writeBack = "WriteBack"
    case staging = "Staging"
    case boot = "BootID"
    case process = "Process"
    case processStart = "ProcessStart"
    case began = "Began"
    case isFuzzy = "Fuzzy"
    case checkpoint = "Checkpoint"
    case point = "Keeps"
  }

  /// Of this process, now.
  static func ours(
    _ writeBack: RunRequest.WriteBack, staging: StagingPlace?, id: UniqueID = .random()
  ) throws(ResyncError) -> RunRecord {
    let own = try ProcessIdentity.own()
    return RunRecord(
      id: id, writeBack: writeBack, staging: staging, boot: own.boot, process: own.id,
      processStart: own.start, began: .now())
  }

  /// Its process, told from every later one.
  var worker: ProcessIdentity { ProcessIdentity(id: process, start: processStart, boot: boot) }

  /// Whether its process is still there; a zombie's I/O may still be ending, which the claims tell (PITFALLS E1).
  func isAlive() throws(ResyncError) -> Bool {
    try attempt("look at", on: "process \(process)", .setUp) { () throws(Errno) in
      guard try bootID() == boot else { return false }
      return try startTime(of: process) == processStart
    }
  }
}

/// Where a staging file lies.
public struct StagingPlace: Sendable, Hashable, Codable {
  /// Its path.
  public var path: String
  /// Its file system, as ``PersistentIdentity`` names it: the path may lead to another one while it is not mounted.
  public var fileSystem: String

  /// Creates a place.
  public init(path: String, fileSystem: String) {
    self.path = path
    self.fileSystem = fileSystem
  }

  enum CodingKeys: String, CodingKey {
    case path = "Path"
    case fileSystem = "FileSystem"
  }
}

/// What was committed: the staging file ends with the same.
public struct CommitSeal: Sendable, Hashable, Codable {
  /// The run that wrote the staging file.
  public var run: UniqueID
  /// Records in it.
  public var records: UInt64
  /// Segments in it.
  public var segments: UInt64
  /// Bytes that applying it writes.
  public var bytes: UInt64
  /// Over all headers and checksums.
  public var hash: UInt128

  enum CodingKeys: String, CodingKey {
    case run = "Run"
    case records = "Records"
    case segments = "Segments"
    case bytes = "Bytes"
    case hash = "Hash"
  }

  /// Creates a seal.
  public init(run: UniqueID, records: UInt64, segments: UInt64, bytes: UInt64, hash: UInt128) {
    self.run = run
    self.records = records
    self.segments = segments
    self.bytes = bytes
    self.hash = hash
  }

  /// Reads the object.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    run = try container.decode(UniqueID.self, forKey: .run)
    records = try container.decode(UInt64.self, forKey: .records)
    segments = try container.decode(UInt64.self, forKey: .segments)
    bytes = try container.decode(UInt64.self, forKey: .bytes)
    hash = try container.decodeHash(forKey: .hash)
  }

  /// Writes the object.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(run, forKey: .run)
    try container.encode(records, forKey: .records)
    try container.encode(segments, forKey: .segments)
    try container.encode(bytes, forKey: .bytes)
    try container.encode(hash.hexadecimal, forKey: .hash)
  }
}

/// What a run that went through found, for the next ones' judgement (`--max-difference`) and `status`.
public struct CompletedRun: Sendable, Hashable, Codable {
  /// The run's UUID.
  public var id: UniqueID
  /// When it began.
  public var began: Timestamp
  /// When it ended.
  public var ended: Timestamp
  /// Bytes compared, of all pairs.
  public var bytesCompared: UInt64
  /// Bytes that differed.
  public var bytesDifferent: UInt64

  /// Creates the counters of a run.
  public init(
    id: UniqueID, began: Timestamp, ended: Timestamp, bytesCompared: UInt64, bytesDifferent: UInt64
  ) {
    self.id = id
    self.began = began
    self.ended = ended
    self.bytesCompared = bytesCompared
    self.bytesDifferent = bytesDifferent
  }

  enum CodingKeys: String, CodingKey {
    case id = "Run"
    case began = "Began"
    case ended = "Ended"
    case bytesCompared = "BytesCompared"
    case bytesDifferent = "BytesDifferent"
  }
}
