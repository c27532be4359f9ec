import SystemPackage

/// Looks at the host and judges: nothing is opened for writing, locked or claimed.
///
/// - Throws: where the host itself cannot be looked at; what is wrong with a disk is a guard's verdict.
public func makePlan(_ request: RunRequest) throws(ResyncError) -> Plan {
  try makePlan(request, ownLoops: [])
}

/// The same while a run holds its claims: `ownLoops` are the loops that it attached.
func makePlan(_ request: RunRequest, ownLoops: Set<DeviceNumber>) throws(ResyncError) -> Plan {
  let names = request.pairs.map { pair in
    (primary: NamedPath(resolving: pair.primary), recovery: NamedPath(resolving: pair.recovery))
  }
  let images = names.flatMap { [$0.primary, $0.recovery] }.compactMap(\.status).filter { $0.kind == .regular }
  var host = try discoverHost(images: Set(images.map(\.identity)))
  host.ownLoops = ownLoops
  let ringRefusal = ringRefusal()

  var disks: [(primary: NamedDisk, recovery: NamedDisk)] = []
  for name in names {
    disks.append(
      (primary: NamedDisk(.primary, name.primary, on: host), recovery: NamedDisk(.recovery, name.recovery, on: host)))
  }
  let facts = disks.enumerated().map { index, pair in
    PairFacts(
      request: request, host: host, primary: pair.primary, recovery: pair.recovery,
      others: disks.enumerated().filter { $0.offset != index }.map(\.element), ringRefusal: ringRefusal)
  }
  return Plan(request, facts)
}
