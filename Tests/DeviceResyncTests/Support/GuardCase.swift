import Testing

@testable import DeviceResync

/// What stands in a scene, and how a guard must judge it.
struct GuardCase: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let verdict: GuardVerdict.Verdict
  let value: ReturnValue
  /// Each is found in the reason, the evidence or the remedy.
  let says: [String]
  let change: @Sendable (inout Scene) -> Void

  init(
    _ description: String, _ verdict: GuardVerdict.Verdict = .passed, _ value: ReturnValue = .completed,
    says: [String] = [], _ change: @escaping @Sendable (inout Scene) -> Void
  ) {
    testDescription = description
    (self.verdict, self.value, self.says, self.change) = (verdict, value, says, change)
  }

  var facts: PairFacts {
    var scene = Scene()
    change(&scene)
    return scene.facts
  }

  /// Judges by `kind`, for a resync and for a compare.
  func check(_ kind: any Guard.Type) throws {
    let facts = self.facts
    let verdicts = kind.judge(facts)
    let found =
      verdicts.first { $0.isInTheWay } ?? verdicts.first { $0.verdict == .warning } ?? verdicts.first
    let first = try #require(found)
    #expect(first.name == kind.name)
    #expect(first.verdict == verdict)
    #expect(first.returnValue == value)
    let text = verdicts.map { verdict in
      ([verdict.reason] + verdict.evidence + [verdict.remedy].compactMap { $0 }).joined(separator: "\n")
    }.joined(separator: "\n")
    for word in says { #expect(text.contains(word)) }
    if verdict == .refused { #expect(first.remedy != nil, "a refusal names the way out") }
  }

  /// What a compare of the same scene is told by the guard `kind`.
  func compareVerdicts(_ kind: any Guard.Type) -> Set<GuardVerdict.Verdict> {
    var scene = Scene()
    scene.request.operation = .compare
    change(&scene)
    scene.request.operation = .compare
    return Set(judge(scene.facts).filter { $0.name == kind.name }.map(\.verdict))
  }
}
