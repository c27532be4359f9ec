/// The kernel's count of written sectors shows foreign writes; some devices keep none (PITFALLS G2).
enum WitnessGuard: Guard {
  static let name = "witness"

  static func judge(_ facts: PairFacts) -> [GuardVerdict] {
    let silent = Side.allCases.compactMap { side -> GuardVerdict? in
      guard let device = facts[side].device, !device.queue.countsSectors else { return nil }
      let disk = device.disk ?? device.name
      return .warning(
        name,
        "the kernel does not count what is written to the \(side.name): a point in time cannot be proven",
        evidence: ["/sys/block/\(disk)/queue/iostats is 0"],
        remedy: "turn it on with: echo 1 > /sys/block/\(disk)/queue/iostats")
    }
    return silent.isEmpty ? passed("foreign writes would be noticed") : silent
  }
}
