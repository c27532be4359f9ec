import Glibc
import SystemPackage

@testable import DeviceResync
@testable import ReplicationService

// libFuzzer's targets: what reads bytes that others may have put there. scripts/fuzz builds and starts it;
// VMRESYNC_FUZZ names the one parser that a process feeds.

/// libFuzzer's own way in (compiler-rt, FuzzerDriver.cpp); its arguments are the command line's.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ test: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

@main enum FuzzParsers {
  /// The parser that the environment names.
  static let parser: Parser = {
    let name = getenv("VMRESYNC_FUZZ").map { String(cString: $0) } ?? ""
    guard let parser = Parser(rawValue: name) else {
      fail("VMRESYNC_FUZZ is none of: \(Parser.allCases.map(\.rawValue).joined(separator: " "))")
    }
    return parser
  }()

  static func main() {
    if let folder = getenv("VMRESYNC_FUZZ_SEEDS") { return writeSeeds(String(cString: folder)) }
    var (count, arguments) = (CommandLine.argc, CommandLine.unsafeArgv)
    exit(
      runFuzzer(&count, &arguments) { start, count in
        _ = FuzzParsers.parser.feed(Array(UnsafeBufferPointer(start: start, count: count)))
        return 0
      })
  }

  private static func writeSeeds(_ folder: String) {
    do {
      for (number, seed) in try Sample.seeds(of: parser).enumerated() {
        let file = try FileDescriptor.open(
          FilePath("\(folder)/seed-\(number)"), .writeOnly, options: [.create, .truncate],
          permissions: .ownerReadWrite)
        _ = try file.closeAfter { try file.writeAll(seed) }
        guard parser.feed(seed) else { fail("seed \(number) is not taken") }
      }
    } catch {
      fail("no seeds: \(error)")
    }
  }

  private static func fail(_ message: String) -> Never {
    // Who starts it sees the status.
    _ = try? FileDescriptor.standardError.writeAll(Array("\(message)\n".utf8))
    exit(2)
  }
}

/// A parser under test: takes any bytes, and must neither trap, hang nor take memory by what they say.
enum Parser: String, CaseIterable {
  case stagingFile = "staging-file"
  case stagingHeader = "staging-header"
  case stagingIndex = "staging-index"
  case relationship, disk
  case probeAnswer = "probe-answer"
  case container
  case startTime = "start-time"
  case configuration, job

  /// - Returns: whether they were taken for what they should be.
  func feed(_ bytes: [UInt8]) -> Bool {
    switch self {
    case .stagingFile: feedStagingFile(bytes)
    case .stagingHeader: feedStagingHeader(bytes)
    case .stagingIndex: feedStagingIndex(bytes)
    case .relationship: feedRecord(bytes, .relationship(Sample.relationship.id), as: RelationshipState.self)
    case .disk: feedRecord(bytes, .disk(Sample.pair.recovery.identity), as: DiskRecord.self)
    case .probeAnswer: (try? ProbeAnswer(decoding: bytes)) != nil
    case .container: ContainerFormat(start: bytes.prefix(4096), end: bytes.suffix(512)) != nil
    case .startTime: feedStartTime(String(decoding: bytes, as: UTF8.self))
    case .configuration: feedConfiguration(String(decoding: bytes, as: UTF8.self))
    case .job: feedJob(bytes)
    }
  }
}

// MARK: Parsers

/// Feeds a record; what is taken must be written and read again as the same.
private func feedRecord<Record: StoredRecord & Equatable>(
  _ bytes: [UInt8], _ name: RecordName, as type: Record.Type
) -> Bool {
  guard let record: Record = try? RecordFormat.decode(bytes, as: name) else { return false }
  guard let again = try? RecordFormat.encode(record),
    let copy: Record = try? RecordFormat.decode(again, as: name), copy == record
  else { preconditionFailure("what was read cannot be written and read again") }
  return true
}

/// Feeds a CIM datetime; a point in time that is taken must be written and read again as the same.
private func feedStartTime(_ text: String) -> Bool {
  guard let time = CIMDateTime(parsing: text) else { return false }
  precondition(text.utf8.count == 25, "anything longer or shorter is none")
  switch time {
  case .timestamp(let known?):
    let again = CIMDateTime(parsing: CIMDateTime.text(timestamp: known))
    // Local time of the years 0 and 9999 may be in another year of UTC.
    let isNear = text.hasPrefix("0000") || text.hasPrefix("9999")
    precondition(isNear || again == time, "what was read cannot be written and read again")
  case .interval(let known?):
    let again = CIMDateTime(parsing: CIMDateTime.text(interval: known))
    precondition(again == time, "what was read cannot be written and read again")
  default: break
  }
  _ = try? StartTime(parsing: text, now: 1_906_329_600_000_000)
  _ = try? Moment(parsing: text, now: 1_906_329_600_000_000) { _ in 3600 }
  return true
}

/// Feeds a configuration; of one that makes sense everything is looked at.
private func feedConfiguration(_ text: String) -> Bool {
  var configuration = Configuration()
  do throws(ResyncError) {
    try configuration.read(TrustedText(text, at: "/etc/vmresync/config.toml"))
    try configuration.check()
  } catch {
    return false
  }
  for relationship in configuration.relationships {
    _ = try? configuration.text(of: relationship)
    _ = try? configuration.suggestion(primary: relationship.primary, recovery: relationship.recovery)
  }
  return true
}

private func feedJob(_ bytes: [UInt8]) -> Bool {
  let id = Sample.job.id
  guard let job: Job = try? RecordFormat.decode(bytes, fault: { $0.fault(as: id) }) else { return false }
  let now = job.submitted
  _ = job.text(now: now) + job.json(now: now) + Job.table([job], now: now)
  guard let again = try? RecordFormat.encode(job),
    let copy: Job = try? RecordFormat.decode(again, fault: { $0.fault(as: id) }), copy == job
  else { preconditionFailure("what was read cannot be written and read again") }
  return true
}

private func feedStagingHeader(_ bytes: [UInt8]) -> Bool {
  guard bytes.count >= StagingFormat.alignment else { return false }
  var bytes = bytes
  guard
    let length = try? bytes.withRawSpan({ (span) throws(StagingFault) in try StagingHeader.length(from: span)
    }),
    length <= bytes.count
  else { return false }
  bytes.removeLast(bytes.count - length)
  bytes.sign(0..<length)
  guard
    let header = try? bytes.withRawSpan({ (span) throws(StagingFault) in try StagingHeader(decoding: span) })
  else { return false }
  precondition(header.isSound && header.encoded() == bytes, "one header has one form")
  return true
}

/// Feeds an index without the zeros after its entries, and without payload: short input is changed where it counts.
private func feedStagingIndex(_ bytes: [UInt8]) -> Bool {
  guard bytes.count < StagingFormat.indexSize, let hash = try? RunningChecksum() else { return false }
  var bytes = bytes + [UInt8](repeating: 0, count: StagingFormat.indexSize - bytes.count)
  bytes.sign(0..<StagingFormat.indexSize)
  // Of the longest segments and large disks: one entry may then say more than an index holds.
  let header = Sample.wideHeader
  var scan = StagingScan(header, hash: hash)
  return bytes.withRawSpan { span in
    do throws(StagingFault) {
      var frame = try scan.openSegment(span, rest: 1 << 40)
      while let entry = try scan.nextEntry(span, &frame) {
        precondition(entry.range.end <= header.pairs[entry.pair].size)
        precondition(
          !entry.isBlocks || entry.oldDigests + scan.oldDigests(of: entry) * 8 <= StagingIndex.entriesEnd)
      }
      return true
    } catch {
      return false
    }
  }
}

/// Validates a file, and applies it where it is whole: to disks in memory, which trap at a byte too far.
private func feedStagingFile(_ bytes: [UInt8]) -> Bool {
  var bytes = bytes
  guard let header = bytes.signStaging() else { return false }
  let geometry = QueueGeometry(chunk: Sample.header.segmentSize, depth: 3)
  var queue = MemoryQueue(primary: bytes, recovery: [], geometry: geometry)
  guard
    let staging = try? validateStaging(
      through: &queue, size: UInt64(bytes.count), name: "fuzz",
      expecting: StagingExpectation(header: header, seal: nil))
  else { return false }
  precondition(queue.writes.isEmpty)
  for (pair, disk) in header.pairs.enumerated() where disk.size <= 1 << 20 {
    var last = [UInt8](repeating: 0, count: Int(disk.size - disk.reach))
    for mode in [ApplyMode.replay, .first] {
      var queue = MemoryQueue(
        primary: bytes, recovery: [UInt8](repeating: 0, count: Int(disk.reach)), geometry: geometry)
      var totals = ApplyTotals()
      let tail = ImageTail(read: { _ in last }, write: { new, _ in last = new })
      let ending = try? applyStaging(
        staging, pair: pair, mode: mode, punches: mode == .first, through: &queue, tail: tail,
        control: RunControl(),
        totals: &totals)
      precondition(mode == .replay || ending == .complete, "what is valid can be applied")
      precondition(queue.violations.isEmpty)
      // What was not staged holds zeros here, and something else in the digests.
      _ = try? proveAgainstDigests(staging, pair: pair, through: &queue, tail: tail, control: RunControl())
    }
  }
  return true
}
