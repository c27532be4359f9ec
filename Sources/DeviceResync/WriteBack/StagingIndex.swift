/// One entry of a segment's index.
struct StagedEntry: Sendable, Equatable {
  enum Kind: UInt16, Sendable {
    /// Blocks to write, whose bytes are the segment's payload.
    case bytes = 1
    /// Blocks to write that are all zero; they need no payload.
    case zeros = 2
    /// The last bytes of an image, which its device does not reach; payload.
    case tail = 3
    /// What a chunk of the recovery holds once everything is applied.
    case digest = 4
    /// A hole of both sides: reads as zeros before and after.
    case hole = 5
    /// The digest of the tail.
    case tailDigest = 6
  }

  let kind: Kind
  /// Which pair, counted from 0.
  let pair: Int
  /// Which bytes of the recovery.
  let range: ByteRange
  /// XXH3, 64 bits, over the payload; 0 where there is none.
  var checksum: UInt64 = 0
  /// XXH3, 128 bits, over the chunk; 0 where it is no digest.
  var digest: UInt128 = 0
  /// Where in the index the digests of the old bytes begin, one of 64 bits for each of the recovery's logical
  /// blocks.
  var oldDigests = 0
  /// Where in the segment its payload begins.
  var payload = 0

  var hasPayload: Bool { kind == .bytes || kind == .tail }
  /// Whether it is written to the recovery's device.
  var isBlocks: Bool { kind == .bytes || kind == .zeros }
}

/// The index of the segment that is being filled.
///
/// Magic, run, sequence number, number of entries, bytes in use, bytes of payload, flags; entries; at the end
/// a checksum. All of it is made once and used again for each segment.
struct StagingIndex {
  /// Where entries begin and end, in bytes.
  static let entries = 48
  static let entriesEnd = StagingFormat.indexSize - 8
  /// Set where the payload was left out, because there was no room.
  static let withoutBytes: UInt32 = 1
  /// Stands for the digest of old bytes that could not be read: any may be found there.
  static let unknownDigest: UInt64 = 0
  /// Bytes of an entry with payload or zeros before its old digests, of a digest, of a hole.
  static let fixedOfBlocks = 32
  static let fixedOfDigest = 40
  static let fixedOfHole = 24

  private(set) var bytes = [UInt8](repeating: 0, count: StagingFormat.indexSize)
  private(set) var count: UInt32 = 0
  private var place = Self.entries

  /// Bytes for more entries.
  var room: Int { Self.entriesEnd - place }

  /// Adds `entry` without its old digests; the caller has looked at ``room``.
  mutating func add(_ entry: StagedEntry) {
    bytes.store(littleEndian: UInt32(entry.pair), at: place)
    bytes.store(littleEndian: entry.kind.rawValue, at: place + 4)
    bytes.store(littleEndian: UInt16(0), at: place + 6)
    bytes.store(littleEndian: entry.range.offset, at: place + 8)
    bytes.store(littleEndian: entry.range.length, at: place + 16)
    switch entry.kind {
    case .bytes, .zeros, .tail:
      bytes.store(littleEndian: entry.checksum, at: place + 24)
      place += Self.fixedOfBlocks
    case .digest, .tailDigest:
      bytes.store(littleEndian: entry.digest, at: place + 24)
      place += Self.fixedOfDigest
    case .hole:
      place += Self.fixedOfHole
    }
    count += 1
  }

  /// Adds the digest of an old block to the entry that was added last.
  mutating func add(oldDigest: UInt64) {
    bytes.store(littleEndian: oldDigest, at: place)
    place += 8
  }

  /// Closes it: what the file gets.
  mutating func finish(run: UInt128, sequence: UInt64, payload: Int, withoutBytes: Bool) {
    bytes.store(littleEndian: StagingFormat.segmentMagic, at: 0)
    bytes.store(littleEndian: run, at: 8)
    bytes.store(littleEndian: sequence, at: 24)
    bytes.store(littleEndian: count, at: 32)
    bytes.store(littleEndian: UInt32(place), at: 36)
    bytes.store(littleEndian: UInt32(payload), at: 40)
    bytes.store(littleEndian: withoutBytes ? Self.withoutBytes : 0, at: 44)
    for rest in place..<Self.entriesEnd { bytes[rest] = 0 }
    let checksum = bytes.withRawSpan { Checksum.of64($0.extracting(..<Self.entriesEnd)) }
    bytes.store(littleEndian: checksum, at: Self.entriesEnd)
  }

  /// Empties it.
  mutating func reset() {
    count = 0
    place = Self.entries
  }
}

extension StagingSeal {
  /// As it lies in the file.
  func encoded() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: StagingFormat.sealSize)
    bytes.store(littleEndian: StagingFormat.sealMagic, at: 0)
    bytes.store(littleEndian: run, at: 8)
    bytes.store(littleEndian: records, at: 24)
    bytes.store(littleEndian: self.bytes, at: 32)
    bytes.store(littleEndian: segments, at: 40)
    bytes.store(littleEndian: hash, at: 48)
    let end = StagingFormat.sealSize - 8
    let checksum = bytes.withRawSpan { Checksum.of64($0.extracting(..<end)) }
    bytes.store(littleEndian: checksum, at: end)
    return bytes
  }

  /// Reads what may be anything.
  ///
  /// - Parameter bytes: the last block of the file.
  init(decoding bytes: RawSpan) throws(StagingFault) {
    let end = StagingFormat.sealSize - 8
    guard bytes.byteCount == StagingFormat.sealSize,
      bytes.littleEndian(at: 0) == StagingFormat.sealMagic,
      Checksum.of64(bytes.extracting(..<end)) == bytes.littleEndian(at: end, as: UInt64.self)
    else { throw .damaged(.seal) }
    guard bytes.extracting(64..<end).isZero else { throw .malformed(.seal) }
    run = bytes.littleEndian(at: 8)
    records = bytes.littleEndian(at: 24)
    self.bytes = bytes.littleEndian(at: 32)
    segments = bytes.littleEndian(at: 40)
    hash = bytes.littleEndian(at: 48)
  }
}
