extension RunResult {
  /// A result as it goes from the worker to its monitor: every stored value, read as hostile input.
  ///
  /// What a job is the monitor's to add. `RunResult`'s own coding is the object that `--json` prints, which leaves out what only texts show.
  struct Wire: Codable, Sendable {
    var operation: RunRequest.Operation
    var isDryRun: Bool
    var returnValue: ReturnValue
    var message: String
    var pairs: [PairResult]
    var totals: RunTotals
    var wasTerminated: Bool
    var wasDeclined: Bool
    var engine: String?
    var computerSystem: String?

    init(_ result: RunResult) {
      operation = result.operation
      isDryRun = result.isDryRun
      returnValue = result.returnValue
      message = result.message
      pairs = result.pairs
      totals = result.totals
      wasTerminated = result.wasTerminated
      wasDeclined = result.wasDeclined
      engine = result.engine
      computerSystem = result.computerSystem
    }

    /// - Throws: for numbers that no run can have, which texts and maps could not be made from.
    func result() throws(WireFault) -> RunResult {
      guard ([totals] + pairs.map(\.totals)).allSatisfy({ $0.seconds >= 0 && $0.seconds < 1e15 }) else {
        throw .nonsense
      }
      for pair in pairs {
        let size = pair.primary.size
        guard pair.landmarks.allSatisfy({ size > 0 && $0.range.end <= size }) else { throw .nonsense }
      }
      var result = RunResult(nil, returnValue, message, pairs)
      result.operation = operation
      result.isDryRun = isDryRun
      result.totals = totals
      result.wasTerminated = wasTerminated
      result.wasDeclined = wasDeclined
      result.engine = engine
      result.computerSystem = computerSystem
      return result
    }
  }
}
