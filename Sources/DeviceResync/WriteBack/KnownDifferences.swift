import SystemPackage

/// Where differences were found before, whose ranges alone are compared once more and written: the file that has them,
/// open.
///
/// It is the staging file of a run that had no room for their bytes, or the undo file of this run.
final class KnownDifferences: Sendable {
  /// What of the file is read, and how far it was looked at.
  private enum Extent {
    /// From the first segment to the end of the last.
    case figures(StagingHeader, ByteRange)
    case whole(ValidatedStaging)
  }

  private let file: OwnedDescriptor
  private let extent: Extent
  private let name: String
  private let engine: Engine
  private let control: RunControl

  /// Of a staging file, up to its checkpoint.
  init(
    _ file: consuming OwnedDescriptor, _ header: StagingHeader, upTo length: UInt64, name: String,
    _ engine: Engine, _ control: RunControl
  ) {
    self.file = file
    extent = .figures(header, ByteRange(header.zeros.end, upTo: length))
    self.name = name
    self.engine = engine
    self.control = control
  }

  /// Of an undo file, whose records are the differences.
  init(
    _ file: consuming OwnedDescriptor, _ undo: ValidatedStaging, _ engine: Engine, _ control: RunControl
  ) {
    self.file = file
    extent = .whole(undo)
    name = undo.name
    self.engine = engine
    self.control = control
  }

  /// What differs in one pair, but for a tail, in ascending order.
  ///
  /// - Parameter digests: is given each record's digests of what is there.
  func ranges(of pair: Int, _ digests: KeptDigests? = nil) throws(ResyncError) -> StagedRanges {
    let queue = try attempt("make a queue for", on: name, .setUp) { () throws(Errno) in
      try DiskQueue(primary: file, recovery: file, geometry: StagingFormat.geometry(), engine: engine)
    }
    let pass: StagingPass
    switch extent {
    case .figures(let header, let segments):
      let hash = try attempt("read", on: name, .setUp) { () throws(Errno) in try RunningChecksum() }
      pass = StagingPass(
        StagingScan(header, hash: hash, only: pair, takesFigures: true), segments, name: name,
        requests: StagingRequests(depth: queue.geometry.depth, block: 512, control: control),
        geometry: queue.geometry)
    case .whole(let undo): pass = try undo.pass(pair: pair, through: queue, control: control)
    }
    return StagedRanges(pair, pass, queue, digests)
  }

  /// Bytes that one digest of a pair's record is of.
  func digestUnit(of pair: Int) -> Int {
    switch extent {
    case .figures(let header, _): Int(header.pairs[pair].recoveryBlockSize)
    case .whole(let undo): Int(undo.header.pairs[pair].recoveryBlockSize)
    }
  }
}

/// The records of one pair in a staging or undo file, as ranges to compare once more.
final class StagedRanges: RangeSource {
  private let pair: Int
  private var pass: StagingPass
  private var queue: DiskQueue
  private var segment: StagedSegment?
  private let digests: KeptDigests?
  var bytesSkipped: UInt64 { 0 }

  fileprivate init(
    _ pair: Int, _ pass: consuming StagingPass, _ queue: consuming DiskQueue, _ digests: KeptDigests?
  ) {
    self.pair = pair
    self.pass = pass
    self.queue = queue
    self.digests = digests
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
      guard let entry, entry.pair == pair, entry.isBlocks else { continue }
      digests?.add(entry.range, pass.digests(of: entry, in: current, queue))
      return WorkRange(range: entry.range)
    }
  }
}

extension StagingPass {
  /// The digests of what a record of `segment` says is there before it is applied, of each logical block.
  func digests<Queue: BlockQueue & ~Copyable>(
    of entry: StagedEntry, in segment: StagedSegment, _ queue: borrowing Queue
  ) -> [UInt64] {
    queue.withBytes(of: segment.slot, count: segment.place + StagingFormat.indexSize) { (file, _) in
      (0..<oldDigests(of: entry)).map { number in
        file.littleEndian(at: segment.place + entry.oldDigests + number * 8, as: UInt64.self)
      }
    }
  }
}
