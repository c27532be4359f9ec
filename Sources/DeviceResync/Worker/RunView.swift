/// What a monitor knows of its worker's run, from what it was told.
struct RunView {
  let request: WorkerRequest
  private(set) var phase: RunPhase?
  private(set) var pair = 0
  private(set) var plan: PlanReport?
  /// What the kernel was asked and had not answered when nothing moved any more.
  private(set) var waiting: [Activity] = []
  private(set) var progress: RunProgress?
  private var movements: UInt64?
  /// The same of each pair that is worked on beside others, and what it does.
  private var waitingOfPairs: [Int: [Activity]] = [:]
  private var phases: [Int: RunPhase] = [:]
  private var stage = Stage.nothing
  /// Whether the old bytes of a run in place are kept: it writes from then on.
  private var hasKept = false

  /// How far the recovery's bytes are concerned.
  private enum Stage {
    /// Nothing was written.
    case nothing
    /// Differences are written as they are found.
    case mixing
    /// The commit is being made.
    case committing
    /// The commit stands.
    case committed(bytes: UInt64, writtenBefore: UInt64)
    /// What was committed is applied.
    case applied
  }

  init(_ request: WorkerRequest) { self.request = request }

  /// Whether the way is forward.
  var isCommitted: Bool { if case .committed = stage { true } else { false } }

  /// Bytes of the commit that were not written when it was last told; nil without a commit.
  var bytesLeft: UInt64? {
    guard case .committed(let bytes, let before) = stage else { return nil }
    let written = (progress?.bytesWritten ?? before).subtractingSaturating(before)
    return bytes.subtractingSaturating(written)
  }

  mutating func take(_ plan: PlanReport) { self.plan = plan }

  /// Takes an event; returns whether it shows that something has moved.
  mutating func take(_ event: RunEvent) -> Bool {
    switch event {
    case .phase(let phase, let pair):
      (self.phase, self.pair, waiting) = (phase, pair, [])
      phases[pair] = phase
      switch (plan?.writeBack ?? requestedWriteBack, phase) {
      case (.inPlace, .sealing): hasKept = true
      case (.inPlace, .comparing) where runRequest?.recoveryPoint == .undo && !hasKept: break
      case (.inPlace, .comparing): stage = .mixing
      case (.staged, .committing): stage = .committing
      default: break
      }
    case .committed(let bytes): stage = .committed(bytes: bytes, writtenBefore: progress?.bytesWritten ?? 0)
    case .applied: stage = .applied
    case .progress(let progress):
      self.progress = progress
      return false
    case .activity(let movements, let waiting):
      self.waiting = waiting
      defer { self.movements = movements }
      return movements != self.movements
    case .pairs(let pairs):
      waitingOfPairs = Dictionary(pairs.map { ($0.pair, $0.waiting) }) { first, _ in first }
      return false
    case .ending: return false
    case .differences, .ranges, .question, .error, .waiting: break
    }
    return true
  }
}

extension UInt64 {
  fileprivate func subtractingSaturating(_ other: UInt64) -> UInt64 { self > other ? self - other : 0 }
}

/// What is known of a worker that was ended, or has ended.
struct WorkerEnd {
  let process: Int32
  /// Its state (proc_pid_stat(5)) before it was killed; nil where it had ended.
  var state: Character?
  /// Whether it is gone.
  var isGone: Bool
  /// Disks that it holds all the same.
  var held: [String] = []
}

extension RunView {
  /// Nothing of one pair, which others are worked on beside, has moved for `seconds`, and the worker was killed.
  func stalled(pair: Int, for seconds: Double, _ end: WorkerEnd) -> RunResult {
    var view = self
    (view.pair, view.phase, view.waiting) = (pair, phases[pair] ?? phase, waitingOfPairs[pair] ?? [])
    return view.stalled(for: seconds, end, of: " of pair \(pair + 1)")
  }

  /// Nothing has moved for `seconds`, and the worker was killed.
  ///
  /// - Parameter what: of what nothing has; of all, where it is empty.
  func stalled(for seconds: Double, _ end: WorkerEnd, of what: String = "") -> RunResult {
    var parts = ["nothing\(what) has moved for \(DeviceResync.seconds(seconds)) while \(doing)"]
    if !waiting.isEmpty { parts.append("not answered: \(listed(waiting.map(\.description), most: 4))") }
    if end.state == "T" { parts.append("the worker was stopped (SIGSTOP)") }
    parts.append(whatIsHeld(end))
    parts += whatStands
    let errors = waiting.prefix(64).map { activity in
      ErrorReport(
        ResyncError(
          .timedOut, activity.attempt, on: activity.device, range: activity.range,
          reason: "it was not answered for \(DeviceResync.seconds(seconds))",
          remedy: "see the kernel's log: dmesg"))
    }
    return result(.timeout, parts, errors)
  }

  /// The worker has ended without a result.
  func died(_ how: String, process: Int32) -> RunResult {
    result(.failed, ["the worker, pid \(process), \(how) while \(doing)"] + whatStands, [])
  }

  /// A run that was ended before it began.
  func ended(_ cause: ResyncError.Cause, _ reason: String) -> RunResult {
    var result = RunResult(runRequest, refusedBy: ResyncError(cause, "start", reason: reason))
    result.wasTerminated = cause == .terminated
    return result
  }

  private var runRequest: RunRequest? {
    if case .resynchronize(let request) = request { request } else { nil }
  }

  /// What was asked for; nil where the plan decides, or nothing is to be written.
  private var requestedWriteBack: RunRequest.WriteBack? {
    runRequest.flatMap { $0.writes ? $0.writeBack : nil }
  }

  private var doing: String { phase?.rawValue ?? "starting" }

  private static let noDisks = ["/dev/null", "/dev/pts/", "/dev/tty", "/dev/console", "/dev/loop-control"]

  /// Those of `paths` that are the run's disks or devices; told by their names alone, since nothing may be asked of
  /// one.
  func disks(among paths: [String]) -> [String] {
    let known = (plan?.described.pairs ?? []).flatMap { [$0.primary, $0.recovery] }
    return paths.filter { path in
      known.contains { $0.path == path || $0.backingFile == path }
        || path.hasPrefix("/dev/") && !Self.noDisks.contains { path.hasPrefix($0) }
    }
  }

  private func whatIsHeld(_ end: WorkerEnd) -> String {
    if end.isGone {
      return "its worker, pid \(end.process), was killed; what was under way may still reach a disk"
    }
    let held =
      end.held.isEmpty ? "what it had open" : listed(end.held.map { "\(PrintableText($0))" }, most: 16)
    return "its worker, pid \(end.process), was killed and still holds \(held) until the kernel lets it go"
  }

  /// What the recovery holds now, and the way on.
  var whatStands: [String] {
    // Of the call that is watched: a process may watch several.
    let repair = request.context.repair
    switch stage {
    case .nothing:
      var writes = runRequest?.writes ?? false
      if case .rollBack(let request) = request { writes = !request.discards }
      guard writes else { return [] }
      return ["nothing was written to the recovery"]
    case .mixing:
      return [
        "the recovery may hold old and new blocks mixed until a run completes: run again before it is used"
      ]
    case .committing:
      return [
        "whether it was committed is in the state; finish or drop it with: \(repair)"
      ]
    case .committed: return ["the commit stands; finish it with: \(repair)"]
    case .applied: return ["what was committed is applied"]
    }
  }

  private func listed(_ words: [String], most: Int) -> String {
    let more = words.count > most ? " and \(words.count - most) more" : ""
    return words.prefix(most).joined(separator: ", ") + more
  }

  private func result(_ value: ReturnValue, _ parts: [String], _ errors: [ErrorReport]) -> RunResult {
    var pairs = plan?.described.pairs ?? []
    for index in pairs.indices { pairs[index].returnValue = value }
    if pairs.indices.contains(pair) { pairs[pair].errors += errors }
    return RunResult(runRequest, value, parts.joined(separator: "; "), pairs)
  }
}
