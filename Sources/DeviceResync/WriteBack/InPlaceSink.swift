import SystemPackage

/// Writes each difference to the recovery as it is found, from the buffer that it was read into.
struct InPlaceSink: DifferenceSink, ~Copyable {
  var recorder: DifferenceRecorder
  /// What is to be compared once more: where writes were started, for `--verify`, and where they may have healed
  /// what could not be read; nil where nothing is.
  var marks: MarkedCells?
  private let marksWrites: Bool
  let punchesZeros: Bool
  /// From the first byte written to the last; nil before the first write.
  private(set) var written: ByteRange?
  private let beforeFirstWrite: () throws(ResyncError) -> Void
  private let allowance: DifferenceAllowance?
  private let kept: KeptDigests?
  private let progress: (SettledPart) throws(ResyncError) -> Void

  /// - Parameters:
  ///   - marksWrites: whether every write is to be compared once more, not only what could not be read.
  ///   - punchesZeros: whether zeros are punched where the device can, or data like the rest.
  ///   - allowance: how much may differ; nil where that is no matter.
  ///   - kept: what may be written; nil for all that differs.
  ///   - beforeFirstWrite: is called once, on the thread that compares; throws where nothing may be written.
  ///   - progress: hears how far everything is compared and written, once a chunk, on that thread too.
  init(
    _ recorder: consuming DifferenceRecorder, marks: MarkedCells? = nil, marksWrites: Bool = true,
    punchesZeros: Bool = false,
    allowance: DifferenceAllowance? = nil, kept: KeptDigests? = nil,
    beforeFirstWrite: @escaping () throws(ResyncError) -> Void = { () throws(ResyncError) in },
    progress: @escaping (SettledPart) throws(ResyncError) -> Void = { (_) throws(ResyncError) in }
  ) {
    self.recorder = recorder
    self.marks = marks
    self.marksWrites = marksWrites
    self.punchesZeros = punchesZeros
    self.beforeFirstWrite = beforeFirstWrite
    self.allowance = allowance
    self.kept = kept
    self.progress = progress
  }

  mutating func take<Queue: BlockQueue & ~Copyable>(
    _ difference: Difference, from queue: inout Queue
  ) throws(ResyncError) -> DifferenceTaken {
    if let kept {
      let place = difference.place..<difference.place + Int(difference.range.length)
      let misfit = queue.withBytes(of: difference.slot, count: place.upperBound) { (primary, _) in
        kept.misfit(difference.range, primary.extracting(place))
      }
      if let misfit { throw .moved(misfit) }
    }
    try allowance?.count(difference.range)
    if written == nil {
      try beforeFirstWrite()
      written = ByteRange(offset: difference.range.offset, length: 0)
    }
    do throws(Errno) {
      if difference.isPunch {
        try queue.startPunch(difference.range, from: difference.slot, at: difference.place)
      } else {
        try queue.startWrite(difference.range, from: difference.slot, at: difference.place)
      }
    } catch .resourceTemporarilyUnavailable {
      allowance?.giveBack(difference.range)
      return .later
    } catch {
      throw ResyncError(.kernel(error, .transfer), "write", side: .recovery, range: difference.range)
    }
    written = written.map { ByteRange($0.offset, upTo: difference.range.end) }
    if marksWrites { marks?.mark(difference.range) }
    try recorder.record(difference.range)
    return .writing
  }

  mutating func hear(settled part: SettledPart) throws(ResyncError) { try progress(part) }

  mutating func hear(unreadable range: ByteRange) { marks?.mark(range) }

  mutating func finish() throws(ResyncError) { try recorder.finish() }
}
