public import DeviceResync

/// How a run becomes a job.
public enum JobMode: Sendable {
  /// It runs in this process, and leaves a record.
  case now
  /// Another process runs it, at once or later; at how many microseconds since 1970-01-01, midnight UTC.
  case later(Int64)
  /// It is the job that another process has added.
  case started(UniqueID)
}

/// Keeps a job's record beside whoever watches its run.
///
/// The record is made when the plan has passed and nobody declines it: what is refused is no job.
public final class JobSpectator<Base: Spectator>: Spectator {
  private let base: Base
  private var opened: JobClerk?
  private let mode: JobMode
  private let order: JobOrder
  /// Starts the process of a job that is not run here.
  private let launch: (UniqueID) throws(ResyncError) -> Void
  private var id: UniqueID?
  /// Why there is no record of a run that goes on without.
  private var fault: ResyncError?
  private var progress = JobProgress(percentComplete: 0, status: RunPhase.planning.rawValue, progress: nil)
  private var lastNote = ContinuousClock.now

  /// How often progress is noted: what another shell sees of it is this old.
  private static var beat: Duration { .milliseconds(500) }

  /// - Parameters:
  ///   - base: who watches, and answers.
  ///   - launch: starts the process of a job that is not run here.
  public init(
    _ base: Base, _ call: ServiceCall, _ mode: JobMode,
    launch: @escaping (UniqueID) throws(ResyncError) -> Void
  ) {
    self.base = base
    self.mode = mode
    self.launch = launch
    order = JobOrder(call.request, call.limits)
    if case .started(let id) = mode { self.id = id }
  }

  /// Refuses where another job is in the way; makes the record where the run begins.
  public func planned(_ plan: PlanReport) -> MonitorStep {
    // Before the guards, which only see who holds the disks: it is the job that is to be named.
    do throws(ResyncError) {
      if id == nil, order.request.writes {
        var job = new()
        // One that is scheduled is in the way of another only.
        if case .now = mode { job.state = .starting }
        try jobs().checkAlone(job)
      }
    } catch  where error.returnValue == .systemInUse || error.returnValue == .timeout {
      return .end(RunResult(order.request, refusedBy: error))
    } catch {
      // Where the records cannot be opened the plan may say more of the reason; else the beginning does.
    }
    return beginning(base.planned(plan))
  }

  private func jobs() throws(ResyncError) -> JobClerk {
    if let opened { return opened }
    // Who only reads does without where it is not answered.
    let patience = order.request.writes ? order.limits.stall.seconds : 2
    let jobs = try JobClerk(in: order.request.stateDirectory, patience: .seconds(patience))
    opened = jobs
    return jobs
  }

  /// Makes the record where the run begins.
  public func answered(_ line: String) -> MonitorStep { beginning(base.answered(line)) }
  /// Passes it on.
  public func willFinish(bytesLeft: UInt64) { base.willFinish(bytesLeft: bytesLeft) }

  /// Takes note, and passes it on.
  public func heard(_ event: RunEvent) -> MonitorStep {
    note(event)
    return base.heard(event)
  }

  /// Makes the record where the run begins.
  private func beginning(_ step: MonitorStep) -> MonitorStep {
    guard case .begin = step else { return step }
    do throws(ResyncError) {
      switch mode {
      case .now: try beginHere()
      case .later(let time): return .end(try schedule(time))
      case .started(let id):
        try jobs().enter(id, .running)
      }
      return step
    } catch {
      // Who only reads needs no record.
      guard order.request.writes else {
        fault = error
        return step
      }
      return .end(RunResult(order.request, refusedBy: error))
    }
  }

  private func new() -> Job {
    Job(
      .random(), order.request, relationship: order.request.relationship, owner: userName(),
      now: microsecondsSinceEpoch())
  }

  private func beginHere() throws(ResyncError) {
    let jobs = try jobs()
    var job = new()
    job.process = try ProcessIdentity.own()
    job.enter(.starting, at: job.submitted)
    job.enter(.running, at: job.submitted)
    try jobs.add(job, nil)
    id = job.id
  }

  private func schedule(_ time: Int64) throws(ResyncError) -> RunResult {
    let jobs = try jobs()
    var job = new()
    let isLater = time > job.submitted
    job.scheduled = isLater ? time : nil
    job.status = isLater ? "waits for its time" : "waits for its process"
    try jobs.add(job, order)
    do throws(ResyncError) {
      try launch(job.id)
    } catch {
      jobs.remove(job.id)
      throw error
    }
    waitUntilTaken(job.id, in: jobs)
    let title = isLater ? Moment(time).text(now: job.submitted) : "now"
    return RunResult(
      order.request, starting: job.id, at: isLater ? Moment(time).cimDateTime : nil,
      "job \(job.id) starts \(title); watch it with: "
        + order.request.context.typed(.jobWatch, "\(job.id)"))
  }

  /// So that who looks next finds it with its process; one that is not taken is started by `job run-due`.
  private func waitUntilTaken(_ id: UniqueID, in jobs: JobClerk) {
    let deadline = ContinuousClock.now + .milliseconds(200)
    while ContinuousClock.now < deadline, !jobs.isTaken(id) { pause(milliseconds: 5) }
  }

  private func note(_ event: RunEvent) {
    guard let id, let jobs = opened else { return }
    switch event {
    case .progress(let now):
      progress.percentComplete = max(progress.percentComplete, UInt16(clamping: min(99, now.percent)))
      progress.status = now.phase.rawValue
      progress.progress = now
      guard lastNote.duration(to: .now) >= Self.beat else { return }
      lastNote = .now
      // What nobody can read does not end a run.
      jobs.note(progress, id)
    case .committed: jobs.tellCommitted(id)
    case .ending: jobs.tellState(id, .shuttingDown)
    default: break
    }
  }

  /// Takes note of how the run ended; returns the result that names the record.
  public func finished(_ result: RunResult) -> RunResult {
    var result = result
    if let fault { result.message += "; it left no record: \(fault)" }
    guard let id else { return result }
    result.jobRecord = id
    do throws(ResyncError) {
      try jobs().finish(id, JobEnding(result))
    } catch {
      result.message += "; its record could not be written: \(error)"
    }
    return result
  }
}
