/// What a number that `vmresync` ends with, or shows, means, and what to do about it.
public struct Explanation: Sendable, Equatable {
  /// What kind of number it is.
  public enum Kind: String, Sendable, CaseIterable {
    case returnValue = "return value"
    case exitStatus = "exit status"
    case jobState = "job state"
  }

  /// What kind of number it is.
  public let kind: Kind
  /// The number.
  public let number: UInt32
  /// Its name.
  public let name: String
  /// What it means, as a sentence without a full stop.
  public let meaning: String
  /// How one comes to it.
  public let causes: [String]
  /// What to do.
  public let ways: [String]

  init(
    _ kind: Kind, _ number: UInt32, _ name: String, _ meaning: String, causes: [String] = [],
    ways: [String] = []
  ) {
    self.kind = kind
    self.number = number
    self.name = name
    self.meaning = meaning
    self.causes = causes
    self.ways = ways
  }

  /// All that `text`, a number or a name, may stand for; none where nothing is called so.
  public static func of(_ text: String) -> [Explanation] {
    if let number = UInt32(text), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      return all.filter { $0.number == number }
    }
    return all.filter { $0.name.lowercased() == text.lowercased() }
  }

  /// Every one: of a return value the exit status too.
  static let all: [Explanation] =
    ReturnValue.allCases.map(Explanation.init) + exitStatuses
    + ReturnValue.allCases.filter { $0.exitStatus != 0 }.map { value in
      let of = Explanation(value)
      return Explanation(
        .exitStatus, UInt32(value.exitStatus), value.name,
        "return value \(value.rawValue): \(of.meaning)", causes: of.causes, ways: of.ways)
    } + jobStates

  /// For people.
  public var text: String {
    var lines = ["\(kind.rawValue) \(number)  \(name)", "  \(meaning)"]
    lines += causes.map { "  cause   \($0)" } + ways.map { "  way on  \($0)" }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension Explanation {
  /// Exit statuses that are no return value's, but for 0.
  static let exitStatuses: [Explanation] = [
    Explanation(
      .exitStatus, 0, "done", "the call went through: return value 0 or 4096",
      ways: ["compare: the disks are identical; --background: see vmresync job list"]),
    Explanation(
      .exitStatus, UInt32(ExitStatus.different), "different", "the call went through, and the disks differ",
      causes: ["compare found differences", "resync --dry-run would write"],
      ways: ["vmresync plan, then vmresync resync"]),
    Explanation(
      .exitStatus, UInt32(ExitStatus.terminated), "terminated", "a signal or a request ended the run",
      causes: [
        "Ctrl-C, kill, a service that was stopped, a failover", "a job that was terminated or killed",
      ],
      ways: [
        "staged, before the commit: the recovery is as it was; run again",
        "after the commit: vmresync repair finishes it", "in place: run again before the recovery is used",
      ]),
    Explanation(
      .exitStatus, UInt32(ExitStatus.completedWithWarnings), "completed with warnings",
      "every byte was copied, from a primary that was running",
      causes: ["--source running: the copy is no point in time"],
      ways: ["let the guest hold still, or its storage take a snapshot, and run again"]),
    Explanation(
      .exitStatus, UInt32(ExitStatus.declined), "declined", "the plan was not confirmed; nothing was done",
      causes: ["the question was answered with anything but yes"], ways: ["run again, or add --yes"]),
  ]

  /// CIM_ConcreteJob.JobState.
  static let jobStates: [Explanation] = [
    Explanation(.jobState, 2, "New", "scheduled or queued, and never started", ways: ["vmresync job show"]),
    Explanation(.jobState, 3, "Starting", "on its way to Running"),
    Explanation(.jobState, 4, "Running", "it works", ways: ["vmresync job watch"]),
    Explanation(
      .jobState, 5, "Suspended", "it was stopped, and goes on where it was", ways: ["vmresync resume"]),
    Explanation(.jobState, 6, "Shutting Down", "on its way to Completed, Terminated or Killed"),
    Explanation(.jobState, 7, "Completed", "it went through"),
    Explanation(
      .jobState, 8, "Terminated", "it was ended by request, in order",
      ways: ["staged: the recovery is as it was", "in place: run again before the recovery is used"]),
    Explanation(
      .jobState, 9, "Killed", "it was ended at once, by request", ways: ["vmresync repair, or run again"]),
    Explanation(
      .jobState, 10, "Exception", "it failed, or its process died", causes: ["see its ErrorCode"],
      ways: ["vmresync job errors; then vmresync explain its value"]),
    Explanation(
      .jobState, 32768, "CompletedWithWarnings", "it went through, and there is something to say",
      causes: ["the primary was running"], ways: ["see exit status 22"]),
  ]
}
