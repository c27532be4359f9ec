public import DeviceResync

extension JobStore {
  /// Asks a job to end, in order (`RequestStateChange`, 4 Terminate): what it staged is dropped.
  public func terminate(_ id: UniqueID) throws(ResyncError) -> RequestResult {
    var result = RequestResult.invalidTransition
    var process: ProcessIdentity?
    let job = try changing(id) { job throws(ResyncError) in
      switch job.state {
      case .new:
        process = job.process
        job.status = "ended by request before it began"
        (job.returnValue, job.exitStatus) = (.failed, ExitStatus.terminated)
        job.errorDescription = job.status
        job.enter(.terminated, at: now())
        result = .completed
      case .starting, .running, .shuttingDown:
        process = job.isCancellable ? job.process : nil
        result = job.isCancellable ? .transitionStarted : .busy
      default: break
      }
    }
    guard job != nil else { throw unknown("\(id)") }
    if let process {
      let wasThere = try process.requestEnd(dropping: true)
      // Who looks next turns it to Exception.
      if !wasThere, result == .transitionStarted { return .invalidTransition }
    }
    return result
  }

  /// Starts what is due, each in a process of its own; returns these.
  public func runDue(_ start: (UniqueID) throws(ResyncError) -> Void) throws(ResyncError) -> [Job] {
    var due: [Job] = []
    for job in try jobs().jobs where job.state == .new && job.scheduled ?? job.submitted <= now() {
      // Whose process waits for its time needs nobody.
      if try Self.isAlive(job) { continue }
      try start(job.id)
      due.append(job)
    }
    return due
  }

  /// The job that `text` names: by an id, by the beginning of one that no other has, or by a system that has one job.
  ///
  /// - Throws: 32773 where it names none, or several.
  public func find(_ text: String) throws(ResyncError) -> Job {
    let all = try jobs().jobs
    if let id = UniqueID(text), let job = all.first(where: { $0.id == id }) { return job }
    let byID = text.utf8.count >= 4 ? all.filter { "\($0.id)".hasPrefix(text) } : []
    let ofSystem = all.filter { job in
      // By its name in a configuration, or without its hypervisor's before that.
      job.computerSystem.map { $0 == text || $0 == "libvirt:\(text)" } ?? false
    }
    let unfinished = ofSystem.filter { !$0.state.isFinished }
    // Of a system the one that is not finished is meant, or else the last.
    let found = byID.isEmpty ? (unfinished.isEmpty ? Array(ofSystem.prefix(1)) : unfinished) : byID
    guard let job = found.first else { throw unknown(text) }
    if found.count > 1 {
      throw ResyncError(
        .invalidParameter, "find the job", on: text, reason: "\(found.count) jobs are called so",
        remedy: "name one: \(found.prefix(4).map { "\($0.id)" }.joined(separator: ", "))")
    }
    return job
  }

  /// There is no such job.
  public func unknown(_ text: String) -> ResyncError {
    ResyncError(
      .invalidParameter, "find the job", on: text, reason: "there is no such job",
      remedy: "see: \(context.typed(.jobList))")
  }
}
