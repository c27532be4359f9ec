public import DeviceResync

/// Two disks of a relationship.
public struct DiskPairing: Sendable, Equatable {
  /// The disk that is read.
  public let primary: Configuration.Disk
  /// The disk that mirrors it.
  public let recovery: Configuration.Disk
}

extension Configuration {
  /// The disk pairs of `relationship`: of the replication-enabled disks only.
  ///
  /// What the configuration says of single disks comes first; of the others, the first rule that pairs all of them.
  /// Size and order decide nothing.
  /// - Throws: 32773 where that leaves a disk over, with the candidates and what to write; 32777 where a system is not
  ///   known.
  public func pairs(of relationship: Relationship) throws(ResyncError) -> [DiskPairing] {
    if relationship.isTurned {
      var written = relationship
      written.turn()
      return try pairs(of: written).map { DiskPairing(primary: $0.recovery, recovery: $0.primary) }
    }
    let primary = try knownSystem(relationship.primary, for: relationship.place)
    let recovery = try knownSystem(relationship.recovery, for: relationship.place)
    if primary == recovery {
      throw ResyncError(
        .invalidParameter, "use", on: relationship.place, reason: "'\(primary.name)' is its own recovery")
    }
    var matching = try Matching(relationship, primary, recovery)
    if !matching.rest.isEmpty {
      let rule = relationship.pairBy.first { matching.pairsAll(by: $0) }
      guard let rule else { throw matching.error(relationship, context) }
      matching.pair(by: rule)
    }
    guard matching.leftOver(relationship.pairBy).isEmpty else { throw matching.error(relationship, context) }
    let pairs = primary.disks.compactMap { disk in matching.pairs.first { $0.primary == disk } }
    for disk in pairs.flatMap({ [$0.primary, $0.recovery] }) {
      guard let obstacle = disk.obstacle else { continue }
      throw ResyncError(
        .notSupported, "replicate", on: "\(disk.target) of \(relationship.name)", reason: obstacle,
        remedy: "or leave it out: replicate = false under \(relationship.place)")
    }
    guard !pairs.isEmpty else {
      throw ResyncError(
        .invalidParameter, "resynchronize", on: relationship.name,
        reason: "it has no replication-enabled disk",
        remedy: "see: \(relationship.place)")
    }
    return pairs
  }
}

/// The disks of two systems, and which of them are paired.
private struct Matching {
  private let primary: Configuration.System
  private let recovery: Configuration.System
  private(set) var pairs: [DiskPairing] = []
  private let excluded: [Configuration.Disk]
  /// Disks of the primary that are to be paired yet.
  private(set) var rest: [Configuration.Disk] = []

  init(
    _ relationship: Configuration.Relationship, _ primary: Configuration.System,
    _ recovery: Configuration.System
  ) throws(ResyncError) {
    self.primary = primary
    self.recovery = recovery
    var excluded: [Configuration.Disk] = []
    var asked: Set<String> = []
    for rule in relationship.disks {
      let disk = try Self.one(rule.primary, primary, rule.place)
      guard asked.insert(disk.target).inserted else {
        throw ResyncError(.invalidParameter, "use", on: rule.place, reason: "'\(disk.target)' is named twice")
      }
      if !rule.isReplicated { excluded.append(disk) }
      guard let reference = rule.recovery else { continue }
      let mirror = try Self.one(reference, recovery, rule.place)
      if let other = pairs.first(where: { $0.recovery == mirror }) {
        throw ResyncError(
          .invalidParameter, "use", on: rule.place,
          reason: "'\(reference)' mirrors '\(other.primary.target)' already")
      }
      pairs.append(DiskPairing(primary: disk, recovery: mirror))
    }
    self.excluded = excluded
    rest = primary.disks.filter { disk in
      disk.isReplicated && !excluded.contains(disk) && !pairs.contains { $0.primary == disk }
    }
  }

  private static func one(
    _ reference: Configuration.DiskReference, _ system: Configuration.System, _ place: String
  ) throws(ResyncError) -> Configuration.Disk {
    let found = system.disks.filter(reference.names)
    guard found.count == 1, let disk = found.first else {
      throw ResyncError(
        .invalidParameter, "use", on: place,
        reason: "\(found.count) disks of '\(system.name)' are '\(reference)'",
        remedy: "its disks are: \(system.disks.map(\.target).joined(separator: ", "))")
    }
    return disk
  }

  private var free: [Configuration.Disk] {
    recovery.disks.filter { disk in disk.isReplicated && !pairs.contains { $0.recovery == disk } }
  }

  /// The one disk that mirrors `disk` by `rule`; nil where there is none or more than one, in either direction.
  private func mirror(_ disk: Configuration.Disk, _ rule: Configuration.PairingRule) -> Configuration.Disk? {
    guard let mark = disk.mark(rule), primary.disks.count(where: { $0.mark(rule) == mark }) == 1 else {
      return nil
    }
    let found = free.filter { $0.mark(rule) == mark }
    return found.count == 1 ? found.first : nil
  }

  func pairsAll(by rule: Configuration.PairingRule) -> Bool { rest.allSatisfy { mirror($0, rule) != nil } }

  mutating func pair(by rule: Configuration.PairingRule) {
    let found = rest.compactMap { disk in
      mirror(disk, rule).map { DiskPairing(primary: disk, recovery: $0) }
    }
    pairs += found
    rest = []
  }

  /// Disks of the recovery that mirror nothing, not even a disk that takes no part.
  func leftOver(_ rules: [Configuration.PairingRule]) -> [Configuration.Disk] {
    let known = excluded.flatMap { disk in rules.compactMap { mirror(disk, $0) } }
    return free.filter { !known.contains($0) }
  }

  /// Says what is there, and what to write.
  func error(_ relationship: Configuration.Relationship, _ context: CallContext) -> ResyncError {
    func list(_ disks: [Configuration.Disk]) -> String {
      disks.isEmpty
        ? "none"
        : disks.map { disk in
          let marks = [disk.serial.map { "serial \($0)" }, disk.wwn.map { "wwn \($0)" }].compactMap { $0 }
          return disk.target + (marks.isEmpty ? "" : " (\(marks.joined(separator: ", ")))")
        }.joined(separator: ", ")
    }
    return ResyncError(
      .invalidParameter, "pair the disks of", on: relationship.name,
      reason: "of '\(primary.name)' these are left: \(list(rest)); of '\(recovery.name)': \(list(free))",
      remedy:
        "say under \(relationship.place) for each of them: [[relationship.disk]] primary = \"TARGET\" and "
        + "recovery = \"TARGET\", or replicate = false; see: "
        + context.typed(.configSuggest, primary.name, recovery.name))
  }
}

extension Configuration.Disk {
  /// What `rule` compares; nil where the disk has none.
  fileprivate func mark(_ rule: Configuration.PairingRule) -> String? {
    switch rule {
    case .serial: serial
    case .wwn: wwn
    case .target: target
    }
  }
}
