import DeviceResync

// The record's form, and that of JSON for users: CIM's property names.

extension Job: Codable {
  enum CodingKeys: String, CodingKey {
    case formatVersion = "FormatVersion"
    case id = "InstanceID"
    case type = "JobType"
    case state = "JobState"
    case status = "JobStatus"
    case owner = "Owner"
    case computerSystem = "ComputerSystem"
    case relationship = "Relationship"
    case disks = "AffectedElements"
    case percentComplete = "PercentComplete"
    case submitted = "TimeSubmitted"
    case scheduled = "ScheduledStartTime"
    case started = "StartTime"
    case ended = "EndTime"
    case lastStateChange = "TimeOfLastStateChange"
    case isCancellable = "Cancellable"
    case returnValue = "ReturnValue"
    case exitStatus = "ExitStatus"
    case note = "Description"
    case errorDescription = "ErrorDescription"
    case process = "Process"
  }

  /// Reads a record; its version was looked at before.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func time(_ key: CodingKeys) throws -> Int64? {
      guard let text = try container.decodeIfPresent(String.self, forKey: key) else { return nil }
      guard case .timestamp(let time?) = CIMDateTime(parsing: text) else {
        throw DecodingError.dataCorruptedError(
          forKey: key, in: container, debugDescription: "no point in time")
      }
      return time
    }
    id = try container.decode(UniqueID.self, forKey: .id)
    type = try container.decode(JobType.self, forKey: .type)
    state = try container.decode(JobState.self, forKey: .state)
    status = try container.decode(String.self, forKey: .status)
    owner = try container.decode(String.self, forKey: .owner)
    computerSystem = try container.decodeIfPresent(String.self, forKey: .computerSystem)
    relationship = try container.decodeIfPresent(String.self, forKey: .relationship)
    disks = try container.decode([RunRequest.Pair].self, forKey: .disks)
    percentComplete = try container.decode(UInt16.self, forKey: .percentComplete)
    submitted = try time(.submitted) ?? 0
    scheduled = try time(.scheduled)
    started = try time(.started)
    ended = try time(.ended)
    lastStateChange = try time(.lastStateChange) ?? submitted
    isCancellable = try container.decode(Bool.self, forKey: .isCancellable)
    returnValue = try container.decodeIfPresent(ReturnValue.self, forKey: .returnValue)
    exitStatus = try container.decodeIfPresent(Int32.self, forKey: .exitStatus)
    note = try container.decodeIfPresent(String.self, forKey: .note)
    errorDescription = try container.decodeIfPresent(String.self, forKey: .errorDescription)
    process = try container.decodeIfPresent(ProcessIdentity.self, forKey: .process)
  }

  /// Writes the record.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(RecordFormat.version, forKey: .formatVersion)
    try container.encode(id, forKey: .id)
    try container.encode(type, forKey: .type)
    try container.encode(state, forKey: .state)
    try container.encode(status, forKey: .status)
    try container.encode(owner, forKey: .owner)
    try container.encodeIfPresent(computerSystem, forKey: .computerSystem)
    try container.encodeIfPresent(relationship, forKey: .relationship)
    try container.encode(disks, forKey: .disks)
    try container.encode(percentComplete, forKey: .percentComplete)
    for (key, time) in [
      (CodingKeys.submitted, submitted), (.scheduled, scheduled), (.started, started), (.ended, ended),
      (.lastStateChange, lastStateChange),
    ] {
      try container.encodeIfPresent(time.map { CIMDateTime.text(timestamp: $0) }, forKey: key)
    }
    try container.encode(isCancellable, forKey: .isCancellable)
    try container.encodeIfPresent(returnValue, forKey: .returnValue)
    try container.encodeIfPresent(exitStatus, forKey: .exitStatus)
    try container.encodeIfPresent(note, forKey: .note)
    try container.encodeIfPresent(errorDescription, forKey: .errorDescription)
    try container.encodeIfPresent(process, forKey: .process)
  }

  /// What makes no sense in a record that is found under the name of `id`; nil where all does.
  func fault(as id: UniqueID) -> String? {
    guard self.id == id else { return "it is of another job than its name says" }
    guard percentComplete <= 100 else { return "it is \(percentComplete) % complete" }
    guard state.isFinished == (ended != nil) else { return "it has ended and has not" }
    guard !state.isAtWork || process != nil else { return "nobody works on it" }
    return disks.count <= 128 ? nil : "it has \(disks.count) disk pairs"
  }
}

/// A job as `--json` shows it.
struct JobObject: Encodable {
  let job: Job
  let now: Int64

  private enum Keys: String, CodingKey {
    case name = "Name"
    case stateName = "JobStateName"
    case typeName = "JobTypeName"
    case operationalStatus = "OperationalStatus"
    case elapsed = "ElapsedTime"
    case errorCode = "ErrorCode"
    case timeBeforeRemoval = "TimeBeforeRemoval"
    case affected = "AffectedElements"
  }

  private struct Element: Encodable {
    let path: String
    let effects: [UInt16]

    enum CodingKeys: String, CodingKey {
      case path = "Path"
      case effects = "ElementEffects"
    }
  }

  func encode(to encoder: any Encoder) throws {
    try job.encode(to: encoder)
    var container = encoder.container(keyedBy: Keys.self)
    try container.encode(job.name, forKey: .name)
    try container.encode(job.state.name, forKey: .stateName)
    try container.encode(job.type.name, forKey: .typeName)
    try container.encode(job.state.operationalStatus, forKey: .operationalStatus)
    try container.encode(CIMDateTime.text(interval: job.elapsed(now: now)), forKey: .elapsed)
    try container.encode(job.errorCode, forKey: .errorCode)
    try container.encode(CIMDateTime.text(interval: Job.timeBeforeRemoval), forKey: .timeBeforeRemoval)
    // CIM_AffectedJobElement: a recovery is in exclusive use and its integrity is concerned, a primary is slower.
    let isWritten = job.type == .resynchronizing
    try container.encode(
      job.disks.flatMap {
        [
          Element(path: $0.primary, effects: [3]),
          Element(path: $0.recovery, effects: isWritten ? [2, 4] : [3]),
        ]
      }, forKey: .affected)
  }
}
