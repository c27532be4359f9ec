/// How far a run has come, durably, and what shows that its disks are still what it compared (PITFALLS G3).
public struct Checkpoint: Sendable, Hashable, Codable {
  /// One disk pair's part of it.
  public struct Pair: Sendable, Hashable, Codable {
    /// All before it is dealt with, in bytes; a pair that is not the last is dealt with whole.
    public var offset: UInt64
    /// What was seen of both disks before the first byte was compared.
    public var primary: DiskEvidence
    /// The same of the recovery.
    public var recovery: DiskEvidence

    enum CodingKeys: String, CodingKey {
      case offset = "Offset"
      case primary = "Primary"
      case recovery = "Recovery"
    }

    subscript(side: Side) -> DiskEvidence { side == .primary ? primary : recovery }
  }

  /// How much of the staging file is on stable storage.
  public struct Staged: Sendable, Hashable {
    /// Segments.
    public var segments: UInt64
    /// Bytes up to the end of the last of them.
    public var length: UInt64
    /// XXH3, 128 bits, over the header and every index, in order.
    public var hash: UInt128
  }

  /// Whether holes were read too.
  public var readsHoles: Bool
  /// The pairs that were begun, in the relationship's order.
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

  /// What makes no sense in it, in a relationship of `disks`; nil where all does.
  func fault(in run: RunRecord, of disks: [RelationshipState.Pair]) -> String? {
    guard (1...disks.count).contains(pairs.count) else { return "its checkpoint is of other pairs" }
    guard (run.writeBack == .staged) == (staged != nil) else {
      return "its checkpoint is of another kind of run"
    }
    let isInside = zip(pairs, disks).allSatisfy { $0.offset <= $1.primary.size }
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
    case segments = "Segments"
    case length = "Length"
    case hash = "Hash"
  }

  /// Reads the object.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    segments = try container.decode(UInt64.self, forKey: .segments)
    length = try container.decode(UInt64.self, forKey: .length)
    hash = try container.decodeHash(forKey: .hash)
  }

  /// Writes the object.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
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
    if run.writeBack != terms.writeBack { return "it had another --write-back" }
    if run.isFuzzy == true { return "its primary ran" }
    if terms.isFuzzy { return "the primary runs" }
    if terms.readsHoles && !checkpoint.readsHoles { return "it had passed over holes, which --full reads" }
    for (disks, seen) in zip(pairs, checkpoint.pairs) {
      for side in Side.allCases {
        if let gap = seen[side].gap { return disks.unproven(side, gap) }
      }
    }
    return nil
  }
}

extension RelationshipState.Pair {
  /// Names the disk that is not shown to be unchanged, and why.
  func unproven(_ side: Side, _ reason: String) -> String {
    "the \(side) \(PrintableText(self[side].path)) cannot be shown to be unchanged: \(reason)"
  }
}
