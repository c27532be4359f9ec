/// What this program can be asked for, as it is typed.
public enum CommandName: String, Sendable, CaseIterable {
  case compare, resync, resume, plan, devices, repair, rollback, failover, reverse, status
  case jobList = "job list"
  case jobShow = "job show"
  case jobWatch = "job watch"
  case jobTerminate = "job terminate"
  case configShow = "config show"
  case configSuggest = "config suggest"

  /// Whether it takes `--state-dir`.
  fileprivate var remembers: Bool { self != .configSuggest }

  /// Whether it takes `--libvirt`.
  fileprivate var asksHypervisors: Bool {
    switch self {
    case .compare, .resync, .resume, .plan, .repair, .rollback, .failover, .reverse, .configShow,
      .configSuggest:
      true
    default: false
    }
  }

  /// Whether it looks for systems in the configuration; a run does where it names one.
  fileprivate var isConfigured: Bool {
    switch self {
    case .failover, .reverse, .status, .configShow, .configSuggest: true
    default: false
    }
  }
}

/// Where a call keeps its state and finds its systems, and what it is about: what the commands that it prints, to be
/// typed next, must name as well.
///
/// Every such command is made here. That of the process is ``current``.
public struct CallContext: Sendable, Hashable {
  /// The disks of a run.
  public enum Disks: Sendable, Hashable {
    case system(String, relationship: String?)
    case pairs([RunRequest.Pair])
  }

  /// Where relationships and disks are remembered.
  public var stateDirectory: String
  /// Where systems are described, as an absolute path; nil for the usual place.
  public var configuration: String?
  /// Whom to ask for computer systems, as libvirt names them; empty: who is usually there.
  public var hypervisors: [String]
  /// Those of the call's run; nil where it has none.
  public var disks: Disks?

  /// The recoveries by which what the call leaves is found.
  var recoveries: [String]

  /// Creates a context.
  public init(
    stateDirectory: String = RunRequest.usualStateDirectory, configuration: String? = nil,
    disks: Disks? = nil, recoveries: [String] = [], hypervisors: [String] = []
  ) {
    self.stateDirectory = stateDirectory
    self.configuration = configuration
    self.disks = disks
    self.recoveries = recoveries
    self.hypervisors = hypervisors
  }

  /// The command that finishes or drops what the call may leave.
  public var repair: String { line(.repair, recoveries, isConfigured: false) }

  /// `vmresync COMMAND WORD...`, each word quoted as a shell needs it, and the options that lead it to the same place.
  public func typed(_ command: CommandName, _ words: String...) -> String {
    line(command, words, isConfigured: command.isConfigured)
  }

  /// A run of `disks`.
  public func typed(_ command: CommandName, _ options: String..., on disks: Disks) -> String {
    run(command, options, on: disks)
  }

  /// A run of the call's own disks.
  public func typedAgain(_ command: CommandName, _ options: String...) -> String {
    run(command, options, on: disks)
  }

  func run(_ command: CommandName, _ options: [String], on disks: Disks?) -> String {
    switch disks {
    case .system(let system, let relationship):
      let name = relationship.map { ["--relationship", $0] } ?? []
      return line(command, [system] + name + options, isConfigured: true)
    case .pairs(let pairs):
      let words = pairs.flatMap { ["--primary", $0.primary, "--recovery", $0.recovery] }
      return line(command, words + options, isConfigured: true)
    case nil: return line(command, options, isConfigured: false)
    }
  }

  func line(_ command: CommandName, _ words: [String], isConfigured: Bool) -> String {
    var line = words.reduce("vmresync \(command.rawValue)") { "\($0) \(ShellWord($1))" }
    if isConfigured, let configuration { line += " --config \(ShellWord(configuration))" }
    if command.asksHypervisors {
      for uri in hypervisors { line += " --libvirt \(ShellWord(uri))" }
    }
    if command.remembers, stateDirectory != RunRequest.usualStateDirectory {
      line += " --state-dir \(ShellWord(stateDirectory))"
    }
    return line
  }
}

extension RunRequest {
  /// Where it was asked for.
  public var context: CallContext {
    CallContext(
      stateDirectory: stateDirectory, configuration: configuration,
      disks: computerSystem.map { .system($0, relationship: namedRelationship) } ?? .pairs(pairs),
      // One is enough: all are one relationship's.
      recoveries: pairs.prefix(1).map(\.recovery), hypervisors: hypervisors)
  }
}
