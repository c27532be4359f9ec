/// After the run both disks carry the same UUIDs; host tools may take one for the other (PITFALLS A23).
enum TwinGuard: Guard {
  static let name = "twins"
  static let protectsWritingOnly = true

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    guard facts.primary.content.holdsPhysicalVolume || facts.recovery.content.holdsPhysicalVolume else {
      return passed("no LVM physical volume on either")
    }
    let node = facts.recovery.device.map { $0.pasteableName ?? $0.node }
    return [
      .warning(
        name, "both will carry the same LVM physical volume, and LVM on this host may activate the replica's",
        remedy: node.map { "keep LVM away with: global_filter = [ \"r|^\($0)|\" ] in /etc/lvm/lvm.conf" })
    ]
  }
}
