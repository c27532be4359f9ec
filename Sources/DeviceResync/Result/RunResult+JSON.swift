import FoundationEssentials

// The JSON of a call. Keys are CIM's property names where CIM has one, and the same PascalCase elsewhere.

extension RunResult: Encodable {
  private enum CodingKeys: String, CodingKey {
    case formatVersion = "FormatVersion"
    case returnValue = "ReturnValue"
    case returnName = "ReturnName"
    case message = "Message"
    case job = "Job"
    case jobRecord = "JobRecord"
    case computerSystem = "ComputerSystem"
    case startTime = "StartTime"
    case identical = "Identical"
    case engine = "Engine"
    case pairs = "Pairs"
  }

  /// Writes the object that `--json` prints.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(Self.formatVersion, forKey: .formatVersion)
    try container.encode(returnValue, forKey: .returnValue)
    try container.encode(returnValue.name, forKey: .returnName)
    try container.encode(message, forKey: .message)
    // Null for a call that completed synchronously, which may have left a record all the same; explicit disks have no
    // system; null where it started at once.
    try container.encode(job.map(JobReference.init), forKey: .job)
    try container.encodeIfPresent(jobRecord.map(JobReference.init), forKey: .jobRecord)
    try container.encode(computerSystem, forKey: .computerSystem)
    try container.encode(startTime, forKey: .startTime)
    try container.encode(isIdentical, forKey: .identical)
    try container.encodeIfPresent(engine, forKey: .engine)
    try totals.encode(to: encoder, isDryRun: isDryRun)
    try container.encode(
      pairs.map { PairObject(pair: $0, isDryRun: isDryRun, isCompare: operation == .compare) }, forKey: .pairs
    )
  }

  /// The object as text, with a newline at its end.
  public var json: String {
    jsonText(self)
  }
}

/// A `CIM_ConcreteJob REF`.
private struct JobReference: Encodable {
  let instanceID: UniqueID

  init(_ id: UniqueID) { instanceID = id }

  enum CodingKeys: String, CodingKey { case instanceID = "InstanceID" }
}

/// `value` as indented JSON with sorted keys.
package func jsonText(_ value: some Encodable) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  do {
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
  } catch {
    // Strings, integers and finite numbers always have a JSON form.
    preconditionFailure("a result cannot be written as JSON: \(error)")
  }
}

extension RunTotals {
  private enum JSONKeys: String, CodingKey {
    case bytesCompared = "BytesCompared"
    case bytesSkipped = "BytesSkipped"
    case bytesUnread = "BytesUnread"
    case bytesDifferent = "BytesDifferent"
    case bytesMoving = "BytesMoving"
    case bytesToWrite = "BytesToWrite"
    case bytesWritten = "BytesWritten"
    case bytesZeroed = "BytesZeroed"
    case bytesVerified = "BytesVerified"
    case differentRanges = "DifferentRanges"
    case seconds = "Seconds"
    case bytesPerSecond = "BytesPerSecond"
  }

  fileprivate func encode(to encoder: any Encoder, isDryRun: Bool) throws {
    var container = encoder.container(keyedBy: JSONKeys.self)
    try container.encode(bytesCompared, forKey: .bytesCompared)
    try container.encode(bytesSkipped, forKey: .bytesSkipped)
    try container.encode(bytesUnread, forKey: .bytesUnread)
    try container.encode(bytesDifferent, forKey: .bytesDifferent)
    try container.encode(bytesMoving, forKey: .bytesMoving)
    if isDryRun { try container.encode(bytesToWrite, forKey: .bytesToWrite) }
    try container.encode(bytesWritten, forKey: .bytesWritten)
    try container.encode(bytesZeroed, forKey: .bytesZeroed)
    try container.encode(bytesVerified, forKey: .bytesVerified)
    try container.encode(differentRanges, forKey: .differentRanges)
    try container.encode((seconds * 1000).rounded() / 1000, forKey: .seconds)
    try container.encode(bytesPerSecond, forKey: .bytesPerSecond)
  }
}

private struct PairObject: Encodable {
  let pair: PairResult
  let isDryRun: Bool
  let isCompare: Bool

  enum CodingKeys: String, CodingKey {
    case primary = "Primary"
    case recovery = "Recovery"
    case returnValue = "ReturnValue"
    case returnName = "ReturnName"
    case identical = "Identical"
    case sourceMode = "SourceMode"
    case writeBack = "WriteBack"
    case consistency = "Consistency"
    case recoveryPoint = "RecoveryPoint"
    case zero = "Zero"
    case engine = "Engine"
    case pointInTime = "PointInTime"
    case witness = "Witness"
    case backingDirectIO = "BackingDirectIO"
    case guards = "Guards"
    case errors = "Errors"
    case errorsOmitted = "ErrorsOmitted"
    case notes = "Notes"
    case processedByteLength = "ProcessedByteLength"
    case changedByteOffsets = "ChangedByteOffsets"
    case changedByteLengths = "ChangedByteLengths"
    case rangesOmitted = "RangesOmitted"
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(pair.primary, forKey: .primary)
    try container.encode(pair.recovery, forKey: .recovery)
    try container.encode(pair.returnValue, forKey: .returnValue)
    try container.encode(pair.returnValue.name, forKey: .returnName)
    try container.encode(pair.sourceMode, forKey: .sourceMode)
    try container.encode(pair.writeBack, forKey: .writeBack)
    try container.encode(pair.recoveryState, forKey: .consistency)
    try container.encode(pair.recoveryPoint.map(PointObject.init), forKey: .recoveryPoint)
    try container.encode(pair.zero, forKey: .zero)
    try container.encode(pair.engine, forKey: .engine)
    try container.encode(pair.isIdentical, forKey: .identical)
    try container.encode(pair.engine == nil ? nil : pair.pointInTime, forKey: .pointInTime)
    try container.encode(pair.witness, forKey: .witness)
    try container.encodeIfPresent(pair.backingDirectIO, forKey: .backingDirectIO)
    try container.encode(pair.guards, forKey: .guards)
    try container.encode(pair.errors, forKey: .errors)
    try container.encode(pair.errorsOmitted, forKey: .errorsOmitted)
    try container.encode(pair.notes, forKey: .notes)
    try pair.totals.encode(to: encoder, isDryRun: isDryRun)
    guard isCompare else { return }
    try container.encode(
      pair.totals.bytesCompared.saturatingAdd(pair.totals.bytesSkipped), forKey: .processedByteLength)
    try container.encode(pair.ranges.map(\.offset), forKey: .changedByteOffsets)
    try container.encode(pair.ranges.map(\.length), forKey: .changedByteLengths)
    try container.encode(pair.rangesOmitted, forKey: .rangesOmitted)
  }
}

extension WitnessReport {
  /// Writes the witnesses' object; null where nothing counts.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(primaryBytes, forKey: .primaryBytes)
    try container.encode(recoveryBytes, forKey: .recoveryBytes)
    try container.encode(primaryFileChanged, forKey: .primaryFileChanged)
    try container.encode(recoveryFileChanged, forKey: .recoveryFileChanged)
  }
}

extension ErrorReport {
  enum CodingKeys: String, CodingKey {
    case attempt = "Attempt"
    case device = "Device"
    case side = "Side"
    case offset = "Offset"
    case length = "Length"
    case errno = "Errno"
    case returnValue = "ReturnValue"
    case message = "Message"
  }

  /// Reads an error's object.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    attempt = try container.decode(String.self, forKey: .attempt)
    device = try container.decodeIfPresent(String.self, forKey: .device)
    let name = try container.decodeIfPresent(String.self, forKey: .side)
    side = Side.allCases.first { $0.name == name }
    let offset = try container.decodeIfPresent(UInt64.self, forKey: .offset)
    let length = try container.decodeIfPresent(UInt64.self, forKey: .length)
    if let offset, let length, !offset.addingReportingOverflow(length).overflow {
      range = ByteRange(offset: offset, length: length)
    } else {
      range = nil
    }
    errno = try container.decodeIfPresent(String.self, forKey: .errno)
    returnValue = try container.decode(ReturnValue.self, forKey: .returnValue)
    message = try container.decode(String.self, forKey: .message)
  }

  /// Writes the error's object.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(attempt, forKey: .attempt)
    try container.encode(device, forKey: .device)
    try container.encode(side?.name, forKey: .side)
    try container.encode(range?.offset, forKey: .offset)
    try container.encode(range?.length, forKey: .length)
    try container.encode(errno, forKey: .errno)
    try container.encode(returnValue, forKey: .returnValue)
    try container.encode(message, forKey: .message)
  }
}
