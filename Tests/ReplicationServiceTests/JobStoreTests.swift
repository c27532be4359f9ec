import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import DeviceResync
@testable import ReplicationService

/// The records of jobs, by a clock that tests set.
@Suite("the records of jobs") struct JobStoreTests {
  private static let start: Int64 = 1_906_329_600_000_000
  private static let second: Int64 = 1_000_000

  /// A state directory that is gone after the test.
  private struct Folder: ~Copyable {
    let path: String
    let time = Clock()

    init() throws {
      var template = Array("/var/tmp/vmresync-jobs.XXXXXX".utf8CString)
      let isMade = template.withUnsafeMutableBufferPointer { buffer in
        buffer.baseAddress.map { mkdtemp($0) != nil }
      }
      try #require(isMade == true)
      path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
      if let jobs = try? StateFolder("jobs", in: FilePath(path)) {
        for name in (try? jobs.names()) ?? [] where UniqueID(name) != nil { try? jobs.removeFolder(name) }
        try? jobs.remove("lock")
      }
      rmdir(path + "/jobs")
      rmdir(path)
    }

    func jobs(keeping most: Int = 1000) throws -> JobStore {
      let time = time
      return JobStore(try StateFolder("jobs", in: FilePath(path)), keeping: most) { time.now }
    }
  }

  private final class Clock: Sendable {
    private let time = Mutex(JobStoreTests.start)
    var now: Int64 { time.withLock { $0 } }
    func pass(_ seconds: Int64) { time.withLock { $0 += seconds * JobStoreTests.second } }
  }

  private func new(_ jobs: JobStore, of relationship: String? = "web") -> Job {
    var request = RunRequest(.resync, pairs: [.init(primary: "/dev/a", recovery: "/dev/b")])
    request.computerSystem = relationship.map { "\($0)01" }
    return Job(.random(), request, relationship: relationship, owner: "root", now: jobs.now())
  }

  /// One at work in this process.
  private func working(_ jobs: JobStore, of relationship: String? = "web") throws -> Job {
    var job = new(jobs, of: relationship)
    job.process = try ProcessIdentity.own()
    job.enter(.starting, at: jobs.now())
    job.enter(.running, at: jobs.now())
    return job
  }

  private func refusal(_ body: () throws -> Void) throws -> ResyncError {
    try #require(throws: ResyncError.self) { try body() }
  }

  @Test("what is written is read again")
  func roundTrip() throws {
    let folder = try Folder()
    let jobs = try folder.jobs()
    var job = try working(jobs)
    job.note = "a note"
    try jobs.add(job, order: JobOrder(RunRequest(.resync, pairs: job.disks), RunLimits()))
    #expect(try jobs.job(job.id) == job)
    #expect(try jobs.order(of: job.id).request.pairs == job.disks)
    #expect(try jobs.jobs().jobs == [job])
    #expect(try jobs.job(.random()) == nil)
  }

  @Test("progress is never taken back, and is 100 only at a good end")
  func progress() throws {
    let folder = try Folder()
    let jobs = try folder.jobs()
    let job = try working(jobs)
    try jobs.add(job, order: nil)
    for (percent, wanted) in [(10, 10), (40, 40), (100, 99)] as [(UInt16, UInt16)] {
      try jobs.note(
        JobProgress(percentComplete: min(99, percent), status: "comparing", progress: nil), of: job.id)
      #expect(try jobs.job(job.id)?.percentComplete == wanted)
    }
    folder.time.pass(9)
    try jobs.finish(job.id, RunResult(nil, .failed, "no", []))
    let failed = try #require(try jobs.job(job.id))
    #expect(failed.state == .exception && failed.percentComplete < 100 && failed.errorCode == 32768)
    #expect(failed.elapsed(now: .max) == 9 * Self.second && failed.process == nil)
  }

  @Test("one of a relationship runs and one is scheduled; others have nothing to do with it")
  func alone() throws {
    let folder = try Folder()
    let jobs = try folder.jobs()
    let running = try working(jobs)
    try jobs.add(running, order: nil)
    for job in [try working(jobs), new(jobs)] {
      let error = try refusal { try jobs.add(job, order: nil) }
      #expect(
        error.returnValue == .systemInUse && "\(error)".contains("\(running.id) is running"), "\(error)")
    }
    try jobs.add(working(jobs, of: "db"), order: nil)
    try jobs.add(working(jobs, of: nil), order: nil)
    try jobs.add(working(jobs, of: nil), order: nil)
    try jobs.finish(running.id, RunResult(nil, .completed, "done", []))
    let scheduled = new(jobs)
    try jobs.add(scheduled, order: nil)
    let error = try refusal { try jobs.add(new(jobs), order: nil) }
    #expect("\(error)".contains("\(scheduled.id) is scheduled already"), "\(error)")
    // What runs now is in nobody's way who waits.
    try jobs.add(working(jobs), order: nil)
  }

  @Test("of those that have ended so many are kept, the latest, and the last of each relationship")
  func most() throws {
    let folder = try Folder()
    let jobs = try folder.jobs(keeping: 3)
    var ended: [Job] = []
    for name in ["db", nil, "web", "web", nil, "web"] {
      let job = try working(jobs, of: name)
      try jobs.add(job, order: nil)
      folder.time.pass(1)
      try jobs.finish(job.id, RunResult(nil, .completed, "done", []))
      ended.append(job)
    }
    try jobs.add(new(jobs), order: nil)
    let left = Set(try jobs.jobs().jobs.filter(\.state.isFinished).map(\.id))
    #expect(left == Set([ended[0], ended[3], ended[4], ended[5]].map(\.id)))
  }

  @Test("of 8 threads that start one job one gets it, and none before its time")
  func startedOnce() throws {
    let folder = try Folder()
    let jobs = try folder.jobs()
    var job = new(jobs)
    job.scheduled = jobs.now() + 5 * Self.second
    try jobs.add(job, order: nil)
    #expect(try jobs.start(job.id).state == .new)
    folder.time.pass(5)
    #expect(try jobs.start(job.id).state == .starting)
    let again = try refusal { _ = try jobs.start(job.id) }
    #expect(again.returnValue == .invalidState && "\(again)".contains("Starting"), "\(again)")
    let unknown = try refusal { _ = try jobs.start(.random()) }
    #expect(unknown.returnValue == .invalidParameter)
  }

  @Test("whose process is gone is Exception with 32771, and in nobody's way")
  func dead() throws {
    let folder = try Folder()
    let jobs = try folder.jobs()
    let own = try ProcessIdentity.own()
    for process in [
      ProcessIdentity(id: own.id, start: own.start + 1, boot: own.boot),
      ProcessIdentity(id: own.id, start: own.start, boot: .random()),
    ] {
      var job = try working(jobs)
      job.process = process
      try jobs.add(job, order: nil)
      #expect(try jobs.terminate(job.id) == .invalidTransition)
      let dead = try #require(try jobs.job(job.id))
      #expect(dead.state == .exception && dead.returnValue == .statusUnknown && dead.ended != nil, "\(dead)")
      #expect(try jobs.terminate(job.id) == .invalidTransition)
    }
    try jobs.add(working(jobs), order: nil)
  }

  @Test("what is due is started, with how late it is; a missed start is told of in the record")
  func due() throws {
    let folder = try Folder()
    let jobs = try folder.jobs()
    var job = new(jobs)
    job.scheduled = jobs.now() + 5 * Self.second
    try jobs.add(job, order: nil)
    #expect(try jobs.runDue { _ throws(ResyncError) in }.isEmpty)
    folder.time.pass(3605)
    let started = Mutex<[UniqueID]>([])
    let due = try jobs.runDue { id throws(ResyncError) in started.withLock { $0.append(id) } }
    #expect(due.map { $0.lateness(at: jobs.now()) } == ["1 h 0 min"] && started.withLock { $0 } == [job.id])
    let taken = try jobs.start(job.id)
    #expect(taken.note?.contains("missed by 1 h 0 min") == true, "\(taken)")
    #expect(try jobs.runDue { _ throws(ResyncError) in }.isEmpty)
  }

  @Test("a job is found by its id, the beginning of one, and a system with one job")
  func found() throws {
    let folder = try Folder()
    let jobs = try folder.jobs()
    let first = try working(jobs)
    try jobs.add(first, order: nil)
    folder.time.pass(1)
    try jobs.finish(first.id, RunResult(nil, .completed, "done", []))
    let scheduled = new(jobs)
    try jobs.add(scheduled, order: nil)
    #expect(try jobs.find("\(first.id)").id == first.id)
    #expect(try jobs.find(String("\(first.id)".prefix(13))).id == first.id)
    #expect(try jobs.find("web01").id == scheduled.id)
    try jobs.add(working(jobs), order: nil)
    #expect(try refusal { _ = try jobs.find("web01") }.returnValue == .invalidParameter)
    for text in ["", "0", "db01", "no-such-job"] {
      #expect(try refusal { _ = try jobs.find(text) }.returnValue == .invalidParameter, "\(text)")
    }
  }

  @Test(
    "what ended seven days ago is removed by the next one, but for the last of a relationship; what a crash left too"
  )
  func removed() throws {
    let folder = try Folder()
    let jobs = try folder.jobs()
    let (old, last) = (try working(jobs), try working(jobs))
    for job in [old, last] {
      try jobs.add(job, order: nil)
      folder.time.pass(1)
      try jobs.finish(job.id, RunResult(nil, .completed, "done", []))
    }
    folder.time.pass(7 * 86400 - 1)
    let waiting = new(jobs, of: "db")
    try jobs.add(waiting, order: nil)
    #expect(try jobs.job(old.id) != nil)
    folder.time.pass(2)
    let half = UniqueID.random()
    mkdir("\(folder.path)/jobs/\(half)", 0o700)
    try jobs.add(working(jobs), order: nil)
    #expect(try jobs.job(old.id) == nil)
    #expect(try jobs.job(last.id) != nil)
    #expect(access("\(folder.path)/jobs/\(half)", F_OK) != 0)
    #expect(try jobs.job(waiting.id) != nil)
  }
}
