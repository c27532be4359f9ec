public import DeviceResync
public import SystemPackage

/// The jobs of a state directory: `jobs/UUID/`, each with its record `job.json`, what it was asked for `order.json`,
/// how far it is `progress.json`, and what it came to for programs and for people, `result.json` and `report.txt`.
///
/// A record is replaced whole. Whoever changes one holds the folder's lock for that moment.
public final class JobStore: Sendable {
  private let folder: StateFolder
  /// The clock: microseconds since 1970-01-01, midnight UTC.
  let now: @Sendable () -> Int64
  /// How many that have ended are kept, at most.
  private let mostEnded: Int

  static let name = "jobs"
  private static let record = "job.json"
  private static let order = "order.json"
  private static let progress = "progress.json"
  private static let result = "result.json"
  private static let report = "report.txt"
  private static let limit = 1 << 20

  /// Opens the jobs of the state directory at `state`, and makes their folder where it is not there.
  ///
  /// - Throws: 32769 where others than root may write there.
  public convenience init(in state: FilePath) throws(ResyncError) {
    self.init(try StateFolder(Self.name, in: state))
  }

  /// Opens them as they are; nil where there never was one.
  public static func ifPresent(in state: FilePath) throws(ResyncError) -> JobStore? {
    guard let folder = try StateFolder.ifPresent(Self.name, in: state) else { return nil }
    return JobStore(folder)
  }

  init(
    _ folder: consuming StateFolder, keeping mostEnded: Int = 1000,
    now: @escaping @Sendable () -> Int64 = microsecondsSinceEpoch
  ) {
    self.folder = folder
    self.mostEnded = mostEnded
    self.now = now
  }

  /// Every job, those that are not finished first, and then the latest first; and why others cannot be read.
  ///
  /// One whose process is gone is turned to Exception on the way.
  public func jobs() throws(ResyncError) -> (jobs: [Job], faults: [ResyncError]) {
    var all: (jobs: [Job], faults: [ResyncError]) = ([], [])
    for name in try folder.names() {
      guard let id = UniqueID(name) else { continue }
      do throws(ResyncError) {
        if let job = try job(id) { all.jobs.append(job) }
      } catch {
        all.faults.append(error)
      }
    }
    all.jobs.sort {
      ($0.state.isFinished ? 1 : 0, -$0.submitted, $0.id.bits) < (
        $1.state.isFinished ? 1 : 0, -$1.submitted, $1.id.bits
      )
    }
    return all
  }

  /// The job of that id as it is now; nil where there is none.
  public func job(_ id: UniqueID) throws(ResyncError) -> Job? {
    guard var job = try read(id) else { return nil }
    if job.state.isAtWork, try !Self.isAlive(job) {
      job = try changing(id) { job throws(ResyncError) in try buryIfDead(&job) } ?? job
    }
    if job.state == .running, let progress = try progress(of: id) {
      job.percentComplete = max(job.percentComplete, progress.percentComplete)
      job.status = progress.status
    }
    return job
  }

  private func read(_ id: UniqueID) throws(ResyncError) -> Job? {
    guard let bytes = try folder.read("\(id)/\(Self.record)", limit: Self.limit) else { return nil }
    let title = folder.path.appending("\(id)").appending(Self.record).string
    do throws(RecordFault) {
      return try RecordFormat.decode(bytes) { (job: Job) in job.fault(as: id) }
    } catch {
      throw error.error(
        on: title, wayOut: "move it away: mv \(ShellWord(folder.path.appending("\(id)").string)) /root/")
    }
  }

  /// What was asked for.
  func order(of id: UniqueID) throws(ResyncError) -> JobOrder {
    let title = folder.path.appending("\(id)").appending(Self.order).string
    guard let bytes = try folder.read("\(id)/\(Self.order)", limit: Self.limit) else {
      throw ResyncError(.invalidState, "start the job", on: "\(id)", reason: "\(title) is gone")
    }
    do throws(RecordFault) {
      return try RecordFormat.decode(bytes) { (_: JobOrder) in nil }
    } catch {
      throw error.error(on: title, wayOut: "end the job: \(typed(.jobTerminate, id))")
    }
  }

  /// How far a job is; nil where it has not said so.
  public func progress(of id: UniqueID) throws(ResyncError) -> JobProgress? {
    guard let bytes = try folder.read("\(id)/\(Self.progress)", limit: Self.limit) else { return nil }
    // What was not brought to stable storage may be anything after a power cut.
    return try? RecordFormat.decode(bytes) { (_: JobProgress) in nil }
  }

  /// What a finished job came to; nil where it left nothing.
  public func report(of id: UniqueID, json: Bool) throws(ResyncError) -> String? {
    try folder.read("\(id)/\(json ? Self.result : Self.report)", limit: 1 << 28).map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  /// A command of ours, for messages.
  func typed(_ command: CommandName, _ id: UniqueID) -> String { context.typed(command, "\(id)") }

  var context: CallContext { CallContext(stateDirectory: folder.path.removingLastComponent().string) }

  // MARK: Changes

  /// Adds a job, unless another of the same relationship is in its way.
  ///
  /// - Parameter order: what it is to do later; nil where it is done now.
  /// - Throws: 32774 with the other's name.
  func add(_ job: Job, order: JobOrder?) throws(ResyncError) {
    try folder.alone { () throws(ResyncError) in
      try lookThrough(for: job, removing: true)
      let inner = try folder.makeFolder("\(job.id)")
      if let order { try inner.replace(Self.order, by: try RecordFormat.encode(order), isDurable: true) }
      try inner.replace(Self.record, by: try RecordFormat.encode(job), isDurable: true)
    }
  }

  /// Whether `job` might be added now.
  ///
  /// - Throws: 32774 with the name of the one that is in its way.
  func checkAlone(_ job: Job) throws(ResyncError) {
    try folder.alone { () throws(ResyncError) in try lookThrough(for: job, removing: false) }
  }

  /// Looks at every job: a relationship has one run at a time, and one that is scheduled.
  ///
  /// - Parameter removing: whether what ended long ago, and what a crash left, is removed.
  /// - Throws: 32774 where one is in the way of `job`.
  private func lookThrough(for job: Job, removing: Bool) throws(ResyncError) {
    var ended: [Job] = []
    for name in try folder.names() {
      guard let id = UniqueID(name), id != job.id else { continue }
      let found: Job?
      do throws(ResyncError) {
        found = try read(id)
      } catch {
        continue  // One that cannot be read is left for a person.
      }
      guard var other = found else {
        if removing { try folder.removeFolder(name) }
        continue
      }
      if other.ended != nil { ended.append(other) }
      guard let relationship = job.relationship, relationship == other.relationship,
        job.type == .resynchronizing, other.type == .resynchronizing
      else { continue }
      let before = other
      try buryIfDead(&other)
      if other != before { try write(other, isDurable: true) }
      if other.state.isAtWork { throw inUse(job, other, "is running") }
      if other.state == .new && job.state == .new { throw inUse(job, other, "is scheduled already") }
    }
    guard removing else { return }
    // History gives way before records that a run cannot do without find no room.
    let most = try folder.hasLittleRoom() ? 0 : mostEnded
    for old in outdated(ended, keeping: most) { try folder.removeFolder("\(old.id)") }
  }

  /// What ended long ago, and the oldest of too many; but for the last of each kind: `status` tells of these.
  private func outdated(_ ended: [Job], keeping most: Int) -> [Job] {
    var seen: Set<[String]> = []
    return ended.sorted { ($0.ended ?? 0) > ($1.ended ?? 0) }.enumerated().compactMap { place, job in
      let isOld = place >= most || now() - (job.ended ?? 0) > Job.timeBeforeRemoval
      guard let relationship = job.relationship else { return isOld ? job : nil }
      let isLast = seen.insert([relationship, job.type.name]).inserted
      return isOld && !isLast ? job : nil
    }
  }

  private func inUse(_ job: Job, _ other: Job, _ what: String) -> ResyncError {
    ResyncError(
      .inUse, "resynchronize", on: job.computerSystem, reason: "its job \(other.id) \(what)",
      remedy: "watch it with: \(typed(.jobWatch, other.id))")
  }

  /// Changes one job, while nobody else does; returns it as it is then, nil where there is none.
  @discardableResult
  func changing(
    _ id: UniqueID, _ body: (inout Job) throws(ResyncError) -> Void
  ) throws(ResyncError) -> Job? {
    try folder.alone { () throws(ResyncError) in
      guard var job = try read(id) else { return nil }
      let before = job
      try body(&job)
      if job != before { try write(job, isDurable: job.state != before.state) }
      return job
    }
  }

  /// Takes a job that waits for this process, so that nobody else starts it.
  ///
  /// - Throws: 32775 where it is not to be started, 32774 where another process waits with it, or runs.
  func start(_ id: UniqueID) throws(ResyncError) -> Job {
    let job = try changing(id) { job throws(ResyncError) in
      guard job.state == .new else {
        throw ResyncError(
          .invalidState, "start the job", on: "\(id)", reason: "it is \(job.state.name)",
          remedy: "see: \(typed(.jobShow, id))")
      }
      let own = try ProcessIdentity.own()
      if let process = job.process, process != own, try Self.isAlive(job) {
        throw ResyncError(
          .inUse, "start the job", on: "\(id)", reason: "process \(process.id) waits for its time with it")
      }
      job.process = own
      guard job.scheduled.map({ $0 <= now() }) ?? true else { return }
      if let late = job.lateness(at: now()) { job.note = "its start was missed by \(late), and made then" }
      var starting = job
      starting.state = .starting
      try lookThrough(for: starting, removing: false)
      job.enter(.starting, at: now())
    }
    guard let job else { throw unknown("\(id)") }
    return job
  }

  static func isAlive(_ job: Job) throws(ResyncError) -> Bool {
    try job.process?.isAlive() ?? false
  }

  /// A job whose process is gone has failed, and how far it came is not known.
  private func buryIfDead(_ job: inout Job) throws(ResyncError) {
    guard job.state.isAtWork, try !Self.isAlive(job), let process = job.process else { return }
    if let progress = try progress(of: job.id) {
      job.percentComplete = max(job.percentComplete, progress.percentComplete)
    }
    job.returnValue = .statusUnknown
    job.errorDescription =
      "its process, \(process.id), is gone, and how far it came is not known; what it left is looked at by the next run"
    job.status = job.errorDescription ?? ""
    job.enter(.exception, at: now())
  }

  private func write(_ job: Job, isDurable: Bool) throws(ResyncError) {
    try folder.folder("\(job.id)")?.replace(
      Self.record, by: try RecordFormat.encode(job), isDurable: isDurable)
  }

  /// Notes how far a job is; a power cut may lose it.
  func note(_ progress: JobProgress, of id: UniqueID) throws(ResyncError) {
    try folder.folder("\(id)")?.replace(
      Self.progress, by: try RecordFormat.encode(progress), isDurable: false)
  }

  /// Ends a job, with what its run came to.
  func finish(_ id: UniqueID, _ result: RunResult) throws(ResyncError) { try finish(id, JobEnding(result)) }

  func finish(_ id: UniqueID, _ ending: JobEnding) throws(ResyncError) {
    try folder.alone { () throws(ResyncError) in
      guard let inner = try folder.folder("\(id)") else { return }
      try inner.replace(Self.result, by: Array(ending.json.utf8), isDurable: false)
      try inner.replace(Self.report, by: Array(ending.report.utf8), isDurable: false)
      guard var job = try read(id), !job.state.isFinished else { return }
      job.finish(ending, at: now())
      try write(job, isDurable: true)
    }
  }

  /// Removes a job that is finished.
  public func remove(_ id: UniqueID) throws(ResyncError) {
    try folder.alone { () throws(ResyncError) in try folder.removeFolder("\(id)") }
  }
}
