/// What a caller of `repair` asks for.
public struct RepairRequest: Sendable, Codable, Equatable {
  /// The recoveries.
  public var paths: [String]
  /// Where relationships, disks and staged differences are remembered.
  public var stateDirectory: String
  /// What is to move the bytes.
  public var engine: RunRequest.EngineChoice
  /// Most recoveries that move bytes at once.
  public var parallel: Int
  /// Whom to ask for computer systems, as libvirt names them; empty: who is usually there.
  public var hypervisors: [String] = []

  /// Creates a request.
  public init(
    _ paths: [String], stateDirectory: String, engine: RunRequest.EngineChoice = .auto,
    parallel: Int = RunRequest.usualParallel
  ) {
    self.paths = paths
    self.stateDirectory = stateDirectory
    self.engine = engine
    self.parallel = parallel
  }
}

/// What a caller of `rollback` asks for.
public struct RollbackRequest: Sendable, Codable, Equatable {
  /// The recoveries, or some of them: all of their relationship go back together.
  public var paths: [String]
  /// Where relationships, disks and staged differences are remembered.
  public var stateDirectory: String
  /// What is to move the bytes.
  public var engine: RunRequest.EngineChoice
  /// Whether what is kept is to be given up, and the recoveries stay as they are.
  public var discards = false
  /// Whom to ask for computer systems, as libvirt names them; empty: who is usually there.
  public var hypervisors: [String] = []

  /// Creates a request.
  public init(_ paths: [String], stateDirectory: String, engine: RunRequest.EngineChoice = .auto) {
    self.paths = paths
    self.stateDirectory = stateDirectory
    self.engine = engine
  }
}

/// How much work a stop may cost at most: whichever is over first.
///
/// Each checkpoint waits for one or two flushes.
public struct CheckpointPace: Sendable, Codable, Equatable {
  /// Bytes of one side between two checkpoints.
  public var bytes: UInt64 = 8 << 30
  /// Seconds between two checkpoints.
  public var seconds: Double = 30

  /// The usual one.
  public init() {}
}

/// What a caller asks for.
public struct RunRequest: Sendable, Codable {
  /// What to do with the pairs.
  public enum Operation: String, Sendable, Codable {
    /// Read both sides and report.
    case compare
    /// Write the differences to the recovery.
    case resync
  }

  /// How still the primary must hold.
  public enum Source: String, Sendable, Codable, CaseIterable {
    case auto, offline, snapshot, running
  }

  /// Where differences go.
  public enum WriteBack: String, Sendable, Codable, CaseIterable {
    case staged
    case inPlace = "in-place"
  }

  /// What becomes of runs of zeros that replace data.
  public enum Zero: String, Sendable, Codable, CaseIterable {
    /// They are punched out, where the device can.
    case thin
    /// They are written like the rest.
    case data
  }

  /// What is to move the bytes.
  public enum EngineChoice: String, Sendable, Codable, CaseIterable {
    /// io_uring, and threads where the kernel forbids it.
    case auto
    case ioUring = "io_uring"
    case threads
  }

  /// What becomes of bytes of a disk that cannot be read.
  public enum ReadErrorAction: String, Sendable, Codable, CaseIterable {
    /// They end the run.
    case stop
    /// The run goes on without them, lists them, and fails.
    case record
  }

  /// How much may differ before a staged run asks instead of applying.
  public enum DifferenceLimit: Sendable, Hashable, Codable {
    /// A share of all pairs' bytes; up to `from` bytes always pass.
    case percent(Double, from: UInt64 = 0)
    /// A number of bytes.
    case bytes(UInt64)

    /// Reads a share or a size: `25%`, `61 GiB`; nil for anything else.
    public init?(parsing text: String) {
      if text.hasSuffix("%") {
        guard let percent = Double(text.dropLast()), percent >= 0, percent <= 100 else { return nil }
        self = .percent(percent)
      } else {
        guard let count = ByteCount(parsing: text) else { return nil }
        self = .bytes(count.bytes)
      }
    }

    /// Whether `different` of `total` bytes are too many.
    func isExceeded(by different: UInt64, of total: UInt64) -> Bool {
      switch self {
      case .bytes(let most): different > most
      case .percent(let most, let from): different > from && Double(different) > Double(total) * most / 100
      }
    }
  }

  /// The two paths of one disk pair, as they were typed.
  public struct Pair: Sendable, Hashable, Codable {
    /// The disk that is read.
    public var primary: String
    /// The disk that is brought in line with it.
    public var recovery: String

    /// Creates a pair.
    public init(primary: String, recovery: String) {
      self.primary = primary
      self.recovery = recovery
    }
  }

  /// What to do.
  public var operation: Operation
  /// With what.
  public var pairs: [Pair]
  /// The computer system that was asked for; nil for explicit disks.
  public var computerSystem: String?
  /// The configured relationship; nil for explicit disks.
  public var relationship: String?
  /// The same where the caller said which one is meant; nil where the system alone says it.
  public var namedRelationship: String?
  /// The configuration that has them, where it is not the usual one; an absolute path.
  public var configuration: String?
  /// Whom to ask for computer systems, as libvirt names them; empty: who is usually there.
  public var hypervisors: [String] = []
  /// The system that is read; nil for explicit disks.
  public var primarySystem: NamedSystem?
  /// The system that is written; nil for explicit disks.
  public var recoverySystem: NamedSystem?
  /// What further systems are called whose disk the recovery may be: recoveries of relationships, and those that were
  /// said to be meant; nil: any may be.
  public var recoverySystems: [String]? = []
  /// `resync` without writing.
  public var isDryRun = false
  /// How still the primary must hold.
  public var source = Source.auto
  /// Where differences go; nil: as the plan decides, which a plan's request has decided.
  public var writeBack: WriteBack?
  /// Whether the recovery's content is worthless, so that it is written in place, and asked nothing about.
  public var isInitial = false
  /// Whether only a stopped run is gone on with: without one nothing is done.
  public var mustContinue = false
  /// Whether a first run may overwrite a recovery that holds something from a primary that holds nothing.
  public var allowsBlankPrimary = false
  /// Whether the contents of a first run's disks may disagree.
  public var acceptsContentChange = false
  /// Where relationships and disks are remembered.
  public var stateDirectory = usualStateDirectory
  /// Where they are remembered when nothing else is said.
  public static let usualStateDirectory = "/var/lib/vmresync"
  /// Where staged differences wait for the commit; nil: in the state directory.
  public var stagingDirectory: String?
  /// How the recovery's old content is kept, to go back to; nil: not at all.
  public var recoveryPoint: RecoveryPointKind?
  /// A staged run that finds more than this ends before it writes; nil: any.
  public var maxDifference: DifferenceLimit? = .percent(25, from: 4 << 30)
  /// What becomes of bytes that cannot be read; a recovery's count as different where they are to be written.
  public var onReadError = ReadErrorAction.stop
  /// Whether what was written is read back after the flush; nil: where it is staged, which a plan's request has
  /// decided.
  public var verifies: Bool?
  /// Whether holes are read too.
  public var readsHoles = false
  /// Whether a recovery that is larger may be used; its tail stays as it is.
  public var allowsLargerRecovery = false
  /// Sides whose content never refuses them, because it was declared raw.
  public var declaredRaw: Set<Side> = []
  /// Whether a person can answer questions: names that change at a reboot are then only warned of.
  public var isInteractive = false
  /// Bytes per read; nil: as the devices take them best.
  public var chunkSize: UInt64?
  /// Reads in flight per side; nil: 6.
  public var queueDepth: Int?
  /// Most pairs that move bytes at once; the others wait, claimed.
  public var parallel = usualParallel
  /// How many pairs move bytes at once when nothing else is said.
  public static let usualParallel = 2
  /// What becomes of zeros; nil: thin where the recovery is a sparse image.
  public var zero: Zero?
  /// What moves the bytes.
  public var engine = EngineChoice.auto
  /// First byte to compare.
  public var windowOffset: UInt64 = 0
  /// Number of bytes to compare; nil: to the end.
  public var windowLength: UInt64?
  /// Most differences to list.
  public var maxRanges = 4096
  /// Whether every difference is reported as an event.
  public var streamsRanges = false
  /// How often a run that writes remembers how far it is.
  public var checkpoints = CheckpointPace()

  /// Creates a request with every option at its default.
  public init(_ operation: Operation, pairs: [Pair]) {
    self.operation = operation
    self.pairs = pairs
  }

  /// The bytes to compare of a disk of `size` bytes; nil for all of them.
  func window(of size: UInt64) -> ByteRange? {
    if windowOffset == 0 && windowLength == nil { return nil }
    let end = windowLength.map { windowOffset.saturatingAdd($0) } ?? size
    return ByteRange(windowOffset, upTo: max(windowOffset, end))
  }

  /// Whether what was written is read back.
  var readsBack: Bool { verifies ?? (writeBack == .staged) }

  /// Whether the recovery may be written.
  public var writes: Bool { operation == .resync && !isDryRun }
}

extension RunRequest.DifferenceLimit: CustomStringConvertible {
  /// As it may be written: `25%`, `61 GiB`.
  public var description: String {
    switch self {
    case .percent(let percent, _): percent.rounded() == percent ? "\(Int64(percent))%" : "\(percent)%"
    case .bytes(let bytes): "\(ByteCount(bytes))"
    }
  }
}
