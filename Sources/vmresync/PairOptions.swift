import ArgumentParser
import DeviceResync
import Glibc
import ReplicationService

/// The disk pairs and how they are read: what `compare`, `resync` and `plan` share.
struct PairOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "A computer system of the configuration: the disks of the relationship whose primary it is.",
      valueName: "system"))
  var system: String?

  @OptionGroup var from: ConfigurationOptions

  @Option(
    help: ArgumentHelp("The disk that is read: a block device or a raw image; repeats.", valueName: "path"))
  var primary: [String] = []

  @Option(
    help: ArgumentHelp(
      "The disk that mirrors it; the n-th belongs to the n-th --primary.", valueName: "path"))
  var recovery: [String] = []

  @Option(help: ArgumentHelp("Declare the primary raw: its content never refuses it.", valueName: "raw"))
  var primaryFormat: DiskFormat?

  @Option(help: ArgumentHelp("Declare the recovery raw: its content never refuses it.", valueName: "raw"))
  var recoveryFormat: DiskFormat?

  @Option(help: "How still the primary must hold: auto, offline, snapshot or running. (default: auto)")
  var source: RunRequest.Source?

  @Flag(help: "Read holes too, instead of passing over what is a hole on both sides.")
  var full = false

  @Flag(help: "Allow a recovery that is larger than the primary; its tail stays as it is.")
  var allowLargerRecovery = false

  @Option(help: ArgumentHelp("Bytes of one read, such as 512K.", valueName: "size"))
  var chunkSize: Size?

  @Option(help: ArgumentHelp("Reads in flight per disk.", valueName: "n"))
  var queueDepth: Int?

  @OptionGroup var parallel: ParallelOptions

  @Option(
    help: """
      What bytes that cannot be read do: stop ends the run; record goes on without them, lists them and fails. A \
      recovery's count as different where they are written.
      """)
  var onReadError: RunRequest.ReadErrorAction = .stop

  @OptionGroup var engine: EngineOptions

  @Flag(help: "Print one JSON object, whatever happens.")
  var json = false

  /// The request that these options make, with what the configuration says of the system.
  ///
  /// - Parameter stateDirectory: where it is remembered who of two systems is the primary.
  func call(_ operation: RunRequest.Operation, stateDirectory: String) throws -> ServiceCall {
    var call = try target(operation, stateDirectory)
    apply(to: &call.request)
    return call
  }

  private func target(_ operation: RunRequest.Operation, _ stateDirectory: String) throws -> ServiceCall {
    if let system {
      guard primary.isEmpty, recovery.isEmpty else {
        throw ValidationError("name a system, or disks with --primary and --recovery, and not both")
      }
      let configuration = try from.configuration(for: [system])
      return try ServiceCall(
        operation, system, relationship: from.relationship, in: configuration,
        roles: configuration.roles(in: stateDirectory))
    }
    guard !primary.isEmpty || !recovery.isEmpty else {
      throw ValidationError("no disk is named; name a system, or use --primary PATH --recovery PATH")
    }
    guard primary.count == recovery.count else {
      throw ValidationError(
        "\(primary.count) primaries and \(recovery.count) recoveries: the n-th --primary belongs to the n-th --recovery"
      )
    }
    var request = RunRequest(
      operation, pairs: zip(primary, recovery).map { RunRequest.Pair(primary: $0, recovery: $1) })
    request.hypervisors = from.hypervisors.libvirt
    request.configuration = Configuration.file(from.config)
    if let configuration = try from.usual() {
      if from.hypervisors.libvirt.isEmpty { request.hypervisors = configuration.hypervisors }
      request.recoverySystems = try configuration.recoveries(by: configuration.roles(in: stateDirectory))
    }
    return ServiceCall(request)
  }

  private func apply(to request: inout RunRequest) {
    if let source { request.source = source }
    request.readsHoles = full
    request.allowsLargerRecovery = allowLargerRecovery
    if primaryFormat != nil { request.declaredRaw.insert(.primary) }
    if recoveryFormat != nil { request.declaredRaw.insert(.recovery) }
    request.isInteractive = Console.canAsk
    request.chunkSize = chunkSize?.bytes
    request.queueDepth = queueDepth
    request.parallel = parallel.parallel
    request.engine = engine.engine
    request.onReadError = onReadError
  }
}

/// How many pairs move bytes at once.
struct ParallelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Pairs that move bytes at once, 1 to 16; the others wait, claimed. Those that lie on one rotational disk go "
        + "one after the other.", valueName: "n"))
  var parallel = RunRequest.usualParallel

  func validate() throws {
    guard (1...16).contains(parallel) else { throw ValidationError("--parallel takes 1 to 16") }
  }
}

/// What moves the bytes.
struct EngineOptions: ParsableArguments {
  @Option(
    help: "What moves the bytes: auto (io_uring, and threads where it is forbidden), io_uring or threads.")
  var engine: RunRequest.EngineChoice = .auto
}

/// How a run writes: what `resync` and `plan` share.
struct WriteOptions: ParsableArguments {
  @Option(
    help: """
      Where differences go: staged puts them aside, commits them together and applies them then, so that a stop \
      leaves the old replica or one that repair finishes; in-place writes them as they are found. (default: staged; \
      in-place where every recovery is a blank image or Inconsistent already)
      """)
  var writeBack: RunRequest.WriteBack?

  @Flag(help: "Nothing on the recovery is of worth: write in place, and ask nothing about what it holds.")
  var initial = false

  @Flag(help: "In a first run, allow a primary that holds nothing over a recovery that does.")
  var blankPrimary = false

  @Flag(help: "In a first run, allow contents that do not look like one disk.")
  var acceptContentChange = false

  @Flag(
    inversion: .prefixedNo, help: "Read back what was written, after the flush. (default: on when staged)")
  var verify: Bool?

  @Option(
    help: ArgumentHelp(
      "Runs of zeros that replace data: thin punches them out where the device can, data writes them. "
        + "(default: thin where the recovery is a sparse image)", valueName: "thin|data"))
  var zero: RunRequest.Zero?

  @Option(
    help: ArgumentHelp(
      """
      More than this is asked on a terminal, and ends in 32775 without one: staged before anything is written, in \
      place on the way, but for first runs and what is of no worth. (default: 25%, counted from 4 GiB on)
      """,
      valueName: "percent|size"))
  var maxDifference: DifferenceLimitArgument?

  @Option(
    help: ArgumentHelp(
      """
      Keep what the recovery holds, to go back to with rollback: undo keeps the old bytes of what is written, \
      snapshot clones the recovery's image (XFS, btrfs). Kept for 7 days, or until the next run writes.
      """,
      valueName: "none|undo|snapshot"))
  var recoveryPoint: RecoveryPointArgument = .none

  @Option(
    help: ArgumentHelp(
      "The virtual machine whose disk the recovery is, where it is the recovery of no relationship; repeats.",
      valueName: "name"))
  var recoverySystem: [String] = []

  @OptionGroup var state: StateOptions

  @Option(
    help: ArgumentHelp(
      "Where staged differences wait for the commit, in a folder vmresync; in the state directory by default.",
      valueName: "dir"))
  var stagingDir: String?

  // For tests: a run of a few MiB comes to one.
  @Option(help: .hidden)
  var checkpointEvery: Size?

  func apply(to request: inout RunRequest) {
    if let writeBack { request.writeBack = writeBack }
    if let verify { request.verifies = verify }
    request.isInitial = initial
    request.allowsBlankPrimary = blankPrimary
    request.acceptsContentChange = acceptContentChange
    request.recoverySystems? += recoverySystem.map { name in UniqueID(name).map { "\($0)" } ?? name }
    request.stateDirectory = state.stateDir
    request.stagingDirectory = stagingDir
    if let maxDifference { request.maxDifference = maxDifference.limit }
    request.recoveryPoint = RecoveryPointKind(rawValue: recoveryPoint.rawValue)
    request.zero = zero
    if let checkpointEvery { request.checkpoints.bytes = checkpointEvery.bytes }
  }
}

/// How long a run may take: what `compare` and `resync` share.
struct LimitOptions: ParsableArguments {
  @OptionGroup var stall: StallOptions

  @Option(
    help: ArgumentHelp(
      "End the run in order after this time, with 32772; what is committed by then is finished.",
      valueName: "time"))
  var maxDuration: TimeArgument?

  func apply(to limits: inout RunLimits) {
    stall.apply(to: &limits)
    if let maxDuration { limits.duration = maxDuration.span }
  }
}

/// How long nothing may move.
struct StallOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Answer with 32772 when nothing has moved for this time, such as 90s, 15min or 2h. (default: 15min)",
      valueName: "time"))
  var stallTimeout: TimeArgument?

  func apply(to limits: inout RunLimits) {
    if let stallTimeout { limits.stall = stallTimeout.span }
  }

  var limits: RunLimits {
    var limits = RunLimits()
    apply(to: &limits)
    return limits
  }
}

/// A span of time on the command line.
struct TimeArgument: ExpressibleByArgument {
  let span: TimeSpan

  init?(argument: String) {
    guard let span = TimeSpan(parsing: argument) else { return nil }
    self.span = span
  }
}

/// How a run shows what it does.
struct ProgressOptions: ParsableArguments {
  @Option(help: "How progress is shown: auto, bar, plain, json or none.")
  var progress: ProgressStyle = .auto

  @Flag(help: "Print nothing but errors.")
  var quiet = false
}

enum ProgressStyle: String, ExpressibleByArgument, CaseIterable {
  case auto, bar, plain, json, none
}
