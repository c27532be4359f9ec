import DeviceResync

extension StatusReport: Encodable {
  private enum CodingKeys: String, CodingKey {
    case formatVersion = "FormatVersion"
    case relationships = "Relationships"
    case faults = "Errors"
  }

  /// Writes the object that `--json` prints.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(RecordFormat.version, forKey: .formatVersion)
    try container.encode(entries.map { EntryObject(entry: $0, now: now) }, forKey: .relationships)
    try container.encode(faults.map { "\($0)" }, forKey: .faults)
  }

  /// The object as text.
  public var json: String { jsonText(self) }
}

/// A relationship with `Msvm_ReplicationRelationship`'s property names.
private struct EntryObject: Encodable {
  let entry: StatusReport.Entry
  let now: Int64

  private enum Keys: String, CodingKey {
    case instanceID = "InstanceID"
    case name = "RelationshipName"
    case primary = "Primary"
    case recovery = "Recovery"
    case state = "ReplicationState"
    case stateName = "ReplicationStateName"
    case health = "ReplicationHealth"
    case healthName = "ReplicationHealthName"
    case issues = "HealthIssues"
    case lastReplication = "LastReplicationTime"
    case consistency = "RecoveryState"
    case running = "RunningJob"
    case scheduled = "ScheduledJob"
    case last = "LastJob"
    case next = "NextCommand"
  }

  private struct Issue: Encodable {
    let issue: HealthIssue

    enum CodingKeys: String, CodingKey {
      case health = "ReplicationHealth"
      case since = "Since"
      case text = "Message"
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(issue.health.rawValue, forKey: .health)
      try container.encode(issue.since.map { CIMDateTime.text(timestamp: $0) }, forKey: .since)
      try container.encode(issue.text, forKey: .text)
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Keys.self)
    let status = entry.status
    try container.encode(
      entry.id.map { "vmresync:\($0)\\HVR\\\(entry.isExtended ? 1 : 0)" }, forKey: .instanceID)
    try container.encode(entry.name, forKey: .name)
    try container.encode(entry.primary, forKey: .primary)
    try container.encode(entry.recovery, forKey: .recovery)
    try container.encode(status.state.rawValue, forKey: .state)
    try container.encode(status.state.name, forKey: .stateName)
    try container.encode(status.health.rawValue, forKey: .health)
    try container.encode(status.health.name, forKey: .healthName)
    try container.encode(status.issues.map(Issue.init), forKey: .issues)
    try container.encode(status.lastEqual.map { CIMDateTime.text(timestamp: $0) }, forKey: .lastReplication)
    try container.encode(status.consistency, forKey: .consistency)
    func object(_ job: Job?) -> JobObject? { job.map { JobObject(job: $0, now: now) } }
    try container.encode(object(status.running), forKey: .running)
    try container.encode(object(status.scheduled), forKey: .scheduled)
    try container.encode(object(status.last), forKey: .last)
    try container.encode(entry.next, forKey: .next)
  }
}
