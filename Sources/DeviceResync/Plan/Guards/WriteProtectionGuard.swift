import SystemPackage

/// The recovery must take writes (PITFALLS A12, B12).
enum WriteProtectionGuard: Guard {
  static let name = "write protection"
  static let protectsWritingOnly = true

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let recovery = facts.recovery
    let title = "the recovery \(recovery.identity.title)"
    if let device = recovery.device, device.isReadOnly {
      return [
        refused(
          .accessDenied, "\(title) is read-only",
          remedy: device.kind == .loop
            ? "attach it writable: losetup -d \(device.node), then losetup without -r"
            : "if that is meant, allow writing with: blockdev --setrw \(device.node)")
      ]
    }
    if let image = recovery.image, image.status.isImmutable {
      return [
        refused(
          .accessDenied, "\(title) is immutable",
          remedy: "allow changes with: chattr -i \(ShellWord(image.path.string))")
      ]
    }
    if let image = recovery.image, image.fileSystem.isReadOnly {
      return [
        refused(
          .accessDenied, "\(title) lies on a file system that is mounted read-only",
          remedy: "mount it writable")
      ]
    }
    return passed("the recovery takes writes")
  }
}
