/// Raw disks are root's.
enum PrivilegeGuard: Guard {
  static let name = "privilege"

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    guard facts.host.isRoot else {
      return [refused(.accessDenied, "raw disks can be opened by root only", remedy: "run it with sudo")]
    }
    return passed("run by root")
  }
}
