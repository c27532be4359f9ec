import ArgumentParser
import DeviceResync
import Glibc
import ReplicationService
import SystemPackage

struct JobCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "job", abstract: "Show, watch, wait for and end jobs.",
    discussion: "A job is named by its id, the beginning of one, or a system that has one job.",
    subcommands: [List.self, Show.self, Watch.self, Wait.self, Terminate.self, RunDue.self, Run.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the jobs, those at work first.")

    @OptionGroup var state: StateOptions

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
      let now = microsecondsSinceEpoch()
      let (jobs, faults) = try state.jobsIfPresent()?.jobs() ?? ([], [])
      for fault in faults { Console.error("warning: \(fault)") }
      print(json ? Job.json(jobs, now: now) : Job.table(jobs, now: now), terminator: "")
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show all that is known of a job.")

    @OptionGroup var job: JobOptions

    func run() throws {
      let found = try job.jobs().find(job.id)
      let now = microsecondsSinceEpoch()
      print(job.json ? found.json(now: now) : found.text(now: now), terminator: "")
    }
  }

  struct Watch: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show a job's progress until it has ended, and end as it does.",
      discussion: "Whoever stops watching stops nothing else.")

    @OptionGroup var job: JobOptions
    @OptionGroup var output: ProgressOptions

    func run() throws {
      var display = ProgressDisplay(style: output.quiet ? .none : output.progress)
      let status = try job.follow { (progress: JobProgress?) in
        if let progress = progress?.progress { display.show(.progress(progress)) }
      } ending: {
        display.end()
      }
      Glibc.exit(status)
    }
  }

  struct Wait: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Wait until a job has ended, and end as it does.")

    @OptionGroup var job: JobOptions

    @Option(help: ArgumentHelp("Wait at most this time; then 32772, and the job goes on.", valueName: "time"))
    var timeout: TimeArgument?

    func run() throws {
      Glibc.exit(try job.follow(for: timeout?.span))
    }
  }

  struct Terminate: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "End a job in order; what is committed by then is finished.",
      discussion: """
        Exits with 0 where it has ended or is ending, with 46 where it is past its commit and cannot be ended, with 47 \
        where it has ended before.
        """)

    @OptionGroup var job: JobOptions

    func run() throws {
      let jobs = try job.jobs()
      let found = try jobs.find(job.id)
      let result = try jobs.terminate(found.id)
      print("\(result.rawValue) \(result.name)")
      Glibc.exit(result.exitStatus)
    }
  }

  struct RunDue: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "run-due",
      abstract: "Start the jobs whose time has come, from a timer or cron.",
      discussion: """
        A scheduled job has a process that waits for its time; this starts those whose process is gone, after a restart \
        of the host. A start that was missed is made at once.
        """)

    @OptionGroup var state: StateOptions

    func run() throws {
      let due = try state.jobsIfPresent()?.runDue { id throws(ResyncError) in
        try launchJob(id, stateDirectory: state.stateDir)
      }
      for job in due ?? [] {
        let missed = job.lateness(at: microsecondsSinceEpoch()).map { ", which was missed \($0) ago" } ?? ""
        print("job \(job.id) of \(PrintableText(job.computerSystem ?? "disks")) starts\(missed)")
      }
    }
  }

  /// The job's own process.
  struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Start a job that is scheduled, at its time, in this process.", shouldDisplay: false)

    @Argument(help: .hidden)
    var id: String

    @OptionGroup var state: StateOptions

    func run() throws {
      guard let id = UniqueID(id) else { throw ValidationError("'\(id)' is no job's id") }
      try prepareForMonitor()
      let jobs = try JobStore(in: FilePath(state.stateDir))
      guard let order = try jobs.waitForStart(of: id) else { Glibc.exit(ExitStatus.terminated) }
      var call = ServiceCall(order.request)
      call.limits = order.limits
      let spectator = JobSpectator(Unattended(), call, .started(id)) { _ throws(ResyncError) in }
      let printer = ResultPrinter(json: false, isQuiet: false, showsMap: false)
      do throws(ResyncError) {
        try call.checkAsConfigured()
      } catch {
        Glibc.exit(printer.show(.result(spectator.finished(RunResult(call.request, refusedBy: error)))))
      }
      Supervision.run(spectator, call) { printer.show($0) }
    }
  }
}

/// Which job.
struct JobOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("The job's id, the beginning of one, or a system.", valueName: "job"))
  var id: String

  @OptionGroup var state: StateOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  func jobs() throws(ResyncError) -> JobStore {
    // Where there never was a job none is made by asking for it.
    guard let jobs = try state.jobsIfPresent() else {
      throw ResyncError(
        .invalidParameter, "find the job", on: id, reason: "no job is known in \(state.stateDir)",
        remedy: "name the directory with --state-dir")
    }
    return jobs
  }

  /// Waits for the job's end, and prints what it came to; returns its exit status.
  func follow(
    for limit: TimeSpan? = nil, _ body: (JobProgress?) throws -> Void = { _ in }, ending: () -> Void = {}
  ) throws -> Int32 {
    let jobs = try jobs()
    let id = try jobs.find(id).id
    let start = ContinuousClock.now
    while true {
      guard let job = try jobs.job(id) else { throw jobs.unknown("\(id)") }
      if job.state.isFinished {
        ending()
        let now = microsecondsSinceEpoch()
        let report = try jobs.report(of: id, json: json)
        print(report ?? (json ? job.json(now: now) : job.text(now: now)), terminator: "")
        fflush(nil)
        return job.exitStatus ?? (job.returnValue ?? .statusUnknown).exitStatus
      }
      try body(jobs.progress(of: id))
      if let limit, start.duration(to: .now) >= .seconds(limit.seconds) {
        throw ResyncError(
          .timedOut, "wait for", on: "job \(id)", reason: "it has not ended after \(limit)",
          remedy: "watch it with: \(CallContext.current.typed(.jobWatch, "\(id)"))")
      }
      usleep(100_000)
    }
  }
}

extension StateOptions {
  /// The jobs; nil where there never was one.
  func jobsIfPresent() throws(ResyncError) -> JobStore? { try JobStore.ifPresent(in: FilePath(stateDir)) }
}
