/// Which ways of writing and of holding the source still there are.
enum WriteBackGuard: Guard {
  static let name = "modes"

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let request = facts.request
    if request.operation == .resync, request.writeBack == .inPlace, request.readsBack,
      request.source == .running
    {
      return [
        refused(
          .invalidParameter, "a primary that is written meanwhile cannot be compared once more",
          remedy: "leave --verify out, or stop the primary VM")
      ]
    }
    if request.source == .snapshot {
      return [
        refused(
          .notSupported, "snapshots cannot be taken in this version",
          remedy: "stop the primary VM, or use --source running")
      ]
    }
    guard request.writes else { return passed("nothing is written") }
    if request.writeBack == .staged { return passed("differences are staged and committed together") }
    return passed(
      "differences are written in place, "
        + (request.recoveryPoint == .undo ? "when all of them are known" : "as they are found"))
  }
}
