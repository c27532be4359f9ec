import SystemPackage

/// A staging file that was read once from its first byte to its last, and is what was expected.
struct ValidatedStaging: Sendable {
  /// What messages call it.
  let name: String
  let header: StagingHeader
  let seal: StagingSeal
  /// Where the segments with entries of each pair lie in the file; empty for a pair without any.
  let extents: [Extent]

  /// Segments in a row.
  struct Extent: Sendable, Equatable {
    /// Bytes of the file.
    var range = ByteRange(offset: 0, length: 0)
    /// Segments before the first.
    var after: UInt64 = 0
  }
}

/// What a staging file must be to be used.
struct StagingExpectation: Sendable {
  /// The run and the relationship that the state names, and the disks that are open now.
  let header: StagingHeader
  /// What was committed; nil where the state does not say.
  let seal: StagingSeal?

  func check(_ found: StagingHeader) throws(StagingFault) {
    guard found.run == header.run else { throw .otherRun }
    guard found.relationship == header.relationship else { throw .otherRelationship }
    for pair in 0..<max(found.pairs.count, header.pairs.count) {
      guard pair < found.pairs.count, pair < header.pairs.count, found.pairs[pair] == header.pairs[pair]
      else {
        throw .otherDisks(pair: pair)
      }
    }
  }
}

/// Reads a staging file whole, and sees whether it is what was committed, for these disks, to the last bit.
///
/// Nothing is written. Only what this returns can be applied.
///
/// - Parameters:
///   - queue: its primary is the file; with chunks of at least a segment, and two slots or more.
///   - size: of the file, in bytes.
///   - name: what messages call it.
/// - Throws: 32775 with the reason (``StagingFault``), or the read that failed.
func validateStaging<Queue: BlockQueue & ~Copyable>(
  through queue: inout Queue, size: UInt64, name: String, expecting: StagingExpectation,
  control: RunControl = RunControl()
) throws(ResyncError) -> ValidatedStaging {
  var requests = StagingRequests(depth: queue.geometry.depth, block: 512, control: control)
  let outcome: Result<ValidatedStaging, ResyncError>
  do throws(StagingProblem) {
    outcome = .success(try validate(&requests, &queue, size, name, expecting))
  } catch {
    switch error {
    case .fault(let fault): outcome = .failure(fault.error(on: name))
    case .failure(let failure): outcome = .failure(failure)
    }
  }
  requests.drain(&queue)
  return try outcome.get()
}

/// Either the file is wrong, or it could not be read.
private enum StagingProblem: Error {
  case fault(StagingFault)
  case failure(ResyncError)
}

private func validate<Queue: BlockQueue & ~Copyable>(
  _ requests: inout StagingRequests, _ queue: inout Queue, _ size: UInt64, _ name: String,
  _ expecting: StagingExpectation
) throws(StagingProblem) -> ValidatedStaging {
  let least = UInt64(StagingFormat.alignment + StagingFormat.sealSize)
  try check(size >= least && size.isMultiple(of: UInt64(StagingFormat.alignment)), or: .wrongSize)
  let header = try readHeader(&requests, &queue, size)
  try fault { () throws(StagingFault) in try expecting.check(header) }
  let sealPlace = size - UInt64(StagingFormat.sealSize)
  try check(header.zeros.end <= sealPlace, or: .wrongSize)

  let sealRange = ByteRange(sealPlace, upTo: size)
  try read(sealRange, &requests, &queue)
  let seal = try fault { () throws(StagingFault) in
    try queue.withBytes(of: 0, count: StagingFormat.sealSize) { (bytes, _) throws(StagingFault) in
      try StagingSeal(decoding: bytes)
    }
  }
  try check(expecting.seal.map { $0 == seal } ?? true, or: .otherSeal)

  try read(header.zeros, &requests, &queue)
  let isZero = queue.withBytes(of: 0, count: Int(header.zeros.length)) { (bytes, _) in bytes.isZero }
  try check(isZero, or: .damaged(.zeros))

  let extents = try readSegments(
    header, ByteRange(header.zeros.end, upTo: sealPlace), seal, requests, name, &queue)
  return ValidatedStaging(name: name, header: header, seal: seal, extents: extents)
}

private func readHeader<Queue: BlockQueue & ~Copyable>(
  _ requests: inout StagingRequests, _ queue: inout Queue, _ size: UInt64
) throws(StagingProblem) -> StagingHeader {
  try read(ByteRange(offset: 0, length: UInt64(StagingFormat.alignment)), &requests, &queue)
  let length = try fault { () throws(StagingFault) in
    try queue.withBytes(of: 0, count: StagingFormat.alignment) { (bytes, _) throws(StagingFault) in
      try StagingHeader.length(from: bytes)
    }
  }
  try check(length <= queue.geometry.chunk, or: .malformed(.header))
  try check(UInt64(length) <= size, or: .wrongSize)
  try read(ByteRange(offset: 0, length: UInt64(length)), &requests, &queue)
  let header = try fault { () throws(StagingFault) in
    try queue.withBytes(of: 0, count: length) { (bytes, _) throws(StagingFault) in
      try StagingHeader(decoding: bytes)
    }
  }
  try check(header.segmentSize <= queue.geometry.chunk, or: .malformed(.header))
  return header
}

/// Reads every segment, and sees whether they come to the seal.
private func readSegments<Queue: BlockQueue & ~Copyable>(
  _ header: StagingHeader, _ range: ByteRange, _ seal: StagingSeal, _ requests: StagingRequests,
  _ name: String,
  _ queue: inout Queue
) throws(StagingProblem) -> [ValidatedStaging.Extent] {
  var extents = [ValidatedStaging.Extent](repeating: ValidatedStaging.Extent(), count: header.pairs.count)
  let hash = try failure { () throws(ResyncError) in
    try attempt("check", on: name, .setUp) { () throws(Errno) in try RunningChecksum() }
  }
  var pass = StagingPass(
    StagingScan(header, hash: hash), range, name: name, requests: requests, geometry: queue.geometry)
  do throws(ResyncError) {
    var place = range.offset
    while var segment = try pass.nextSegment(&queue) {
      let end = place + UInt64(segment.frame.length)
      while let entry = try pass.nextEntry(of: &segment, queue) {
        try pass.check(entry, of: segment, queue)
        if extents[entry.pair].range.isEmpty {
          extents[entry.pair] = ValidatedStaging.Extent(
            range: ByteRange(place, upTo: end), after: segment.frame.sequence)
        }
        extents[entry.pair].range = ByteRange(extents[entry.pair].range.offset, upTo: end)
      }
      place = end
    }
  } catch {
    pass.requests.drain(&queue)
    throw .failure(error)
  }
  try fault { () throws(StagingFault) in try pass.check(seal) }
  return extents
}

/// Reads `range` of the file into the first slot, and waits for it.
private func read<Queue: BlockQueue & ~Copyable>(
  _ range: ByteRange, _ requests: inout StagingRequests, _ queue: inout Queue
) throws(StagingProblem) {
  do throws(ResyncError) {
    try requests.start(BlockRequest(kind: .read, side: .primary, slot: 0, place: 0, range: range), &queue)
    try requests.wait(for: 0, &queue)
  } catch {
    throw .failure(error)
  }
}

private func check(_ isRight: Bool, or fault: StagingFault) throws(StagingProblem) {
  if !isRight { throw .fault(fault) }
}

private func fault<Value>(_ body: () throws(StagingFault) -> Value) throws(StagingProblem) -> Value {
  do throws(StagingFault) { return try body() } catch { throw .fault(error) }
}

private func failure<Value: ~Copyable>(
  _ body: () throws(ResyncError) -> Value
) throws(StagingProblem) -> Value {
  do throws(ResyncError) { return try body() } catch { throw .failure(error) }
}
