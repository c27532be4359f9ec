/// The staging file's layout; docs/staging.md says the same in words and gives the reasons.
///
/// Header, a hole of zeros, segments, seal: each begins at a multiple of ``alignment``. Integers are
/// little-endian.
enum StagingFormat {
  /// What readers of another version must not touch.
  static let version: UInt32 = 1
  /// What direct I/O of every file system takes, in bytes.
  static let alignment = 4096
  /// Bytes of the part of a segment that says what follows.
  static let indexSize = 8192
  /// Bytes of the last block.
  static let sealSize = 4096
  /// Longest segment, in bytes: three of them and a spare half are one huge page.
  static let segmentSize = 512 << 10
  /// Longest segment that a reader takes.
  static let longestSegment = 1 << 20
  /// Most pairs of a call.
  static let mostPairs = 128
  /// Most bytes of an identity, in UTF-8.
  static let longestIdentity = 1024
  /// Largest logical block, in bytes; the kernel's own limit is 64 KiB (`BLK_MAX_BLOCK_SIZE`, since 6.15).
  static let largestBlock: UInt32 = 64 << 10

  static let headerMagic: UInt64 = 0x6567_6174_7372_6d76  // "vmrstage"
  static let segmentMagic: UInt64 = 0x746d_6765_7372_6d76  // "vmrsegmt"
  static let sealMagic: UInt64 = 0x6c61_6573_7372_6d76  // "vmrsseal"

  /// Most bytes of payload in a segment of `segmentSize` bytes, and of one record with or without payload.
  static func payloadSize(of segmentSize: Int) -> Int { segmentSize - indexSize }

  /// `length` rounded up to whole blocks of the file.
  static func padded(_ length: Int) -> Int { (length + alignment - 1) / alignment * alignment }

  /// Of the queue that reads a staging file as its primary; one slot is kept for zeros.
  static func geometry(depth: Int = 6) -> QueueGeometry { QueueGeometry(chunk: segmentSize, depth: depth) }
}

/// What was committed: the last block of a staging file says it, and the state repeats it.
struct StagingSeal: Sendable, Equatable {
  /// The run that wrote the file.
  let run: UInt128
  /// Records: pieces of differences.
  let records: UInt64
  /// Bytes of all records: what applying them writes.
  let bytes: UInt64
  /// Segments before the seal.
  let segments: UInt64
  /// XXH3, 128 bits, over the header and every index in order; each index holds the checksums of its payload.
  let hash: UInt128
}

/// Why a staging file is not to be used.
enum StagingFault: Error, Equatable {
  /// It ends too early or goes on after its seal.
  case wrongSize
  /// It is none.
  case noStagingFile
  /// Another version of vmresync made it, with this version of the format.
  case unknownVersion(UInt32)
  /// A checksum does not fit: this part is torn or has rotted.
  case damaged(Part)
  /// A checksum fits, and what it covers makes no sense.
  case malformed(Part)
  /// It belongs to another run.
  case otherRun
  /// It belongs to another relationship.
  case otherRelationship
  /// It was made for other disks; the first pair that differs, counted from 0.
  case otherDisks(pair: Int)
  /// It is not what the state says was committed.
  case otherSeal
  /// It holds ranges without their bytes: there was no room for them.
  case withoutBytes
  /// Its chunks do not cover every byte of a pair.
  case incomplete(pair: Int)

  enum Part: Equatable { case header, zeros, index(UInt64), payload(UInt64), seal }
}

extension StagingFault {
  /// What was found, as a sentence without a full stop.
  var reason: String {
    switch self {
    case .wrongSize: "its size is not what its parts come to: it is cut, or was not finished"
    case .noStagingFile: "it is no staging file"
    case .unknownVersion(let version): "its format has version \(version), and this vmresync knows 1 only"
    case .damaged(let part): "\(part.name) is damaged: its checksum does not fit"
    case .malformed(let part): "\(part.name) makes no sense"
    case .otherRun: "another run wrote it"
    case .otherRelationship: "it belongs to another relationship"
    case .otherDisks(let pair): "pair \(pair + 1) in it is of other disks"
    case .otherSeal: "it is not what was committed"
    case .withoutBytes: "it was made without room for its bytes"
    case .incomplete(let pair): "it does not account for every byte of pair \(pair + 1)"
    }
  }

  /// The refusal: 32775, and nothing is written.
  func error(on name: String) -> ResyncError {
    ResyncError(
      .invalidState, "use the staging file", on: name, reason: reason,
      remedy: "leave it where it is, and see: \(CallContext.current.typed(.status))")
  }
}

extension StagingFault.Part {
  var name: String {
    switch self {
    case .header: "its header"
    case .zeros: "its hole"
    case .index(let number): "the index of segment \(number)"
    case .payload(let number): "the payload of segment \(number)"
    case .seal: "its seal"
    }
  }
}
