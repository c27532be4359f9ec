import SystemPackage

extension Array {
  /// Works on one element for each pair, several at once, in their order; none is under way any more when this returns.
  ///
  /// - Parameters:
  ///   - lanes: those of one lane are worked on one after the other (``Plan/lanes``).
  ///   - most: how many at once.
  ///   - endsTogether: whether a failure of one ends the others at their next chunk, and lets none begin.
  mutating func workSideBySide<Value: Sendable>(
    _ lanes: [[Int]], most: Int, _ control: RunControl, _ reporter: RunReporter, endsTogether: Bool = true,
    _ body: @escaping @Sendable (inout Element) throws(ResyncError) -> Value
  ) throws(ResyncError) -> [Result<Value, ResyncError>] {
    control.cut(false)
    defer { control.cut(false) }
    var work: [(element: Element, outcome: Result<Value, ResyncError>?)] = map { ($0, nil) }
    reporter.beginPairs()
    let ending = Result { () throws(Errno) in
      try sideBySide(&work, lanes: lanes, most: most) { index, work in
        guard !control.isCut else { return work.outcome = .failure(control.ending()) }
        reporter.begin(pair: index)
        do throws(ResyncError) {
          work.outcome = .success(try body(&work.element))
        } catch {
          work.outcome = .failure(error)
          if endsTogether { control.cut(true) }
        }
        reporter.end(pair: index)
      }
    }
    self = work.map(\.element)
    do throws(Errno) {
      try ending.get()
    } catch {
      throw ResyncError(.kernel(error, .setUp), "start", on: "a thread for each pair that is worked on")
    }
    return work.map { work in
      guard let outcome = work.outcome else { preconditionFailure("every pair was worked on") }
      return outcome
    }
  }

  /// The outcomes that went well, where all did that count.
  ///
  /// What one ends with because of another's failure or finding does not count.
  /// - Throws: the first failure, in the pairs' order; else the run's end, where it was asked for.
  func all<Value>(_ control: RunControl) throws(ResyncError) -> [Value]
  where Element == Result<Value, ResyncError> {
    let failures = compactMap { if case .failure(let error) = $0 { error } else { nil } }
    if let first = failures.first(where: { !$0.isStop }) { throw first }
    if control.isStopping, let first = failures.first { throw first }
    return compactMap { if case .success(let value) = $0 { value } else { nil } }
  }
}

extension [PairRun] {
  /// What writes a file that all pairs fill.
  ///
  /// A ring belongs to the thread that made it; several pairs fill the file from threads of their own.
  ///
  /// - Parameter lanes: which pairs may be worked on side by side.
  func stagingEngine(_ lanes: [[Int]]) -> Engine {
    Swift.min(self[0].request.parallel, lanes.count) > 1 ? .threads : self[0].planned.engine
  }

  /// Carries all pairs out, several at once; what fails is in their results, and does not matter to the others.
  mutating func carryOut(
    _ lanes: [[Int]], _ request: RunRequest, _ control: RunControl, _ reporter: RunReporter
  ) throws(ResyncError) {
    _ = try workSideBySide(lanes, most: request.parallel, control, reporter, endsTogether: false) {
      (run) throws(ResyncError) in
      if control.isStopping {
        run.result.returnValue = control.ending().returnValue
      } else {
        run.carryOut()
      }
    }
  }
}

/// A directory of staging files that several threads open files in.
final class SharedDirectory: Sendable {
  let directory: StagingDirectory
  init(_ directory: consuming StagingDirectory) { self.directory = directory }
}
