public import DeviceResync
import SystemPackage

/// Every relationship of a host, and what each is: what `status` prints without a look at a disk.
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
    /// Whether one of its systems takes part in another relationship too, so that commands must name this one.
    var isOneOfSeveral = false
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
  private let context: CallContext
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
    context = CallContext(stateDirectory: stateDirectory, configuration: configuration?.file)
    let directory = FilePath(stateDirectory)
    var known = Known()
    (known.states, faults) = try RelationshipState.all(in: directory)
    if let found = try JobStore.ifPresent(in: directory)?.jobs() {
      known.jobs = found.jobs
      faults += found.faults
    }
    entries = []
    if let configuration {
      for system in systems { _ = try configuration.knownSystem(system) }
      let relationships = configuration.relationships(by: try configuration.roles(in: stateDirectory))
      let asked = Set(systems.map(configuration.name(of:)))
      for relationship in relationships {
        let entry = self.entry(of: relationship, in: configuration, relationships, &known)
        if asked.isEmpty || asked.contains(entry.primary) || asked.contains(entry.recovery) {
          entries.append(entry)
        }
      }
    }
    // What was resynchronized by its disks' names is no system's.
    if systems.isEmpty {
      entries += known.states.filter { !known.configured.contains($0.id) }.map { entry(of: $0, known) }
    }
    entries.sort {
      ($1.status.health, $0.name ?? $0.recovery) < ($0.status.health, $1.name ?? $1.recovery)
    }
  }

  /// What was found in the state directory.
  private struct Known {
    var states: [RelationshipState] = []
    var jobs: [Job] = []
    /// Those of `states` that a configured relationship has.
    var configured: Set<UniqueID> = []
    let boot = bootTime()
  }

  /// What the configuration describes.
  private mutating func entry(
    of relationship: Configuration.Relationship, in configuration: Configuration,
    _ all: [Configuration.Relationship], _ known: inout Known
  ) -> Entry {
    var facts = RelationshipFacts(now: now)
    facts.boot = known.boot
    do throws(ResyncError) {
      facts.state = Self.state(
        of: relationship, try configuration.pairs(of: relationship), among: known.states)
    } catch {
      faults.append(error)
    }
    facts.isEnabled = relationship.isEnabled
    facts.jobs = known.jobs.filter { $0.relationship == relationship.name }
    if let age = configuration.settings(of: relationship).maxAge { facts.maxAge = age.seconds }
    if let id = facts.state?.id { known.configured.insert(id) }
    let primary = configuration.name(of: relationship.primary)
    var entry = Entry(
      name: relationship.name, primary: primary, recovery: configuration.name(of: relationship.recovery),
      id: facts.state?.id, status: RelationshipStatus(facts))
    entry.isExtended = all.contains { configuration.name(of: $0.recovery) == primary }
    entry.isOneOfSeveral = all.contains { other in
      other.name != relationship.name
        && [other.primary, other.recovery].map(configuration.name(of:)).contains {
          [entry.primary, entry.recovery].contains($0)
        }
    }
    entry.next = entry.nextCommand(facts, in: context)
    return entry
  }

  /// What is remembered of disks that were named themselves.
  private func entry(of state: RelationshipState, _ known: Known) -> Entry {
    var facts = RelationshipFacts(now: now)
    facts.boot = known.boot
    facts.state = state
    facts.jobs = known.jobs.filter { job in
      job.relationship == nil && state.isOf(paths: job.disks.map { ($0.primary, $0.recovery) })
    }
    var entry = Entry(
      primary: state.pairs.map(\.primary.path).joined(separator: ", "),
      recovery: state.pairs.map(\.recovery.path).joined(separator: ", "), id: state.id,
      status: RelationshipStatus(facts))
    entry.next = entry.nextCommand(facts, in: context)
    return entry
  }
}

extension StatusReport {
  /// What is remembered of it: by its name, which its last run left, the latest where the disks are others since; else
  /// its disks may have been named themselves.
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
  fileprivate func nextCommand(_ facts: RelationshipFacts, in context: CallContext) -> String? {
    if let running = status.running { return context.typed(.jobWatch, "\(running.id)") }
    let pairs = facts.state?.pairs ?? []
    let named = CallContext.Disks.system(primary, relationship: isOneOfSeveral ? name : nil)
    let disks = name == nil ? facts.state?.disks ?? named : named
    switch status.state {
    case .disabled, .replicating, .resynchronizing: break
    case .recovered:
      return name.map { name in
        let words = RelationshipWords(system: primary, relationship: isOneOfSeveral ? name : nil)
        return "\(context.typed(.reverse, of: words)), or \(context.typed(.failover, "--revert", of: words))"
      }
    case .waitingToStartResynchronization, .resynchronizationSuspended:
      if case .applying? = facts.state?.consistency, let first = pairs.first {
        return context.typed(.repair, first.recovery.path)
      }
      return context.typed(.resync, on: disks)
    }
    return status.health == .ok ? nil : context.typed(.resync, on: disks)
  }
}
