import Testing

@testable import DeviceResync

extension StateDirectory {
  /// The arguments of a run in place of several pairs that keeps the old bytes.
  func undoInPlaceWords(_ pairs: [(String, String)], _ options: [String] = []) -> [String] {
    parallelWords(
      .resync, pairs.map { (primary: $0.0, recovery: $0.1) },
      inPlace + ["--recovery-point", "undo", "--state-dir", path] + options)
  }

  /// The run, to its end.
  func undoInPlace(
    _ pairs: [(String, String)], _ options: [String] = [], through wrapper: [String] = []
  ) throws -> Report {
    try Report(Command.start(undoInPlaceWords(pairs, options), through: wrapper).wait())
  }
}

extension UndonePair {
  /// Leaves both recoveries Inconsistent: the run is killed when it has written the first, and is about to write the second.
  func stopInPlace(sourceLocation: SourceLocation = #_sourceLocation) throws {
    let words = state.undoInPlaceWords(
      pairs, ["--engine", "threads", "--parallel", "1", "--chunk-size", "64K"])
    let ended = try Command.start(words, through: killing("pwritev2", 1, on: two.recovery)).wait()
    #expect(ended.wasKilled, "\(ended)", sourceLocation: sourceLocation)
    #expect(try state.states() == ["Inconsistent"], sourceLocation: sourceLocation)
    let isWhole = try isOld || isNew
    #expect(!isWhole, sourceLocation: sourceLocation)
  }
}
