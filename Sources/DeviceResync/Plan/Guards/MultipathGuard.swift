/// A path of a multipath map must not be written beside the map (PITFALLS A4).
enum MultipathGuard: Guard {
  static let name = "multipath"
  static let protectsWritingOnly = true

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let paths = Side.allCases.filter { side in
      let properties = facts[side].device?.properties ?? [:]
      return properties["DM_MULTIPATH_DEVICE_PATH"] == "1" || properties["ID_FS_TYPE"] == "mpath_member"
    }
    guard paths.isEmpty else {
      return paths.map { side in
        refused(
          side == .recovery ? .systemInUse : .invalidParameter,
          "the \(side.name) \(facts[side].identity.title) is one path of a multipath disk",
          remedy: "name the map in /dev/mapper; find it with: multipath -ll")
      }
    }
    return passed("neither is a path of a multipath disk")
  }
}
