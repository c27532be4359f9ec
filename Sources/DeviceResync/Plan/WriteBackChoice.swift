/// Where a run's differences go, and why (DESIGN 3, `--write-back`): one way for all pairs of a call.
struct WriteBackChoice: Sendable, Equatable {
  let writeBack: RunRequest.WriteBack
  /// For people.
  let reason: String

  /// In place only where it is asked for, or where every recovery has nothing that could be lost.
  init(_ request: RunRequest, _ pairs: [PairFacts]) {
    if let asked = request.writeBack {
      self.init(asked, "as asked for")
    } else if request.recoveryPoint == .undo, !request.isInitial {
      self.init(.staged, "the old bytes are kept beside the new ones")
    } else if request.isInitial {
      self.init(.inPlace, "--initial says that nothing on the recovery is of worth")
    } else {
      let reasons = pairs.map(Self.worthless)
      if let first = reasons.first ?? nil, reasons.allSatisfy({ $0 != nil }) {
        self.init(.inPlace, first)
      } else {
        self.init(.staged, "nothing is lost before all of it is there")
      }
    }
  }

  private init(_ writeBack: RunRequest.WriteBack, _ reason: String) {
    self.writeBack = writeBack
    self.reason = reason
  }

  /// Why nothing on the recovery could be lost; nil where something could.
  private static func worthless(_ facts: PairFacts) -> String? {
    if facts.recovery.isEmptyImage { return "the recovery is blank" }
    if case .settled(.inconsistent)? = facts.recoveryState { return "the recovery is Inconsistent already" }
    return nil
  }
}
