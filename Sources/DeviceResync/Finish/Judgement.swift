/// What the witnesses' findings mean for a pair's result (PITFALLS G1, G2, G5).
enum Judgement {
  /// - Throws: 32768 where somebody wrote to a disk that should have held still.
  static func judge(
    _ primary: Witness.Finding, _ recovery: Witness.Finding, _ pair: PlannedPair, writes: Bool
  ) throws(ResyncError) -> PointInTime {
    if let bytes = recovery.foreignBytes, bytes > 0 {
      if writes { throw foreign(pair.recovery, "somebody else wrote \(bytes) bytes to it during the run") }
      return .no
    }
    if recovery.fileChanged == true {
      if writes { throw foreign(pair.recovery, "somebody else changed the image during the run") }
      return .no
    }
    if pair.sourceMode == .running { return .no }
    if let bytes = primary.foreignBytes, bytes > 0 {
      if writes { throw foreign(pair.primary, "somebody wrote \(bytes) bytes to it during the run") }
      return .no
    }
    if primary.fileChanged == true {
      if writes { throw foreign(pair.primary, "it changed during the run") }
      return .no
    }
    return primary.isSilent || recovery.isSilent ? .unproven : .yes
  }

  private static func foreign(_ disk: NamedDisk, _ reason: String) -> ResyncError {
    ResyncError(
      .foreignWrite, "trust", on: disk.name.typed, side: disk.side, reason: reason,
      remedy: "find the writer with: \(CallContext.current.typed(.devices)); stop it, then run again")
  }
}
