import SystemPackage

/// Writes each difference to the recovery as it is found, from the buffer that it was read into.
struct InPlaceSink: DifferenceSink, ~Copyable {
  var recorder: DifferenceRecorder
  /// Where writes were started, for the second comparison of `--verify`; nil where it is not asked for.
  var marks: MarkedCells?

  init(_ recorder: consuming DifferenceRecorder, marks: MarkedCells? = nil) {
    self.recorder = recorder
    self.marks = marks
  }

  mutating func take<Queue: BlockQueue & ~Copyable>(
    _ difference: Difference, from queue: inout Queue
  ) throws(ResyncError) -> DifferenceTaken {
    do throws(Errno) {
      try queue.startWrite(difference.range, from: difference.slot, at: difference.place)
    } catch .resourceTemporarilyUnavailable {
      return .later
    } catch {
      throw ResyncError(.kernel(error, .transfer), "write", side: .recovery, range: difference.range)
    }
    marks?.mark(difference.range)
    try recorder.record(difference.range)
    return .writing
  }

  mutating func finish() throws(ResyncError) { try recorder.finish() }
}
