import SystemPackage

/// Where a staged run has found differences for whose bytes there was no room: its staging file, open.
final class KnownDifferences: Sendable {
  private let file: OwnedDescriptor
  private let header: StagingHeader
  /// From its first segment to the end of the last.
  private let segments: ByteRange
  private let name: String
  private let engine: Engine
  private let control: RunControl

  init(
    _ file: consuming OwnedDescriptor, _ header: StagingHeader, upTo length: UInt64, name: String,
    _ engine: Engine, _ control: RunControl
  ) {
    self.file = file
    self.header = header
    segments = ByteRange(header.zeros.end, upTo: length)
    self.name = name
    self.engine = engine
    self.control = control
  }

  /// What differs in one pair, but for a tail, in ascending order.
  func ranges(of pair: Int) throws(ResyncError) -> StagedRanges {
    let hash = try attempt("read", on: name, .setUp) { () throws(Errno) in try RunningChecksum() }
    let queue = try attempt("make a queue for", on: name, .setUp) { () throws(Errno) in
      try DiskQueue(primary: file, recovery: file, geometry: StagingFormat.geometry(), engine: engine)
    }
    let requests = StagingRequests(depth: queue.geometry.depth, block: 512, control: control)
    let geometry = queue.geometry
    return StagedRanges(
      pair,
      StagingPass(
        StagingScan(header, hash: hash, only: pair, takesFigures: true), segments, name: name,
        requests: requests, geometry: geometry), queue)
  }
}

/// The records of one pair in a staging file, as ranges to compare once more.
final class StagedRanges: RangeSource {
  private let pair: Int
  private var pass: StagingPass
  private var queue: DiskQueue
  private var segment: StagedSegment?
  var bytesSkipped: UInt64 { 0 }

  fileprivate init(_ pair: Int, _ pass: consuming StagingPass, _ queue: consuming DiskQueue) {
    self.pair = pair
    self.pass = pass
    self.queue = queue
  }

  deinit { pass.requests.drain(&queue) }

  /// The next record's range; nil after the last.
  func next() throws(ResyncError) -> WorkRange? {
    while true {
      guard var current = segment else {
        segment = try pass.nextSegment(&queue)
        if segment == nil { return nil }
        continue
      }
      let entry = try pass.nextEntry(of: &current, queue)
      segment = entry == nil ? nil : current
      if let entry, entry.pair == pair, entry.isBlocks { return WorkRange(range: entry.range) }
    }
  }
}
