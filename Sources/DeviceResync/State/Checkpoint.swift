/// How far a run has come, durably, and what shows that its disks are still what it compared (PITFALLS G3).
public struct Checkpoint: Sendable, Hashable, Codable {
  /// One disk pair's part of it.
  public struct Pair: Sendable, Hashable, Codable {
    /// The pair's number in the relationship, from 0.
    public var index: Int
    /// All before it is dealt with, in bytes.
    public var offset: UInt64
    /// What was seen of both disks before the first byte was compared.
    public var primary: DiskEvidence
    /// The same of the recovery; where it was written, after the last flush.
    public var recovery: DiskEvidence
    /// What was found in place before the offset; nil where a staging file tells it, or nobody needs to know.
    public var found: Found?

    enum CodingKeys: String, CodingKey {
      case index = "Pair"
      case offset = "Offset"
      case primary = "Primary"
      case recovery = "Recovery"
      case found = "Found"
    }

    subscript(side: Side) -> DiskEvidence { side == .primary ? primary : recovery }
  }

  /// What a run in place found and wrote before its checkpoint.
  public struct Found: Sendable, Hashable, Codable {
    /// Bytes that were compared; the others are holes of both sides.
    public var bytesCompared: UInt64
    /// Bytes in differing blocks, all of which were written.
    public var bytesDifferent: UInt64
    /// Bytes of these that were punched out.
    public var bytesZeroed: UInt64
    /// Runs of adjacent differing blocks.
    public var differentRanges: UInt64
    /// Where the last of them ends; nil without one.
    public var lastDifference: UInt64?

    enum CodingKeys: String, CodingKey {
      case bytesCompared = "BytesCompared"
      case bytesDifferent = "BytesDifferent"
      case bytesZeroed = "BytesZeroed"
      case differentRanges = "DifferentRanges"
      case lastDifference = "LastDifference"
    }

    /// Whether it can be true of the first `offset` bytes of a disk.
    fileprivate func fits(_ offset: UInt64) -> Bool {
      bytesCompared <= offset && bytesDifferent <= bytesCompared && bytesZeroed <= bytesDifferent
        && differentRanges <= bytesDifferent && lastDifference ?? 0 <= offset
    }
  }

  /// How much of the staging file is on stable storage.
  public struct Staged: Sendable, Hashable {
    /// Whether there was no room for the bytes of all differences: the file tells where they are.
    public var lacksBytes = false
    /// Segments.
    public var segments: UInt64
    /// Bytes up to the end of the last of them.
    public var length: UInt64
    /// XXH3, 128 bits, over the header and every index, in order.
    public var hash: UInt128
  }

  /// Whether holes were read too.
  public var readsHoles: Bool
  /// The pairs that were begun, in the relationship's order: several are compared side by side, and not all that are
  /// before another.
  public var pairs: [Pair]
  /// Of a staged run; nil in place.
  public var staged: Staged?

  enum CodingKeys: String, CodingKey {
    case readsHoles = "ReadsHoles"
    case pairs = "Pairs"
    case staged = "Staged"
  }

  /// Whether what was seen of every disk can show that it is unchanged.
  var isProvable: Bool { pairs.allSatisfy { $0.primary.gap == nil && $0.recovery.gap == nil } }

  /// The same of a run that writes to the recoveries: no earlier look at them shows anything.
  func whileWriting() -> Checkpoint {
    var written = self
    for index in written.pairs.indices { written.pairs[index].recovery = .whileWriting }
    return written
  }

  /// What makes no sense in it, in a relationship of `disks`; nil where all does.
  func fault(in run: RunRecord, of disks: [RelationshipState.Pair]) -> String? {
    let isAscending = zip(pairs, pairs.dropFirst()).allSatisfy { $0.index < $1.index }
    guard !pairs.isEmpty, isAscending, pairs.allSatisfy({ disks.indices.contains($0.index) }) else {
      return "its checkpoint is of other pairs"
    }
    guard (run.writeBack == .staged) == (staged != nil) else {
      return "its checkpoint is of another kind of run"
    }
    let isInside = pairs.allSatisfy { pair in
      pair.offset <= disks[pair.index].primary.size && pair.found?.fits(pair.offset) ?? true
    }
    guard isInside else { return "its checkpoint lies beyond a disk" }
    if let staged, !staged.length.isMultiple(of: 4096) || staged.length > UInt64(Int64.max) {
      return "its checkpoint's staging file has an impossible length"
    }
    let gaps = pairs.flatMap { [$0.primary.gap, $0.recovery.gap] }.compactMap { $0 }
    return gaps.allSatisfy { $0.utf8.count <= 1024 } ? nil : "its checkpoint has a gap that is too long"
  }
}

extension Checkpoint.Staged: Codable {
  enum CodingKeys: String, CodingKey {
    case lacksBytes = "LacksBytes"
    case segments = "Segments"
    case length = "Length"
    case hash = "Hash"
  }

  /// Reads the object.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    lacksBytes = try container.decode(Bool.self, forKey: .lacksBytes)
    segments = try container.decode(UInt64.self, forKey: .segments)
    length = try container.decode(UInt64.self, forKey: .length)
    hash = try container.decodeHash(forKey: .hash)
  }

  /// Writes the object.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(lacksBytes, forKey: .lacksBytes)
    try container.encode(segments, forKey: .segments)
    try container.encode(length, forKey: .length)
    try container.encode(hash.hexadecimal, forKey: .hash)
  }
}

/// What a run that starts wants, as far as it decides whether it may go on where a stopped one was.
struct ContinuationTerms: Sendable, Equatable {
  /// The boot in which it starts.
  var boot: UniqueID
  /// Where its differences go.
  var writeBack: RunRequest.WriteBack
  /// Whether holes are to be read.
  var readsHoles: Bool
  /// Whether a primary runs.
  var isFuzzy: Bool
  /// Whether all that is written in place is to be read back.
  var readsBack = false
  /// What is kept to go back by.
  var recoveryPoint: RecoveryPointKind?
}

extension RelationshipState {
  /// Why a run with these terms cannot go on where `run` of this relationship was stopped, as a sentence without a
  /// full stop; nil where it can, once both sides are shown to be unchanged.
  func obstacle(to run: RunRecord, _ terms: ContinuationTerms) -> String? {
    if run.point != nil { return "it kept a recovery point" }
    guard let checkpoint = run.checkpoint else { return "it had come to no checkpoint" }
    if terms.recoveryPoint != nil { return "it kept no recovery point" }
    if run.boot != terms.boot { return "the host has been started again since" }
    if let obstacle = run.obstacle(to: terms, checkpoint) { return obstacle }
    if run.isFuzzy == true { return "its primary ran" }
    if terms.isFuzzy { return "the primary runs" }
    if terms.readsHoles && !checkpoint.readsHoles { return "it had passed over holes, which --full reads" }
    for seen in checkpoint.pairs {
      for side in Side.allCases {
        if let gap = seen[side].gap { return pairs[seen.index].unproven(side, gap) }
      }
    }
    return nil
  }
}

extension RunRecord {
  /// Why a run that writes back as `terms` say cannot go on with this one.
  fileprivate func obstacle(to terms: ContinuationTerms, _ checkpoint: Checkpoint) -> String? {
    switch (writeBack, terms.writeBack) {
    case (.staged, .staged):
      checkpoint.staged?.lacksBytes == true ? "there was no room for all that it was to stage" : nil
    case (.inPlace, .inPlace):
      terms.readsBack ? "what it wrote was not read back, which --verify asks for" : nil
    // What is known to differ can be written in place.
    case (.staged, .inPlace):
      checkpoint.staged?.lacksBytes == true ? nil : "it had another --write-back"
    case (.inPlace, .staged): "it had another --write-back"
    }
  }
}

extension RelationshipState.Pair {
  /// Names the disk that is not shown to be unchanged, and why.
  func unproven(_ side: Side, _ reason: String) -> String {
    "the \(side) \(PrintableText(self[side].path)) cannot be shown to be unchanged: \(reason)"
  }
}
