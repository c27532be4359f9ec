/// Whether what `--recovery-point` asks for can be kept.
enum RecoveryPointGuard: Guard {
  static let name = "recovery point"

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let request = facts.request
    guard request.writes, let kind = request.recoveryPoint else { return passed("none is asked for") }
    switch kind {
    case .undo:
      guard request.writeBack == .staged else {
        return [
          refused(
            .notSupported, "old bytes are kept beside staged ones only, and this run writes in place",
            remedy: request.isInitial
              ? "leave out --initial, or --recovery-point"
              : "run with --write-back staged --recovery-point undo")
        ]
      }
      return passed("the old bytes are kept beside the new ones, sealed by the same commit")
    case .snapshot:
      return [
        refused(
          .notSupported, "clones of images cannot be taken in this version",
          remedy: "run with --recovery-point undo")
      ]
    }
  }
}
