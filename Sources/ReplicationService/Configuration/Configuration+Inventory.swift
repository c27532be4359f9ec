public import DeviceResync

extension Configuration {
  /// The same, with the systems that its relationships name and hypervisors know.
  ///
  /// Hypervisors are asked only where a name needs them.
  /// - Parameter names: further systems that are asked for.
  /// - Throws: what ``init(at:)`` throws of names that do not go together.
  public func completed(for names: [String] = []) throws(ResyncError) -> Configuration {
    try completed(for: names) { InventoryProcess.inventory($0) }
  }

  func completed(
    for names: [String], by ask: ([String]) -> SystemInventory
  ) throws(ResyncError) -> Configuration {
    let wanted = (relationships.flatMap { [$0.primary, $0.recovery] } + names).filter { system($0) == nil }
    if wanted.isEmpty { return self }
    let inventory = ask(hypervisors)
    var result = self
    result.silent = inventory.silent
    for name in wanted {
      let found = inventory.systems(named: name)
      if found.count > 1 {
        // Who asks for it is told; others are none the worse.
        result.ambiguous[name] = found.map(\.title)
        continue
      }
      guard let system = found.first.map(System.init), !result.systems.contains(system) else { continue }
      result.systems.append(system)
    }
    try result.check()
    return result
  }
}

extension Configuration {
  /// What the systems are called that are the recovery of a relationship.
  ///
  /// - Parameter roles: who is the primary since a `reverse`.
  public func recoveries(by roles: [RelationshipRoles]) -> [String] {
    relationships(by: roles).map { title(of: $0.recovery) }
  }

  /// A system, as a run names it; nil where it is not known.
  func named(_ reference: String) -> NamedSystem? {
    guard let system = system(reference) else { return nil }
    return NamedSystem(
      title: system.reference, names: Set([system.reference] + (system.uuid.map { ["\($0)"] } ?? [])),
      isHosted: system.hypervisor != nil)
  }

  /// Its hypervisor's name for it, where one knows it.
  func title(of reference: String) -> String {
    guard let system = system(reference) else { return UniqueID(reference).map { "\($0)" } ?? reference }
    return system.reference
  }
}

extension Configuration.System {
  /// How a relationship names it.
  var reference: String { hypervisor == nil ? name : place }

  /// Of what a hypervisor knows.
  init(_ system: HostedSystem) {
    name = system.name
    uuid = system.uuid
    hypervisor = system.provider
    place = system.reference
    disks = system.disks.map { disk in
      Configuration.Disk(
        target: disk.target, source: disk.source ?? "", serial: disk.serial, wwn: disk.wwn, alias: disk.alias,
        isReplicated: disk.isReplicated, obstacle: disk.obstacle)
    }
  }
}

extension HostedSystem {
  /// How it is told apart from others of its name.
  fileprivate var title: String { "\(reference)\(uuid.map { " (\($0))" } ?? "")" }
}
