/// A disk pair as its staging file knows it.
struct StagedPair: Sendable, Equatable {
  /// What the disks are called across reboots; at most ``StagingFormat/longestIdentity`` bytes of UTF-8 each.
  let primary: String
  let recovery: String
  /// Bytes of the primary.
  let size: UInt64
  /// Bytes that both block devices reach; what an image has beyond is its tail.
  let reach: UInt64
  /// The larger logical block of the two, in bytes.
  let logicalBlockSize: UInt32
  /// The recovery's own, in bytes: what a power cut tears, so that old bytes have a digest for each.
  let recoveryBlockSize: UInt32

  /// Whether sizes and blocks fit each other.
  var isSound: Bool {
    let blocks = [logicalBlockSize, recoveryBlockSize]
    return blocks.allSatisfy { $0 >= 512 && $0 <= StagingFormat.largestBlock && $0 & ($0 - 1) == 0 }
      && recoveryBlockSize <= logicalBlockSize && size <= UInt64(Int64.max) && reach <= size
      && reach.isMultiple(of: UInt64(logicalBlockSize)) && size - reach < UInt64(StagingFormat.largestBlock)
      && primary.utf8.count <= StagingFormat.longestIdentity
      && recovery.utf8.count <= StagingFormat.longestIdentity
  }
}

/// Whose staging file it is, and how it is cut.
struct StagingHeader: Sendable, Equatable {
  /// The run's UUID.
  let run: UInt128
  /// The relationship's UUID.
  let relationship: UInt128
  /// All pairs of the call, in its order; entries name them by number.
  let pairs: [StagedPair]
  /// Longest segment, in bytes; the hole of zeros has the same length.
  var segmentSize = StagingFormat.segmentSize

  /// Bytes of it in the file.
  var byteCount: Int {
    StagingFormat.padded(pairs.reduce(Self.fixed + 8) { $0 + Self.fixedOfPair + $1.identityLength })
  }
  /// Where the hole of zeros begins.
  var zeros: ByteRange { ByteRange(offset: UInt64(byteCount), length: UInt64(segmentSize)) }

  /// Bytes before the pairs, and of a pair before its identities.
  fileprivate static let fixed = 56
  fileprivate static let fixedOfPair = 28

  /// Whether it can be written, and is worth reading.
  var isSound: Bool {
    (1...StagingFormat.mostPairs).contains(pairs.count) && pairs.allSatisfy(\.isSound)
      && (StagingFormat.indexSize + 4096...StagingFormat.longestSegment).contains(segmentSize)
      && segmentSize.isMultiple(of: StagingFormat.alignment) && byteCount <= segmentSize
      && pairs.allSatisfy { Int($0.logicalBlockSize) <= StagingFormat.payloadSize(of: segmentSize) }
  }

  /// As it lies in the file.
  func encoded() -> [UInt8] {
    precondition(isSound)
    var bytes = [UInt8](repeating: 0, count: byteCount)
    bytes.store(littleEndian: StagingFormat.headerMagic, at: 0)
    bytes.store(littleEndian: StagingFormat.version, at: 8)
    bytes.store(littleEndian: UInt32(byteCount), at: 12)
    bytes.store(littleEndian: run, at: 16)
    bytes.store(littleEndian: relationship, at: 32)
    bytes.store(littleEndian: UInt32(segmentSize), at: 48)
    bytes.store(littleEndian: UInt32(pairs.count), at: 52)
    var place = Self.fixed
    for pair in pairs {
      bytes.store(littleEndian: pair.size, at: place)
      bytes.store(littleEndian: pair.reach, at: place + 8)
      bytes.store(littleEndian: pair.logicalBlockSize, at: place + 16)
      bytes.store(littleEndian: pair.recoveryBlockSize, at: place + 20)
      bytes.store(littleEndian: UInt16(pair.primary.utf8.count), at: place + 24)
      bytes.store(littleEndian: UInt16(pair.recovery.utf8.count), at: place + 26)
      place += Self.fixedOfPair
      for identity in [pair.primary, pair.recovery] {
        bytes.replaceSubrange(place..<place + identity.utf8.count, with: identity.utf8)
        place += identity.utf8.count
      }
    }
    let end = byteCount - 8
    let checksum = bytes.withRawSpan { Checksum.of64($0.extracting(..<end)) }
    bytes.store(littleEndian: checksum, at: end)
    return bytes
  }
}

extension StagingHeader {
  /// How long the header is that begins with `bytes`.
  ///
  /// - Parameter bytes: the first block of the file.
  static func length(from bytes: RawSpan) throws(StagingFault) -> Int {
    guard bytes.byteCount >= StagingFormat.alignment else { throw .wrongSize }
    guard bytes.littleEndian(at: 0) == StagingFormat.headerMagic else { throw .noStagingFile }
    let version = bytes.littleEndian(at: 8, as: UInt32.self)
    guard version == StagingFormat.version else { throw .unknownVersion(version) }
    let length = bytes.littleEndian(at: 12, as: UInt32.self)
    guard length > 0, length <= StagingFormat.longestSegment, length % UInt32(StagingFormat.alignment) == 0
    else {
      throw .malformed(.header)
    }
    return Int(length)
  }

  /// Reads what may be anything.
  ///
  /// - Parameter bytes: as many as ``length(from:)`` said.
  init(decoding bytes: RawSpan) throws(StagingFault) {
    let end = bytes.byteCount - 8
    guard bytes.byteCount == (try Self.length(from: bytes)) else { throw .malformed(.header) }
    guard Checksum.of64(bytes.extracting(..<end)) == bytes.littleEndian(at: end, as: UInt64.self) else {
      throw .damaged(.header)
    }
    let segmentSize = bytes.littleEndian(at: 48, as: UInt32.self)
    let count = bytes.littleEndian(at: 52, as: UInt32.self)
    guard segmentSize <= StagingFormat.longestSegment, count <= StagingFormat.mostPairs else {
      throw .malformed(.header)
    }
    var pairs: [StagedPair] = []
    var place = Self.fixed
    for _ in 0..<count {
      guard place <= end - Self.fixedOfPair else { throw .malformed(.header) }
      pairs.append(try StagedPair(decoding: bytes.extracting(place..<end)))
      place += Self.fixedOfPair + pairs[pairs.count - 1].identityLength
    }
    self.init(
      run: bytes.littleEndian(at: 16), relationship: bytes.littleEndian(at: 32), pairs: pairs,
      segmentSize: Int(segmentSize))
    // One header has one form: also the padding and the length are as they are written.
    guard isSound, bytes.extracting(place..<end).isZero, byteCount == bytes.byteCount else {
      throw .malformed(.header)
    }
  }
}

extension StagedPair {
  /// Bytes of both identities.
  fileprivate var identityLength: Int { primary.utf8.count + recovery.utf8.count }

  /// - Parameter bytes: at least the fixed part.
  fileprivate init(decoding bytes: RawSpan) throws(StagingFault) {
    let lengths = (
      Int(bytes.littleEndian(at: 24, as: UInt16.self)), Int(bytes.littleEndian(at: 26, as: UInt16.self))
    )
    let start = 28
    guard lengths.0 <= StagingFormat.longestIdentity, lengths.1 <= StagingFormat.longestIdentity,
      start + lengths.0 + lengths.1 <= bytes.byteCount,
      let primary = String(bytes.extracting(start..<start + lengths.0)),
      let recovery = String(bytes.extracting(start + lengths.0..<start + lengths.0 + lengths.1))
    else { throw .malformed(.header) }
    self.init(
      primary: primary, recovery: recovery, size: bytes.littleEndian(at: 0), reach: bytes.littleEndian(at: 8),
      logicalBlockSize: bytes.littleEndian(at: 16), recoveryBlockSize: bytes.littleEndian(at: 20))
  }
}

extension String {
  /// Text of `bytes`; nil where they are not UTF-8.
  fileprivate init?(_ bytes: RawSpan) {
    self.init(validating: bytes.copied(), as: UTF8.self)
  }
}
