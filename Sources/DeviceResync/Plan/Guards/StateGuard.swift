/// What stopped and running runs have left on the disks (DESIGN 6): looked up by disk, on either side.
enum StateGuard: Guard {
  static let name = "state"
  static let protectsWritingOnly = true

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    if let fault = facts.state.fault {
      return [refused(fault.returnValue, "what is remembered cannot be read: \(fault)", remedy: fault.remedy)]
    }
    switch facts.state.decision() {
    case .refuse(let error):
      return [refused(error.returnValue, "\(error.withoutRemedy)", remedy: error.remedy)]
    case .rollForward, .giveUp:
      return [.warning(name, "a commit on the recovery is unfinished: it is finished first")]
    case .dropStaging(let run, _) where run.checkpoint != nil:
      return passed(
        "a run of \(run.began) was stopped and committed nothing: it is gone on with if both disks are shown to be "
          + "unchanged, else dropped")
    case .dropStaging, .continueRun:
      return passed("a stopped run had committed nothing: the recovery stands as it was")
    case .proceed: break
    }
    let notes = facts.state.remembered.notes.map {
      GuardVerdict.warning(name, "a record was passed over: \($0)")
    }
    guard let state = facts.recoveryState else {
      return passed("nothing is remembered of the recovery") + notes
    }
    if case .settled(.inconsistent(let left)) = state {
      let reason = "the recovery is Inconsistent since \(left.since), until a run completes"
      return [.warning(name, reason + (facts.state.stopped.map(onward) ?? ""))] + notes
    }
    return passed("the recovery is \(state.title)") + notes
  }

  /// What may become of a run in place that was stopped.
  private static func onward(_ run: RunRecord) -> String {
    guard let checkpoint = run.checkpoint, checkpoint.isProvable, let last = checkpoint.pairs.last else {
      return ""
    }
    return "; the run of \(run.began) is gone on with at \(ByteCount(last.offset)) if both disks are shown "
      + "to be unchanged"
  }
}
