/// Host-managed zones take writes in sequence only.
enum ZoneGuard: Guard {
  static let name = "zones"

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let zoned = Side.allCases.filter { facts[$0].device?.queue.zonedModel == "host-managed" }
    guard zoned.isEmpty else {
      return zoned.map { side in
        refused(
          .notSupported, "the \(side.name) \(facts[side].identity.title) is a host-managed zoned device",
          remedy: "put a translation layer (dm-zoned) on it")
      }
    }
    return passed("neither is zoned")
  }
}
