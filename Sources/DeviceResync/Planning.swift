import SystemPackage

/// Looks at the host and judges: nothing is opened for writing, locked or claimed.
///
/// - Throws: where the host itself cannot be looked at; what is wrong with a disk is a guard's verdict.
public func makePlan(_ request: RunRequest) throws(ResyncError) -> Plan {
  let clock = ContinuousClock()
  let deadline = clock.now + patienceWithFormerRun
  while true {
    let plan = try makePlan(request, ownLoops: [])
    guard request.writes, plan.isEnding, clock.now < deadline else { return plan }
    pause(milliseconds: 100)
  }
}

/// How long a killed run's last I/O may take; its claims end with it (PITFALLS E1).
let patienceWithFormerRun = Duration.seconds(30)

/// The same while a run holds its claims.
///
/// - Parameters:
///   - ownLoops: loops that the run attached.
///   - previous: a plan whose disks were probed already; what lies on them is only shown, so once is enough.
func makePlan(
  _ request: RunRequest, ownLoops: Set<DeviceNumber>, previous: Plan? = nil
) throws(ResyncError) -> Plan {
  let names = request.pairs.map { pair in
    (primary: NamedPath(resolving: pair.primary), recovery: NamedPath(resolving: pair.recovery))
  }
  // Gets ready while we look around.
  var probe = previous == nil ? ProbeHelper() : nil
  let images = names.flatMap { [$0.primary, $0.recovery] }.compactMap(\.status).filter { $0.kind == .regular }
  var host = try discoverHost(images: Set(images.map(\.identity)))
  host.ownLoops = ownLoops
  let ringRefusal = ringRefusal()

  var disks: [(primary: NamedDisk, recovery: NamedDisk)] = []
  for (index, name) in names.enumerated() {
    var primary = NamedDisk(.primary, name.primary, on: host)
    var recovery = NamedDisk(.recovery, name.recovery, on: host)
    if let previous {
      primary.content = previous.pairs[index].primary.content
      recovery.content = previous.pairs[index].recovery.content
    }
    disks.append((primary: primary, recovery: recovery))
  }
  if var helper = probe.take() { fill(&disks, &helper) }

  func judged(_ host: Host) -> Plan {
    Plan(
      request,
      disks.enumerated().map { index, pair in
        PairFacts(
          request: request, host: host, primary: pair.primary, recovery: pair.recovery,
          others: disks.enumerated().filter { $0.offset != index }.map(\.element), ringRefusal: ringRefusal)
      })
  }
  let plan = judged(host)
  guard request.writes, plan.mayPass else { return plan }
  // Whoever has opened a disk for writing is looked for again after a second: gone, it was no user of it.
  pause(milliseconds: 1000)
  let stayed = Set(try discoverHost(images: Set(images.map(\.identity))).openers)
  host.openers.removeAll { !stayed.contains($0) }
  return judged(host)
}

/// Adds what lies on each disk that could be looked at.
private func fill(_ disks: inout [(primary: NamedDisk, recovery: NamedDisk)], _ probe: inout ProbeHelper) {
  var places: [(pair: Int, side: Side, path: FilePath)] = []
  for (index, pair) in disks.enumerated() {
    for disk in [pair.primary, pair.recovery] where disk.size > 0 && disk.refusal == nil {
      if let path = disk.name.canonical { places.append((index, disk.side, path)) }
    }
  }
  for (place, content) in zip(places, probe.probeDisks(places.map(\.path))) {
    switch place.side {
    case .primary: disks[place.pair].primary.content = content
    case .recovery: disks[place.pair].recovery.content = content
    }
  }
}
