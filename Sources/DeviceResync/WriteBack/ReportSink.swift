/// Writes nothing: `compare`, `--dry-run`, and the second look of `--verify`.
struct ReportSink: DifferenceSink, ~Copyable {
  var recorder: DifferenceRecorder

  init(_ recorder: consuming DifferenceRecorder) { self.recorder = recorder }

  mutating func take<Queue: BlockQueue & ~Copyable>(
    _ difference: Difference, from queue: inout Queue
  ) throws(ResyncError) -> DifferenceTaken {
    try recorder.record(difference.range)
    return .done
  }

  mutating func finish() throws(ResyncError) { try recorder.finish() }
}
