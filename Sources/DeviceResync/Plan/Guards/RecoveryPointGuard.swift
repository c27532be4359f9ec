/// Whether what `--recovery-point` asks for can be kept.
enum RecoveryPointGuard: Guard {
  static let name = "recovery point"

  private static let instead = "run with --recovery-point undo"

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let request = facts.request
    guard request.writes, let kind = request.recoveryPoint else { return passed("none is asked for") }
    switch kind {
    case .undo:
      if request.writeBack == .staged {
        return passed("the old bytes are kept beside the new ones, sealed by the same commit")
      }
      guard SourceGuard.mode(facts) == .offline else {
        return [
          refused(
            .notSupported,
            "in place old bytes are kept before anything is written, and what a running primary holds when it is "
              + "written is another thing by then",
            remedy: "stop the primary VM, or run with --write-back staged --recovery-point undo")
        ]
      }
      return passed("all old bytes are kept before anything is written")
    case .snapshot:
      guard let image = facts.recovery.image else {
        return [
          refused(
            .notSupported, "raw images that are named themselves are cloned, and the recovery is a device",
            remedy: instead)
        ]
      }
      guard ["xfs", "btrfs"].contains(image.fileSystem.name) else {
        return [
          refused(
            .notSupported,
            "images are cloned on XFS and btrfs, and the recovery lies on "
              + (image.fileSystem.name ?? "another file system"),
            remedy: instead)
        ]
      }
      return passed("the recovery's image is cloned before anything is written")
    }
  }
}
