import CProbe
import SystemPackage

/// One answer of the probing helper, decoded as hostile input.
///
/// A guest that took the sandboxed child over could have written it (PITFALLS F1, F8). Its layout is CProbe.h's.
struct ProbeAnswer: Equatable {
  /// Which request it answers.
  let id: UInt32
  /// Size of what was probed, in bytes; 0 where that was not found out.
  let size: UInt64
  /// Whether the child was under Landlock as well as under seccomp.
  let hadLandlock: Bool
  let content: ProbedContent

  init(decoding bytes: [UInt8]) throws(RecordReader.Refusal) {
    var reader = RecordReader(bytes)
    guard try reader.integer(UInt32.self) == UInt32(probe_magic) else { throw .field("magic") }
    id = try reader.integer()
    let outcomeCode = try reader.integer(UInt8.self)
    hadLandlock = try reader.flag("Landlock")
    let detail = CInt(bitPattern: try reader.integer(UInt32.self))
    let outcome = try Self.outcome(outcomeCode, detail)
    size = try reader.integer()
    let topology = try Self.topology(&reader)
    let signatureCount = try reader.count("signatures", atMost: probe_max_signatures)
    let partitionCount = try reader.count("partitions", atMost: probe_max_partitions)
    let partitionsLeftOut = try reader.integer(UInt32.self)
    let hasTable = try reader.flag("table")
    let tableType = try reader.text("table type", capacity: probe_type_capacity)
    let tableID = try reader.text("table id", capacity: probe_uuid_capacity)
    let start = try reader.sized("start", capacity: probe_start_capacity)
    let end = try reader.sized("end", capacity: probe_end_capacity)
    var signatures: [Signature] = []
    for _ in 0..<signatureCount { signatures.append(try Signature(from: &reader)) }
    var entries: [PartitionEntry] = []
    for _ in 0..<partitionCount { entries.append(try PartitionEntry(from: &reader)) }
    try reader.end()
    content = ProbedContent(
      outcome: outcome,
      signatures: signatures,
      partitionTable: try Self.table(
        hasTable, type: tableType, id: tableID, entries: entries, leftOut: partitionsLeftOut),
      container: ContainerFormat(start: start, end: end),
      topology: topology)
    guard outcome == .probed || (signatures.isEmpty && !hasTable) else { throw .field("outcome") }
  }

  private static func outcome(
    _ code: UInt8, _ detail: CInt
  ) throws(RecordReader.Refusal) -> ProbedContent.Outcome {
    guard let name = ProbeOutcomeName(rawValue: code) else { throw .field("outcome") }
    return name.outcome(detail)
  }

  private static func topology(_ reader: inout RecordReader) throws(RecordReader.Refusal) -> BlockTopology? {
    let topology = BlockTopology(
      logicalBlockSize: try reader.integer(), physicalBlockSize: try reader.integer(),
      minimumIOSize: try reader.integer(), optimalIOSize: try reader.integer(),
      alignmentOffset: Int32(bitPattern: try reader.integer()))
    return topology.logicalBlockSize == 0 ? nil : topology
  }

  private static func table(
    _ isThere: Bool, type: DeviceText?, id: DeviceText?, entries: [PartitionEntry], leftOut: UInt32
  ) throws(RecordReader.Refusal) -> PartitionTable? {
    guard isThere else {
      guard type == nil, id == nil, entries.isEmpty, leftOut == 0 else { throw .field("table") }
      return nil
    }
    guard let type else { throw .field("table type") }
    return PartitionTable(type: type, id: id, entries: entries, entriesLeftOut: leftOut)
  }
}

/// How the helper says that a request ended; `probe_outcome` of CProbe.h.
private enum ProbeOutcomeName: UInt8 {
  case probed, noAnswer, unreadable, unfit, noSandbox, failed, killed, timedOut

  func outcome(_ detail: CInt) -> ProbedContent.Outcome {
    let errno = "\(Errno(rawValue: detail)) (\(Errno(rawValue: detail).name))"
    return switch self {
    case .probed: .probed
    case .noAnswer: .unknown(reason: "the device did not answer a read in time")
    case .unreadable: .unknown(reason: "it could not be read: \(errno)")
    case .unfit: .unknown(reason: "it has no such bytes to probe: \(errno)")
    case .noSandbox: .unknown(reason: "not probed without a sandbox: \(errno)")
    case .failed: .unknown(reason: "libblkid failed: \(errno)")
    case .killed: .unknown(reason: "libblkid was ended by signal \(detail) while it read the content")
    case .timedOut: .unknown(reason: "libblkid took too long over the content")
    }
  }
}

extension RecordReader {
  fileprivate mutating func count(_ name: String, atMost limit: Int) throws(Refusal) -> Int {
    let value = Int(try integer(UInt16.self))
    guard value <= limit else { throw .field(name) }
    return value
  }
}

extension Signature {
  fileprivate init(from reader: inout RecordReader) throws(RecordReader.Refusal) {
    guard let type = try reader.text("type", capacity: probe_type_capacity) else { throw .field("type") }
    self.init(
      type: type,
      usage: try reader.text("usage", capacity: probe_usage_capacity),
      uuid: try reader.text("UUID", capacity: probe_uuid_capacity),
      label: try reader.text("label", capacity: probe_label_capacity),
      version: try reader.text("version", capacity: probe_version_capacity),
      offset: try reader.integer())
  }
}

extension PartitionEntry {
  fileprivate init(from reader: inout RecordReader) throws(RecordReader.Refusal) {
    let number = try reader.integer(UInt32.self)
    let start = try reader.integer(UInt64.self)
    let size = try reader.integer(UInt64.self)
    guard !start.addingReportingOverflow(size).overflow else { throw .field("partition's range") }
    let flags = try reader.integer(UInt64.self)
    let isExtended = try reader.flag("extended")
    let type = try reader.text("partition type", capacity: probe_partition_type_capacity)
    guard let type else { throw .field("partition type") }
    self.init(
      number: number, start: start, size: size, type: type,
      name: try reader.text("partition name", capacity: probe_partition_name_capacity),
      uuid: try reader.text("partition UUID", capacity: probe_partition_uuid_capacity),
      flags: flags, isExtended: isExtended)
  }
}
