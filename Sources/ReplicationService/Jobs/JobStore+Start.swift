public import DeviceResync

extension JobStore {
  /// Waits for a job's time, and takes it; what it is to do then, nil where a request or a signal ended the wait.
  ///
  /// The calling thread has stop signals blocked (``prepareForMonitor()``).
  public func waitForStart(of id: UniqueID) throws(ResyncError) -> JobOrder? {
    while true {
      let job = try start(id)
      if job.state == .starting { return try orderOrFailure(id) }
      let left = max(0, (job.scheduled ?? 0) - now()) / 1000
      // Not all of it at once: the host's clock may be set.
      let isStopped = try waitForStopSignal(milliseconds: Int32(min(left + 1, 10_000)))
      // One that nobody ended by request stays scheduled, for `job run-due`.
      if isStopped { return nil }
    }
  }

  /// A job that does not know what to do has failed.
  private func orderOrFailure(_ id: UniqueID) throws(ResyncError) -> JobOrder {
    do throws(ResyncError) {
      return try order(of: id)
    } catch {
      try finish(id, RunResult(nil, refusedBy: error))
      throw error
    }
  }
}
