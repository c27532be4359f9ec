/// Primary and recovery must share no byte (PITFALLS A4, A5), and no disk may take part twice (E12).
enum SameStorageGuard: Guard {
  static let name = "storage"

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let verdicts = within(facts) + across(facts)
    return verdicts.isEmpty ? passed("the two share no storage") : verdicts
  }

  private static func within(_ facts: PairFacts) -> [GuardVerdict] {
    let (primary, recovery) = (facts.primary, facts.recovery)
    if let wwid = sharedName(primary, recovery) {
      return [
        refused(
          .invalidParameter, "primary and recovery are paths to one disk",
          evidence: ["both are \(PrintableText(wwid))"],
          remedy: "name two disks")
      ]
    }
    switch overlap(primary, recovery) {
    case .none: return []
    case .certain:
      return [
        refused(
          .invalidParameter, "primary and recovery are the same storage, or overlap",
          evidence: [primary.identity.title, recovery.identity.title], remedy: "name two disks")
      ]
    case .possible:
      return [
        refused(
          .invalidParameter, "primary and recovery lie on one disk, and whether they overlap cannot be told",
          evidence: [primary.identity.title, recovery.identity.title],
          remedy: "name two disks, or two volumes of one LVM group")
      ]
    }
  }

  /// Roles that contradict each other between the pairs of one call.
  private static func across(_ facts: PairFacts) -> [GuardVerdict] {
    facts.others.flatMap { other -> [GuardVerdict] in
      var found: [GuardVerdict] = []
      if overlap(facts.recovery, other.recovery) != .none {
        found.append(
          refused(
            .invalidParameter, "\(facts.recovery.identity.title) is the recovery of two pairs",
            remedy: "name each recovery once"))
      }
      if overlap(facts.recovery, other.primary) != .none {
        found.append(
          refused(
            .systemInUse, "\(facts.recovery.identity.title) is the primary of another pair of this call",
            remedy: "run one call after the other"))
      }
      return found
    }
  }

  private static func overlap(_ one: NamedDisk, _ other: NamedDisk) -> Overlap {
    // One device is the same storage however little is known of where it lies.
    if let number = one.device?.number, number == other.device?.number { return .certain }
    return Overlap(one.extents, other.extents)
  }

  /// The world wide name, or the serial number that udev makes with maker and model, which two nodes share;
  /// nil for separate partitions below it.
  private static func sharedName(_ one: NamedDisk, _ other: NamedDisk) -> String? {
    guard let first = one.device, let second = other.device, first.number != second.number else { return nil }
    let names = [
      (first.wwid, second.wwid), (first.properties["ID_SERIAL"], second.properties["ID_SERIAL"]),
    ]
    guard let name = names.first(where: { $0.0 == $0.1 && $0.0?.isEmpty == false })?.0 else { return nil }
    let (range, otherRange) = (first.rangeOnDisk, second.rangeOnDisk)
    if let range, let otherRange, !range.overlaps(otherRange) { return nil }
    return name
  }
}
