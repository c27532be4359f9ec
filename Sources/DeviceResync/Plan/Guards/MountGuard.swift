/// A mounted file system writes whenever it likes.
enum MountGuard: Guard {
  static let name = "mounts"
  static let protectsWritingOnly = true

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let mounts = facts.mounts(of: facts.recovery)
    guard let first = mounts.first else { return passed("nothing of the recovery is mounted") }
    return [
      refused(
        .systemInUse, "the recovery \(facts.recovery.identity.title) is mounted",
        evidence: mounts.map { "\($0.device) on \(PrintableText($0.mountPoint))" },
        remedy: "unmount it with: umount \(ShellWord(first.mountPoint))")
    ]
  }
}
