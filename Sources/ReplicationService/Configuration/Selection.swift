public import DeviceResync

extension Configuration {
  /// The system that `reference` names: `NAME`, `static:NAME`, `libvirt:NAME` or its UUID; nil where there is none.
  ///
  /// A bare name is first that of a system that is described here.
  func system(_ reference: String) -> System? {
    let parts = reference.split(separator: ":", maxSplits: 1).map(String.init)
    if parts.count == 2 {
      return systems.first { $0.name == parts[1] && ($0.hypervisor?.rawValue ?? "static") == parts[0] }
    }
    let uuid = UniqueID(reference)
    let found = systems.filter { $0.name == reference || uuid != nil && $0.uuid == uuid }
    return found.first { $0.hypervisor == nil } ?? found.first
  }

  /// The same.
  ///
  /// - Throws: 32777 where there is none; 32771 where one who may know it does not answer; 32770 where its hypervisor
  ///   cannot be asked yet.
  func knownSystem(_ reference: String, for place: String? = nil) throws(ResyncError) -> System {
    if let system = system(reference) { return system }
    if let several = ambiguous[reference] {
      throw ResyncError(
        .invalidParameter, "find the system", on: reference,
        reason: "several are called so: \(several.map { "\(PrintableText($0))" }.joined(separator: ", "))",
        remedy: "name one by its UUID")
    }
    let provider = reference.split(separator: ":").first.map(String.init) ?? ""
    if reference.contains(":"), ["proxmox", "xen"].contains(provider) {
      throw ResyncError(
        .notSupported, "ask for", on: reference, reason: "hypervisors of this kind cannot be asked yet",
        remedy: "describe its disks under [[system]] in the configuration")
    }
    if let silent = silent.first {
      throw ResyncError(
        .statusUnknown, "find the system", on: reference,
        reason: "\(silent.title), which may know it, does not answer: \(PrintableText(silent.reason))",
        remedy: "see what it does, then run again")
    }
    throw ResyncError(
      .replaced, "find the system", on: reference,
      reason: place.map { "it is named at \($0), and no [[system]] is called so" }
        ?? "no [[system]] is called so",
      remedy: systems.isEmpty
        ? "describe it under [[system]] in the configuration"
        : "the systems are: \(systems.map(\.name).joined(separator: ", "))")
  }

  /// The relationship that `system` is resynchronized by: the one whose primary it is, so that a replica goes onward
  /// to its extended replica (SEMANTICS 2).
  ///
  /// - Parameters:
  ///   - name: which one, where there are several; nil where that is not said.
  ///   - roles: what is remembered of reversed relationships: which system is whose primary now.
  /// - Throws: 32775 where it is nothing's primary, or replication is disabled; 32773 where there are several; 32777
  ///   where no such system is known.
  public func relationship(
    of system: String, named name: String? = nil, roles: [RelationshipRoles] = []
  ) throws(ResyncError) -> Relationship {
    let known = try knownSystem(system)
    let relationships = relationships(by: roles)
    var found = relationships.filter { self.system($0.primary) == known }
    if let name {
      found = found.filter { $0.name == name }
      if found.isEmpty {
        throw ResyncError(
          .invalidParameter, "resynchronize", on: system,
          reason: "no relationship '\(name)' has it as its primary",
          remedy: "see: \(context.typed(.configShow, system))")
      }
    }
    guard let first = found.first else { throw noPrimary(known, relationships) }
    if found.count > 1 {
      throw ResyncError(
        .invalidParameter, "resynchronize", on: system,
        reason: "it has several recoveries: \(found.map(\.name).joined(separator: ", "))",
        remedy: "say which one with --relationship NAME")
    }
    guard first.isEnabled else {
      throw ResyncError(
        .invalidState, "resynchronize", on: system, reason: "replication is disabled: \(first.place)",
        remedy: "take out enabled = false there")
    }
    return first
  }

  /// A leaf has nothing to write.
  private func noPrimary(_ system: System, _ relationships: [Relationship]) -> ResyncError {
    let above = relationships.first { self.system($0.recovery) == system }
    return ResyncError(
      .invalidState, "resynchronize", on: system.name,
      reason: above.map {
        "it is the recovery of \($0.primary)\($0.isTurned ? " (reversed)" : ""), and replicated to nothing"
      }
        ?? "it is the primary of no relationship",
      remedy: above.map {
        "what brings it in line is: \(context.typed(.resync, on: .system($0.primary, relationship: nil)))"
      }
        ?? "see what would fit: \(context.typed(.configSuggest, system.name, "RECOVERY"))")
  }
}
