import DeviceResync

extension Configuration {
  /// Fails where names stand twice, a system mirrors itself on any way, or one disk is the recovery of two.
  func check() throws(ResyncError) {
    // What a hypervisor calls them may be what one is called here.
    let described = systems.filter { $0.hypervisor == nil }
    try Self.checkOnce(described.map { ($0.name, $0.place) }, "a system")
    try Self.checkOnce(
      described.compactMap { system in system.uuid.map { ("\($0)", system.place) } }, "a UUID")
    try Self.checkOnce(relationships.map { ($0.name, $0.place) }, "a relationship")
    // A hypervisor's machine may have one medium in two drives.
    for system in described {
      try Self.checkOnce(system.disks.map { ($0.target, system.place) }, "a disk's target")
      try Self.checkOnce(system.disks.map { ($0.source, system.place) }, "a disk's source")
    }
    try checkCycles()
    try checkRecoveries()
  }

  private static func checkOnce(_ names: [(name: String, place: String)], _ kind: String) throws(ResyncError)
  {
    var seen: [String: String] = [:]
    for (name, place) in names {
      if let former = seen.updateValue(place, forKey: name) {
        throw ResyncError(
          .invalidParameter, "use", on: place, reason: "\(kind) '\(name)' stands here and at \(former)",
          remedy: "name each of them once")
      }
    }
  }

  /// What copies into itself, over however many steps, has no primary.
  private func checkCycles() throws(ResyncError) {
    for start in relationships {
      var reached: Set = [title(of: start.primary)]
      var next = [title(of: start.recovery)]
      while let system = next.popLast() {
        if system == title(of: start.primary) {
          throw ResyncError(
            .invalidParameter, "use", on: start.place,
            reason: "'\(start.primary)' would be copied over itself, in one step or several",
            remedy: "take one of these relationships away")
        }
        guard reached.insert(system).inserted else { continue }
        next += relationships.filter { title(of: $0.primary) == system }.map { title(of: $0.recovery) }
      }
    }
  }

  /// Two that write the same disk would undo each other's work.
  private func checkRecoveries() throws(ResyncError) {
    var places: [String: String] = [:]
    for relationship in relationships {
      // What cannot be paired is said when it is asked for.
      guard let pairs = try? pairs(of: relationship) else { continue }
      for pair in pairs {
        guard let former = places.updateValue(relationship.place, forKey: pair.recovery.source) else {
          continue
        }
        throw ResyncError(
          .invalidParameter, "use", on: relationship.place,
          reason: "\(pair.recovery.source) is a recovery here and at \(former)",
          remedy: "let each disk be written by one relationship")
      }
    }
  }
}
