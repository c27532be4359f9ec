/// After the run both disks carry the same UUIDs; host tools may take one for the other (PITFALLS A23).
enum TwinGuard: Guard {
  static let name = "twins"
  static let protectsWritingOnly = true

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    guard facts.primary.content.holdsPhysicalVolume || facts.recovery.content.holdsPhysicalVolume else {
      return passed("no LVM physical volume on either")
    }
    return [
      .warning(
        name, "both will carry the same LVM physical volume, and LVM on this host may activate the replica's",
        remedy: facts.recovery.device.map { "keep LVM away with: \(filterLine(for: $0))" })
    ]
  }

  /// The line that keeps LVM from looking at `device` (lvm.conf(5)).
  static func filterLine(for device: BlockDevice) -> String {
    "global_filter = [ \"r|^\(PrintableText(device.pasteableName ?? device.node))|\" ] in /etc/lvm/lvm.conf"
  }
}
