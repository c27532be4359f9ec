import DeviceResync
import SystemPackage

/// Keeps a job's record from a process of its own: the state directory's disk may hang, and the monitor must answer.
public final class JobClerk {
  private let process: AnsweringProcess
  private let directory: String
  /// How long the beginning of a job may take.
  private let patience: Duration

  /// Its argv[0], and its only argument.
  static let name = "vmresync: clerk"

  init(in directory: String, patience: Duration) throws(ResyncError) {
    process = try AnsweringProcess(named: Self.name, "the process that keeps job records")
    self.directory = directory
    self.patience = patience
  }

  /// Returns at once in an ordinary process; in a clerk's it never returns.
  ///
  /// - Parameter arguments: the process's, its name first.
  public static func enterIfAsked(_ arguments: [String]) {
    AnsweringProcess.serve(arguments, as: name) { (order: Order) in order.carryOut() }
  }

  func checkAlone(_ job: Job) throws(ResyncError) { _ = try ask(.check(job)) }
  func add(_ job: Job, _ order: JobOrder?) throws(ResyncError) { _ = try ask(.add(job, order)) }
  func remove(_ id: UniqueID) { _ = try? ask(.remove(id)) }
  func isTaken(_ id: UniqueID) -> Bool { (try? ask(.look(id)))?.isTaken ?? true }
  func enter(_ id: UniqueID, _ state: JobState) throws(ResyncError) { _ = try ask(.enter(id, state)) }

  /// What is not worth more than a moment's wait.
  func tellState(_ id: UniqueID, _ state: JobState) {
    _ = try? ask(.enter(id, state), within: .milliseconds(200))
  }
  func tellCommitted(_ id: UniqueID) { _ = try? ask(.committed(id), within: .milliseconds(200)) }

  /// What may be left out.
  func note(_ progress: JobProgress, _ id: UniqueID) {
    _ = process.tell(Command(directory: directory, what: .note(id, progress)))
  }

  /// The result waits for it half a second; it is done all the same, once the disk answers.
  func finish(_ id: UniqueID, _ ending: JobEnding) throws(ResyncError) {
    _ = try ask(.finish(id, ending), within: .milliseconds(500))
  }

  private func ask(_ what: Command.What, within limit: Duration? = nil) throws(ResyncError) -> Answer {
    let answer: Answer = try process.ask(Command(directory: directory, what: what), within: limit ?? patience)
    if let error = answer.error { throw error }
    return answer
  }

  typealias Order = Command

  /// What a clerk is asked.
  struct Command: Codable, Sendable {
    enum What: Codable, Sendable {
      case check(Job)
      case add(Job, JobOrder?)
      case remove(UniqueID)
      case look(UniqueID)
      case enter(UniqueID, JobState)
      case committed(UniqueID)
      case note(UniqueID, JobProgress)
      case finish(UniqueID, JobEnding)
    }

    let directory: String
    let what: What

    func carryOut() -> Answer {
      do throws(ResyncError) {
        return try answer(JobStore(in: FilePath(directory)))
      } catch {
        return Answer(error: error)
      }
    }

    private func answer(_ jobs: JobStore) throws(ResyncError) -> Answer {
      switch what {
      case .check(let job): try jobs.checkAlone(job)
      case .add(let job, let order): try jobs.add(job, order: order)
      case .remove(let id): try jobs.remove(id)
      case .look(let id):
        let job = try jobs.job(id)
        return Answer(isTaken: job?.state != .new || job?.process != nil)
      case .enter(let id, let state):
        try jobs.changing(id) { job throws(ResyncError) in
          if !job.state.isFinished { job.enter(state, at: jobs.now()) }
        }
      case .committed(let id):
        try jobs.changing(id) { job throws(ResyncError) in job.isCancellable = false }
      case .note(let id, let progress): try jobs.note(progress, of: id)
      case .finish(let id, let ending): try jobs.finish(id, ending)
      }
      return Answer()
    }
  }

  /// What it answers.
  struct Answer: Codable, Sendable {
    var error: ResyncError?
    var isTaken = false
  }
}

/// How a job's run ended, as its record keeps it.
struct JobEnding: Codable, Sendable {
  let returnValue: ReturnValue
  let exitStatus: Int32
  /// Whether a request ended it.
  let isTerminated: Bool
  let message: String
  /// The result for programs, and for people.
  let json: String
  let report: String

  init(_ result: RunResult) {
    returnValue = result.returnValue
    exitStatus = result.exitStatus
    isTerminated = result.wasTerminated || result.wasDeclined
    message = result.message
    json = result.json
    report = result.text
  }
}
