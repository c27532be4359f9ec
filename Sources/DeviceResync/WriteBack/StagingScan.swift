import SystemPackage

/// Where a segment lies in the buffer that it was read into, and how far its entries were read.
struct SegmentFrame: Sendable {
  /// Its number, from 0.
  let sequence: UInt64
  /// Bytes of it.
  let length: Int
  /// Entries that are still to come.
  fileprivate var entries: UInt32
  /// Where the next entry and its payload begin, in bytes from the segment's start.
  fileprivate var place = StagingIndex.entries
  fileprivate var payload = StagingFormat.indexSize
  fileprivate let entriesEnd: Int
  /// Whether the payload was left out.
  fileprivate let lacksBytes: Bool
}

/// Reads segment after segment of a staging file, which may hold anything.
///
/// Each is checked against the header, the run and what came before it. Nothing is allocated, and no number
/// from the file is trusted.
struct StagingScan: ~Copyable {
  let header: StagingHeader
  private(set) var records: UInt64 = 0
  private(set) var recordBytes: UInt64 = 0
  /// Segments before the next one.
  private(set) var segments: UInt64
  private var hash: RunningChecksum
  /// The one pair whose entries are used; nil where all are to be in order.
  private let only: Int?
  /// Whether segments whose payload was left out are taken, for what they say of it.
  private let takesFigures: Bool
  /// Up to where each pair's records have come, and its chunks and holes.
  private var recorded: [UInt64]
  private var covered: [UInt64]

  /// - Parameters:
  ///   - only: the one pair whose entries will be used; of others the order is not looked at. Nil
  ///     for all.
  ///   - start: how many segments come before the first that is read.
  ///   - takesFigures: whether segments whose payload was left out are taken.
  init(
    _ header: StagingHeader, hash: consuming RunningChecksum, only: Int? = nil, after start: UInt64 = 0,
    takesFigures: Bool = false
  ) {
    self.header = header
    self.only = only
    self.takesFigures = takesFigures
    segments = start
    self.hash = hash
    recorded = [UInt64](repeating: 0, count: header.pairs.count)
    covered = [UInt64](repeating: 0, count: header.pairs.count)
    self.hash.add(header.encoded())
  }

  /// Begins the next segment.
  ///
  /// - Parameters:
  ///   - bytes: from its start on, at least the index.
  ///   - rest: bytes of the file from its start to the seal.
  mutating func openSegment(_ bytes: RawSpan, rest: UInt64) throws(StagingFault) -> SegmentFrame {
    let part = StagingFault.Part.index(segments)
    guard bytes.byteCount >= StagingFormat.indexSize else { throw .wrongSize }
    let index = bytes.extracting(..<StagingFormat.indexSize)
    guard index.littleEndian(at: 0) == StagingFormat.segmentMagic,
      Checksum.of64(index.extracting(..<StagingIndex.entriesEnd))
        == index.littleEndian(at: StagingIndex.entriesEnd, as: UInt64.self)
    else { throw .damaged(part) }
    guard index.littleEndian(at: 8) == header.run else { throw .otherRun }
    let end = Int(index.littleEndian(at: 36, as: UInt32.self))
    let payload = Int(index.littleEndian(at: 40, as: UInt32.self))
    let flags = index.littleEndian(at: 44, as: UInt32.self)
    let lacksBytes = flags == StagingIndex.withoutBytes
    if lacksBytes, !takesFigures { throw .withoutBytes }
    guard index.littleEndian(at: 24) == segments, flags == 0 || lacksBytes && payload == 0,
      (StagingIndex.entries...StagingIndex.entriesEnd).contains(end),
      payload <= StagingFormat.payloadSize(of: header.segmentSize),
      payload.isMultiple(of: StagingFormat.alignment),
      index.extracting(end..<StagingIndex.entriesEnd).isZero
    else { throw .malformed(part) }
    let length = StagingFormat.indexSize + payload
    guard UInt64(length) <= rest else { throw .wrongSize }
    let entries = index.littleEndian(at: 32, as: UInt32.self)
    guard entries > 0 else { throw .malformed(part) }
    hash.add(index)
    segments += 1
    return SegmentFrame(
      sequence: segments - 1, length: length, entries: entries, entriesEnd: end, lacksBytes: lacksBytes)
  }

  /// The next entry; nil after the last, when all of the segment is accounted for.
  ///
  /// - Parameter index: the segment's.
  mutating func nextEntry(_ index: RawSpan, _ frame: inout SegmentFrame) throws(StagingFault) -> StagedEntry?
  {
    let fault = StagingFault.malformed(.index(frame.sequence))
    if frame.entries == 0 {
      guard frame.place == frame.entriesEnd, frame.payload == frame.length else { throw fault }
      return nil
    }
    let left = frame.entriesEnd - frame.place
    guard left >= StagingIndex.fixedOfHole,
      let kind = StagedEntry.Kind(rawValue: index.littleEndian(at: frame.place + 4)),
      index.littleEndian(at: frame.place + 6) == UInt16(0)
    else { throw fault }
    let pair = index.littleEndian(at: frame.place, as: UInt32.self)
    let offset = index.littleEndian(at: frame.place + 8, as: UInt64.self)
    let length = index.littleEndian(at: frame.place + 16, as: UInt64.self)
    guard pair < header.pairs.count, length > 0, !offset.addingReportingOverflow(length).overflow else {
      throw fault
    }
    var entry = StagedEntry(kind: kind, pair: Int(pair), range: ByteRange(offset: offset, length: length))
    guard fits(entry) else { throw fault }
    var size = StagingIndex.fixedOfHole
    switch kind {
    case .bytes, .zeros, .tail:
      // Bounded by what `fits` lets through.
      size = StagingIndex.fixedOfBlocks + oldDigests(of: entry) * 8
      guard left >= size else { throw fault }
      entry.checksum = index.littleEndian(at: frame.place + 24)
      entry.oldDigests = frame.place + StagingIndex.fixedOfBlocks
      if kind == .zeros {
        guard entry.checksum == 0 else { throw fault }
      } else if !frame.lacksBytes {
        entry.payload = frame.payload
        frame.payload += StagingFormat.padded(Int(length))
        guard frame.payload <= frame.length else { throw fault }
      }
      records += 1
      recordBytes += length
      recorded[entry.pair] = entry.range.end
    case .digest, .tailDigest:
      size = StagingIndex.fixedOfDigest
      guard left >= size else { throw fault }
      entry.digest = index.littleEndian(at: frame.place + 24)
      covered[entry.pair] = entry.range.end
    case .hole:
      covered[entry.pair] = entry.range.end
    }
    frame.place += size
    frame.entries -= 1
    return entry
  }

  /// How many old blocks a record has digests of.
  func oldDigests(of entry: StagedEntry) -> Int {
    entry.kind == .tail ? 1 : Int(entry.range.length / UInt64(header.pairs[entry.pair].recoveryBlockSize))
  }

  /// Whether its range lies where its kind may lie, after all that came before.
  private func fits(_ entry: StagedEntry) -> Bool {
    let pair = header.pairs[entry.pair]
    let range = entry.range
    let isInside =
      switch entry.kind {
      case .bytes, .zeros, .digest, .hole:
        range.end <= pair.reach && range.isAligned(to: UInt64(pair.logicalBlockSize))
      case .tail, .tailDigest: range.offset == pair.reach && range.end == pair.size
      }
    guard isInside else { return false }
    let isUsed = only.map { $0 == entry.pair } ?? true
    let isAfterRecords = !isUsed || range.offset >= recorded[entry.pair]
    let isNext = !isUsed || range.offset == covered[entry.pair]
    return switch entry.kind {
    case .bytes, .zeros, .tail:
      isAfterRecords && range.length <= UInt64(StagingFormat.payloadSize(of: header.segmentSize))
    case .digest, .tailDigest:
      isNext && range.length <= UInt64(header.segmentSize)
    case .hole: isNext
    }
  }

  /// Looks at the payload of `entry`, and at what pads it.
  ///
  /// - Parameter segment: all of it.
  func check(_ entry: StagedEntry, in segment: RawSpan, _ frame: SegmentFrame) throws(StagingFault) {
    guard entry.hasPayload, !frame.lacksBytes else { return }
    let end = entry.payload + Int(entry.range.length)
    let padded = entry.payload + StagingFormat.padded(Int(entry.range.length))
    guard Checksum.of64(segment.extracting(entry.payload..<end)) == entry.checksum,
      segment.extracting(end..<padded).isZero
    else { throw .damaged(.payload(frame.sequence)) }
  }

  /// What was read so far, to be written on.
  ///
  /// - Throws: where it is not what a checkpoint says.
  consuming func prefix(upTo length: UInt64, _ checkpoint: StagedMark) throws(StagingFault) -> StagingPrefix {
    guard segments == checkpoint.segments, hash.value == checkpoint.hash else { throw .otherSeal }
    for (pair, wanted) in checkpoint.offsets.enumerated() {
      guard covered[pair] == wanted, recorded[pair] <= wanted else { throw .incomplete(pair: pair) }
    }
    return StagingPrefix(
      hash: hash, segments: segments, records: records, recordBytes: recordBytes, covered: covered,
      length: length)
  }

  /// Sees whether all of the file came to what its seal says.
  func check(_ seal: StagingSeal) throws(StagingFault) {
    guard seal.run == header.run else { throw .otherRun }
    if let pair = header.pairs.indices.first(where: { covered[$0] != header.pairs[$0].size }) {
      throw .incomplete(pair: pair)
    }
    let found = StagingSeal(
      run: header.run, records: records, bytes: recordBytes, segments: segments, hash: hash.value)
    guard seal == found else { throw .damaged(.seal) }
  }
}
