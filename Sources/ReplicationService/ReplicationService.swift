public import DeviceResync
public import SystemPackage

/// Resynchronizes computer systems: `Msvm_ReplicationService` for block devices.
public struct ReplicationService: Sendable {
  /// Carries out a run, and lets somebody watch; what it ends with.
  public typealias Runner = @Sendable (RunRequest, RunLimits, any Spectator) -> RunResult

  /// Systems and relationships.
  public let configuration: Configuration
  /// Where relationships, disks and jobs are remembered.
  public let stateDirectory: FilePath
  private let run: Runner
  private let launch: (@Sendable (UniqueID) throws(ResyncError) -> Void)?
  private let now: @Sendable () -> Int64

  /// Creates a service.
  ///
  /// - Parameters:
  ///   - run: by default a worker process of its own: the program calls ``enterIfAsked(_:)`` first of all.
  ///   - launch: starts the process of a job that runs in the background or later; by default the program again, with
  ///     the arguments of `vmresync job run`.
  ///   - now: the clock, in microseconds since 1970-01-01, midnight UTC.
  public init(
    _ configuration: Configuration, stateDirectory: FilePath = FilePath(RunRequest.usualStateDirectory),
    run: @escaping Runner = ReplicationService.supervised,
    launch: (@Sendable (UniqueID) throws(ResyncError) -> Void)? = nil,
    now: @escaping @Sendable () -> Int64 = microsecondsSinceEpoch
  ) {
    self.configuration = configuration
    self.stateDirectory = stateDirectory
    self.run = run
    self.now = now
    self.launch = launch
  }

  /// `Resynchronize([in] ComputerSystem, [in] StartTime, [out] Job)`: compares the replication-enabled disks of the
  /// system and its recovery, and replicates the blocks that differ.
  ///
  /// All that can be checked is checked before any disk is opened for writing. Nobody is asked anything: what needs a
  /// person is refused.
  /// - Parameters:
  ///   - computerSystem: the primary; a replica is resynchronized with its extended replica.
  ///   - startTime: a CIM datetime; nil for at once.
  /// - Returns: 0 once the recovery equals the primary, and no job; 4096 and the job that will do it; else what went
  ///   wrong, and no job.
  public func resynchronize(
    computerSystem: String, startTime: String? = nil
  ) -> (
    returnValue: ReturnValue, job: Job?
  ) {
    do throws(ResyncError) {
      let configuration = try configuration.completed(for: [computerSystem])
      var call = try ServiceCall(
        .resync, computerSystem, in: configuration, roles: configuration.roles(in: stateDirectory.string))
      call.request.stateDirectory = stateDirectory.string
      let start = try StartTime(parsing: startTime ?? "", now: now())
      let result = try carryOut(call, start)
      guard let job = result.job else { return (result.returnValue, nil) }
      return (result.returnValue, try jobs().job(job))
    } catch {
      return (error.returnValue, nil)
    }
  }

  /// Returns at once in an ordinary process; in one that a service has started it never returns.
  ///
  /// Call it before anything is opened and before any thread is started.
  ///
  /// - Parameter arguments: the process's, its name first.
  public static func enterIfAsked(_ arguments: [String]) {
    InventoryProcess.enterIfAsked(arguments)
    JobClerk.enterIfAsked(arguments)
    let watch = SystemWatch()
    Worker.enterIfAsked(arguments) { watch.uses($0) }
  }

  /// The jobs of the state directory.
  public func jobs() throws(ResyncError) -> JobStore {
    JobStore(try StateFolder(JobStore.name, in: stateDirectory), now: now)
  }

  private func carryOut(_ call: ServiceCall, _ start: StartTime) throws(ResyncError) -> RunResult {
    let mode: JobMode =
      switch start {
      case .now: .now
      case .at(let time): .later(time)
      }
    let spectator = JobSpectator(Unattended(), call, mode) { id throws(ResyncError) in
      guard let launch else { return try launchJob(id, stateDirectory: stateDirectory.string) }
      try launch(id)
    }
    return spectator.finished(run(call.request, call.limits, spectator))
  }

  /// In a worker process of its own.
  public static let supervised: Runner = { request, limits, spectator in
    do throws(ResyncError) {
      try prepareForMonitor()
      var monitor = try Monitor(.resynchronize(request), limits: limits)
      let ending = monitor.watch(spectator)
      monitor.close()
      guard case .result(let result) = ending else { preconditionFailure("a run ends with a result") }
      return result
    } catch {
      return RunResult(request, refusedBy: error)
    }
  }
}

/// Starts `vmresync job run` of a job, apart from this process.
public func launchJob(_ id: UniqueID, stateDirectory: String) throws(ResyncError) {
  try startDetached(["job", "run", "\(id)", "--state-dir", stateDirectory], for: "job \(id)")
}

/// Whoever watches a run for nobody: it begins where nothing is in the way, and every question is answered with no.
public final class Unattended: Spectator {
  /// Creates one.
  public init() {}

  /// Begins where nothing refuses the plan.
  public func planned(_ plan: PlanReport) -> MonitorStep { plan.isRefused ? .end(plan.described) : .begin }

  /// Answers with no.
  public func heard(_ event: RunEvent) -> MonitorStep {
    if case .question = event { return .answer(false) }
    return .goOn
  }

  /// Nobody types.
  public func answered(_ line: String) -> MonitorStep { .goOn }
  /// Nobody is told.
  public func willFinish(bytesLeft: UInt64) {}
}
