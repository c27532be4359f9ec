import Testing

@testable import DeviceResync
@testable import ReplicationService

/// SEMANTICS 2: what sets ReplicationState and ReplicationHealth.
@Suite("the state of a relationship") struct StatusTests {
  private static let second: Int64 = 1_000_000
  private static let now: Int64 = 1_906_329_600 * second
  private static let day: Int64 = 86400

  private static func time(_ secondsAgo: Int64) -> Timestamp {
    Timestamp(seconds: now / second - secondsAgo) ?? .now()
  }

  private static func run(checkpoint: Bool = false) -> RunRecord {
    var run = RunRecord(
      id: UniqueID(1), writeBack: .inPlace, staging: nil, boot: UniqueID(2), process: 3, processStart: 4,
      began: time(50))
    if checkpoint { run.checkpoint = Checkpoint(readsHoles: false, pairs: []) }
    return run
  }

  /// Facts of a relationship that was last proven equal so many seconds ago; never, where that is nil.
  private static func facts(
    _ consistency: Consistency? = .settled(.consistent(at: time(100))), equal: Int64? = 100, jobs: [Job] = []
  ) -> RelationshipFacts {
    var facts = RelationshipFacts(now: now)
    facts.boot = now - 365 * day * second
    facts.jobs = jobs
    facts.state = consistency.map { consistency in
      RelationshipState(
        id: UniqueID(100), pairs: [], consistency: consistency,
        completed: equal.map {
          [
            CompletedRun(
              id: UniqueID(1), began: time($0 + 1), ended: time($0), bytesCompared: 1, bytesDifferent: 0)
          ]
        } ?? [])
    }
    return facts
  }

  /// A job that ended so many seconds ago.
  private static func job(
    _ operation: RunRequest.Operation = .resync, ended: Int64, _ value: ReturnValue = .completed,
    different: Bool = false, terminated: Bool = false
  ) -> Job {
    let request = RunRequest(operation, pairs: [])
    var job = Job(.random(), request, relationship: "web", owner: "root", now: now - (ended + 5) * second)
    job.enter(.starting, at: job.submitted)
    var result = RunResult(request, value, "because", [])
    result.wasTerminated = terminated
    if different { result.totals.bytesDifferent = 4096 }
    job.finish(JobEnding(result), at: now - ended * second)
    return job
  }

  private static func inconsistent() -> Consistency.Settled {
    .inconsistent(.init(since: time(40), run: run(), seal: nil))
  }

  private static func unfinished() -> Job {
    var job = Job(.random(), RunRequest(.resync, pairs: []), relationship: "web", owner: "root", now: now)
    job.enter(.starting, at: now)
    return job
  }

  /// What is known, and what that comes to: state, health, and a word of the weightiest issue.
  private static let cases: [(RelationshipFacts, ReplicationState, ReplicationHealth, String)] = {
    var disabled = facts(nil)
    disabled.isEnabled = false
    var live = facts(.settled(inconsistent()))
    live.state?.failedOver = FailedOver(
      at: time(30), isAsIs: true, words: RelationshipWords(system: "replica"))
    var reverted = facts()
    reverted.state?.liveUntil = time(30)
    var restarted = facts()
    restarted.boot = now - 50 * second
    var young = facts(equal: 3 * day)
    young.maxAge = 2.0 * Double(day)
    let seal = CommitSeal(run: UniqueID(1), records: 1, segments: 1, bytes: 1, hash: 1)
    let (waiting, critical) = (ReplicationState.waitingToStartResynchronization, ReplicationHealth.critical)
    return [
      (disabled, .disabled, .notApplicable, "never"),
      (facts(nil), waiting, critical, "never resynchronized"),
      (facts(.settled(.never), equal: nil), waiting, critical, "never resynchronized"),
      (facts(.resynchronizing(run(), before: .never), equal: nil), waiting, critical, "never resynchronized"),
      (facts(), .replicating, .ok, ""),
      (facts(.resynchronizing(run(), before: .consistent(at: time(100)))), .replicating, .ok, ""),
      (facts(.settled(inconsistent())), waiting, critical, "Inconsistent"),
      (facts(.resynchronizing(run(), before: inconsistent())), waiting, critical, "Inconsistent"),
      (facts(.applying(run(), seal)), waiting, critical, "commit was left unfinished"),
      (facts(jobs: [job(ended: 50, .failed)]), waiting, critical, "32768 Failed: because"),
      (facts(jobs: [job(ended: 50, .failed, terminated: true)]), waiting, critical, "because"),
      (facts(jobs: [job(ended: 150, .failed)]), .replicating, .ok, ""),
      (facts(jobs: [job(ended: 100), job(ended: 150, .failed)]), .replicating, .ok, ""),
      (facts(jobs: [job(.compare, ended: 50, different: true)]), waiting, critical, "found differences"),
      (facts(jobs: [job(.compare, ended: 50)]), .replicating, .ok, ""),
      (facts(jobs: [job(.compare, ended: 50, .failed)]), .replicating, .ok, ""),
      (facts(jobs: [job(.compare, ended: 150, different: true)]), .replicating, .ok, ""),
      (facts(jobs: [unfinished()]), .resynchronizing, .ok, ""),
      (facts(nil, jobs: [unfinished()]), .resynchronizing, critical, "never"),
      (
        facts(
          .resynchronizing(run(checkpoint: true), before: .consistent(at: time(100))),
          jobs: [job(ended: 50, .timeout)]), .resynchronizationSuspended, critical, "32772"
      ),
      (
        facts(.resynchronizing(run(), before: .consistent(at: time(100))), jobs: [job(ended: 50, .timeout)]),
        waiting, critical, "32772"
      ),
      (reverted, waiting, critical, "was live"),
      (live, .recovered, .warning, "failover was not reversed"),
      (facts(.settled(.fuzzy(from: time(101), to: time(100)))), .replicating, .warning, "Fuzzy"),
      (facts(equal: 8 * day), .replicating, .ok, ""),
      (facts(equal: 8 * day + 1), .replicating, .warning, "last proven equal"),
      (young, .replicating, .warning, "may be 48 h 0 min old"),
      (restarted, .replicating, .warning, "started again"),
    ]
  }()

  @Test("follows from what is known of it", arguments: cases.indices)
  func derived(_ index: Int) {
    let (facts, state, health, word) = Self.cases[index]
    let status = RelationshipStatus(facts)
    #expect(status.state == state && status.health == health, "\(index): \(status)")
    if health > .ok {
      #expect(status.issues.first?.text.contains(word) == true, "\(index): \(status.issues)")
      #expect(status.issues.map(\.health) == status.issues.map(\.health).sorted(by: >))
    }
  }
}
