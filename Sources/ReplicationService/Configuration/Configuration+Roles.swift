public import DeviceResync

// The file says who mirrors whom; a `reverse` since then says otherwise, and is not written into the file, which is the
// administrator's. Whoever exchanges the two in the file afterwards says the same.

extension Configuration {
  /// The relationships with each system in the role that it has since the last `reverse`.
  ///
  /// - Parameter roles: what is remembered of that; of other systems than the file's it says nothing.
  func relationships(by roles: [RelationshipRoles]) -> [Relationship] {
    relationships.map { relationship in
      guard let role = roles.first(where: { $0.relationship == relationship.name }) else {
        return relationship
      }
      let (primary, recovery) = (name(of: relationship.primary), name(of: relationship.recovery))
      var relationship = relationship
      if (role.primary, role.recovery) == (primary, recovery) {
        relationship.rolesSince = role.since
      } else if (role.primary, role.recovery) == (recovery, primary) {
        relationship.turn()
        relationship.rolesSince = role.since
      }
      return relationship
    }
  }

  /// The relationship in which `system` is primary or recovery.
  ///
  /// - Parameter name: which one, where there are several; nil where that is not said.
  /// - Throws: 32775 where there is none; 32773 where there are several; 32777 where no such system is known.
  public func relationship(
    with system: String, named name: String? = nil, roles: [RelationshipRoles]
  ) throws(ResyncError) -> Relationship {
    let known = try knownSystem(system)
    var found = relationships(by: roles).filter {
      self.system($0.primary) == known || self.system($0.recovery) == known
    }
    if let name {
      found = found.filter { $0.name == name }
      if found.isEmpty {
        throw ResyncError(
          .invalidParameter, "use", on: system, reason: "it takes part in no relationship '\(name)'",
          remedy: "see: \(context.typed(.configShow, system))")
      }
    }
    guard let first = found.first else {
      throw ResyncError(
        .invalidState, "use", on: system, reason: "it takes part in no relationship",
        remedy: "see what would fit: \(context.typed(.configSuggest, "PRIMARY", "RECOVERY"))")
    }
    guard found.count == 1 else {
      let names = found.map { "\($0.name) (\($0.primary) -> \($0.recovery))" }
      throw ResyncError(
        .invalidParameter, "use", on: system,
        reason: "it takes part in several relationships: \(names.joined(separator: ", "))",
        remedy: "say which one with --relationship NAME")
    }
    return first
  }

  /// What `change` asks of `relationship`.
  public func request(
    _ change: RoleRequest.Change, of relationship: Relationship, roles: [RelationshipRoles],
    stateDirectory: String
  ) throws(ResyncError) -> RoleRequest {
    var request = RoleRequest(
      change, relationship: relationship.name, primary: name(of: relationship.primary),
      recovery: name(of: relationship.recovery),
      pairs: try pairs(of: relationship).map {
        RunRequest.Pair(primary: $0.primary.source, recovery: $0.recovery.source)
      }, stateDirectory: stateDirectory)
    request.configuration = file
    request.hypervisors = hypervisors
    let others = relationships(by: roles).filter { $0.name != relationship.name }
    func writer(_ system: String) -> String? {
      others.first { $0.isEnabled && name(of: $0.recovery) == system }?.name
    }
    request.primaryWriter = writer(request.primary)
    request.recoveryWriter = writer(request.recovery)
    request.needsName = others.contains { other in
      [other.primary, other.recovery].map(name(of:)).contains {
        [request.primary, request.recovery].contains($0)
      }
    }
    return request
  }

  /// What a reference comes to, where the system is known here.
  ///
  /// A hypervisor's name before it: roles are remembered by the system's own.
  func name(of reference: String) -> String {
    if let system = system(reference) { return system.name }
    return ["libvirt:", "static:"].first(where: reference.hasPrefix).map {
      String(reference.dropFirst($0.count))
    }
      ?? reference
  }
}

extension Configuration.Relationship {
  /// Exchanges the two systems; what is said of single disks stays as it is written.
  mutating func turn() {
    (primary, recovery) = (recovery, primary)
    isTurned.toggle()
  }
}

extension Configuration {
  /// What is remembered of its relationships that were reversed.
  public func roles(in stateDirectory: String) throws(ResyncError) -> [RelationshipRoles] {
    try RelationshipRoles.read(of: relationships.map(\.name), in: stateDirectory)
  }
}
