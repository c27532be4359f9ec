public import DeviceResync
import SystemPackage

/// Every relationship of a host, and what each is: what `status` prints. No disk is touched.
public struct StatusReport: Sendable {
  /// One relationship.
  public struct Entry: Sendable {
    /// What it is called; nil where it is not configured.
    public var name: String?
    /// The system that is read, or the disks.
    public var primary: String
    /// The system that is written, or the disks.
    public var recovery: String
    /// Whether the primary is itself a replica, so that the recovery is an extended one.
    public var isExtended = false
    /// Its UUID.
    public var id: UniqueID?
    /// What it is.
    public var status: RelationshipStatus
    /// What to type next; nil where nothing needs to be done.
    public var next: String?
  }

  /// The relationships, what needs attention first.
  public var entries: [Entry]
  /// What could not be looked at.
  public var faults: [ResyncError] = []
  /// The time, in microseconds since 1970-01-01, midnight UTC.
  public let now: Int64

  /// Looks at everything.
  ///
  /// - Parameters:
  ///   - configuration: nil where there is none.
  ///   - systems: only the relationships of these; all where there is none.
  /// - Throws: 32777 for a system that is not known.
  public init(
    _ configuration: Configuration?, systems: [String] = [], stateDirectory: String,
    now: Int64 = microsecondsSinceEpoch()
  ) throws(ResyncError) {
    self.now = now
    entries = []
    let (states, stateFaults) = try RelationshipState.all(in: FilePath(stateDirectory))
    faults += stateFaults
    var jobs: [Job] = []
    if let store = try JobStore.ifPresent(in: FilePath(stateDirectory)) {
      let found = try store.jobs()
      jobs = found.jobs
      faults += found.faults
    }
    var known: Set<UniqueID> = []
    let boot = bootTime()
    if let configuration {
      for system in systems { _ = try configuration.knownSystem(system) }
      let roles = try RelationshipRoles.read(
        of: configuration.relationships.map(\.name), in: stateDirectory)
      for relationship in configuration.relationships(by: roles) {
        var facts = RelationshipFacts(now: now)
        facts.boot = boot
        do throws(ResyncError) {
          let pairs = try configuration.pairs(of: relationship)
          facts.state = Self.state(of: relationship, pairs, among: states)
        } catch {
          faults.append(error)
        }
        facts.isEnabled = relationship.isEnabled
        facts.failedOver = facts.state?.failedOver?.at
        facts.jobs = jobs.filter { $0.relationship == relationship.name }
        if let age = configuration.settings(of: relationship).maxAge { facts.maxAge = age.seconds }
        if let id = facts.state?.id { known.insert(id) }
        let names = [relationship.primary, relationship.recovery].map(configuration.name(of:))
        guard systems.isEmpty || !Set(systems.map(configuration.name(of:))).isDisjoint(with: names) else {
          continue
        }
        var entry = Entry(
          name: relationship.name, primary: names[0], recovery: names[1], id: facts.state?.id,
          status: RelationshipStatus(facts))
        entry.isExtended = configuration.relationships(by: roles).contains {
          configuration.name(of: $0.recovery) == names[0]
        }
        entry.next = entry.nextCommand(facts)
        entries.append(entry)
      }
    }
    // What was resynchronized by its disks' names; a system is none of these.
    for state in states where systems.isEmpty && !known.contains(state.id) {
      var facts = RelationshipFacts(now: now)
      facts.state = state
      facts.failedOver = state.failedOver?.at
      facts.boot = boot
      facts.jobs = jobs.filter { job in
        job.relationship == nil && state.isOf(paths: job.disks.map { ($0.primary, $0.recovery) })
      }
      var entry = Entry(
        primary: state.pairs.map(\.primary.path).joined(separator: ", "),
        recovery: state.pairs.map(\.recovery.path).joined(separator: ", "), id: state.id,
        status: RelationshipStatus(facts))
      entry.next = entry.nextCommand(facts)
      entries.append(entry)
    }
    entries.sort {
      ($1.status.health, $0.name ?? $0.recovery) < ($0.status.health, $1.name ?? $1.recovery)
    }
  }
}

extension StatusReport {
  /// By its name, which its last run left: the latest, where the disks are others since. Else its disks may have been
  /// named themselves.
  private static func state(
    of relationship: Configuration.Relationship, _ pairs: [DiskPairing], among states: [RelationshipState]
  ) -> RelationshipState? {
    let paths = pairs.map { ($0.primary.source, $0.recovery.source) }
    let named = states.filter { $0.name == relationship.name }
    func last(_ state: RelationshipState) -> Int64 {
      max(state.completed.first?.ended.seconds ?? 0, state.consistency.run?.began.seconds ?? 0)
    }
    return named.first { $0.isOf(paths: paths) } ?? named.max { last($0) < last($1) }
      ?? states.first { $0.name == nil && $0.isOf(paths: paths) }
  }
}

extension StatusReport.Entry {
  /// What to type next; nil where nothing needs to be done.
  fileprivate func nextCommand(_ facts: RelationshipFacts) -> String? {
    if let running = status.running { return "vmresync job watch \(running.id)" }
    let pairs = facts.state?.pairs ?? []
    let disks = pairs.map {
      "--primary \(ShellWord($0.primary.path)) --recovery \(ShellWord($0.recovery.path))"
    }.joined(separator: " ")
    let words = name == nil ? disks : "\(ShellWord(primary))"
    switch status.state {
    case .disabled, .replicating, .resynchronizing: break
    case .recovered:
      return name == nil
        ? nil : "vmresync reverse \(ShellWord(primary)), or vmresync failover --revert \(ShellWord(primary))"
    case .waitingToStartResynchronization, .resynchronizationSuspended:
      if case .applying? = facts.state?.consistency {
        return "vmresync repair \(pairs.map { "\(ShellWord($0.recovery.path))" }.joined(separator: " "))"
      }
      return "vmresync resync \(words)"
    }
    return status.health == .ok ? nil : "vmresync resync \(words)"
  }
}
