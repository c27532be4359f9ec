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
    let found = Overlap(one.extents, other.extents)
    // LVM never gives one extent to two volumes of a group.
    if found == .possible, let group = one.device?.volumeGroupUUID, group == other.device?.volumeGroupUUID,
      one.device?.mapperUUID != other.device?.mapperUUID
    {
      return .none
    }
    return found
  }

  /// The world wide name that two nodes share, unless they are separate partitions below it.
  private static func sharedName(_ one: NamedDisk, _ other: NamedDisk) -> String? {
    guard let first = one.device, let second = other.device, let wwid = first.wwid, wwid == second.wwid else {
      return nil
    }
    let (range, otherRange) = (first.rangeOnDisk, second.rangeOnDisk)
    if let range, let otherRange, !range.overlaps(otherRange) { return nil }
    return wwid
  }
}
