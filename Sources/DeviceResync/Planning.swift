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
  var view = try HostView(request, names, ownLoops)
  if var helper = probe.take() {
    fill(&view.disks, &helper)
  } else if let previous {
    view.takeContents(of: previous.pairs.map { (primary: $0.primary, recovery: $0.recovery) })
  }
  var plan = view.judged()
  var passing: Plan?
  guard request.writes else { return plan }
  // Whoever has opened a disk for writing is looked for again after a second: gone, it was no user of it. Who came
  // meanwhile is looked for again in the same way.
  for _ in 0..<looksForOpeners where plan.mayPass {
    pause(milliseconds: 1000)
    let before = view
    view = try HostView(request, names, ownLoops)
    view.takeContents(of: before.disks)
    plan = view.judged()
    let stayed = view.judged(Set(before.host.openers))
    if stayed.refusal != nil { return stayed }
    if !plan.mayPass { return plan }
    // Only who has just come is in the way; should the last look still find somebody new, nobody has stayed.
    passing = stayed
  }
  return passing ?? plan
}

/// How often they are looked for, one second apart.
private let looksForOpeners = 5

/// The host and the disks of a request at one moment.
private struct HostView {
  let host: Host
  var disks: [DiskPair]
  private let request: RunRequest
  private let ringRefusal: Errno?
  private let state: StateView

  init(
    _ request: RunRequest, _ names: [(primary: NamedPath, recovery: NamedPath)], _ ownLoops: Set<DeviceNumber>
  ) throws(ResyncError) {
    let files = names.flatMap { [$0.primary, $0.recovery] }.compactMap(\.status).filter {
      $0.kind == .regular
    }
    var host = try discoverHost(images: Set(files.map(\.identity)))
    host.ownLoops = ownLoops
    host.hosted = HostedDisks(KnownSystems.now())
    self.host = host
    self.request = request
    ringRefusal = DeviceResync.ringRefusal()
    disks = names.map { name in
      (
        primary: NamedDisk(.primary, name.primary, on: host),
        recovery: NamedDisk(.recovery, name.recovery, on: host)
      )
    }
    if request.writes {
      for index in disks.indices { disks[index].recovery.isEmptyImage = disks[index].recovery.looksEmpty() }
    }
    state = StateView(of: disks, on: host, in: FilePath(request.stateDirectory))
  }

  /// Takes over what was found on the same disks before.
  mutating func takeContents(of others: [DiskPair]) {
    for (index, other) in others.enumerated() {
      disks[index].primary.content = other.primary.content
      disks[index].recovery.content = other.recovery.content
      disks[index].primary.hasZeroEnds = other.primary.hasZeroEnds
    }
  }

  /// The plan.
  ///
  /// - Parameter openers: only these count, of those that were found; nil for all.
  func judged(_ openers: Set<Opener>? = nil) -> Plan {
    var host = host
    if let openers { host.openers.removeAll { !openers.contains($0) } }
    return Plan(
      request,
      disks.enumerated().map { index, pair in
        PairFacts(
          request: request, host: host, primary: pair.primary, recovery: pair.recovery,
          others: disks.enumerated().filter { $0.offset != index }.map(\.element), ringRefusal: ringRefusal,
          state: state, identities: state.pairs?[index])
      })
  }
}

private typealias DiskPair = (primary: NamedDisk, recovery: NamedDisk)

/// Adds what lies on each disk that could be looked at.
private func fill(_ disks: inout [DiskPair], _ probe: inout ProbeHelper) {
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
  // Only a primary on which nothing was found may be blank.
  for index in disks.indices where disks[index].primary.content.signatures.isEmpty {
    disks[index].primary.hasZeroEnds = disks[index].primary.looksZeroAtItsEnds()
  }
}
