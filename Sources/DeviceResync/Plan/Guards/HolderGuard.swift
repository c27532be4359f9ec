/// Devices that are built on the recovery: dm, md, LVM, multipath, bcache (PITFALLS A3).
enum HolderGuard: Guard {
  static let name = "holders"
  static let protectsWritingOnly = true

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let holders = facts.holders(of: facts.recovery)
    guard let first = holders.first else { return passed("no device is built on the recovery") }
    return [
      refused(
        .systemInUse,
        "the recovery \(facts.recovery.identity.title) is held by \(holders.map(\.title).joined(separator: ", "))",
        evidence: holders.map(\.title), remedy: remedy(first, facts.recovery))
    ]
  }

  private static func remedy(_ holder: BlockDevice, _ recovery: NamedDisk) -> String {
    if holder.volumeGroupUUID != nil, let name = holder.mapperName {
      let deactivation = "deactivate it with: vgchange -an \(ShellWord(volumeGroup(ofMapper: name)))"
      // What was activated once by itself will be again (PITFALLS A23).
      return recovery.device.map { "\(deactivation); keep LVM away with: \(TwinGuard.filterLine(for: $0))" }
        ?? deactivation
    }
    if let name = holder.mapperName { return "remove the map with: dmsetup remove \(ShellWord(name))" }
    if holder.kind == .raid { return "stop it with: mdadm --stop \(holder.node)" }
    return "take \(holder.name) down first"
  }

  /// The group's part of `vg-lv`; a hyphen within a name is doubled (lvm(8), device-mapper names).
  static func volumeGroup(ofMapper name: String) -> String {
    let marked = name.replacing("--", with: "\u{0}")
    return (marked.split(separator: "-").first.map(String.init) ?? marked).replacing("\u{0}", with: "-")
  }
}
