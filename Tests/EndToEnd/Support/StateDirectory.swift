import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// A state directory of the test's own.
struct StateDirectory: Sendable {
  let path: String

  /// Makes it in the test's place, on whose file system staged differences wait.
  init(_ name: String = "state") throws {
    path = Place.ours(name)
    try tool("mkdir", "--mode=0700", path)
  }

  /// One that is there, or that a run will make.
  init(at path: String) { self.path = path }

  /// What a staged run that uses it says.
  var options: [String] { ["--write-back", "staged", "--state-dir", path] }

  /// A staged resync, to its end.
  func resync(
    _ primary: String, _ recovery: String, _ options: [String] = [], through wrapper: [String] = []
  ) throws -> Report {
    try Command.json(.resync, primary, recovery, self.options + options, through: wrapper)
  }

  /// The arguments for several pairs, one commit.
  func words(_ pairs: [(String, String)]) -> [String] {
    ["resync", "--json", "--yes"] + pairs.flatMap { ["--primary", $0.0, "--recovery", $0.1] } + options
  }

  /// Of several pairs, one commit.
  func resync(_ pairs: [(String, String)], _ options: [String] = []) throws -> Report {
    try Report(Command.start(words(pairs) + options).wait())
  }

  func repair(
    _ paths: String..., options: [String] = [], through wrapper: [String] = []
  ) throws -> Report {
    let words = ["repair", "--json", "--state-dir", path] + paths + options
    return try Report(Command.start(words, through: wrapper).wait())
  }

  /// The names of the staging files.
  func staged() throws -> [String] {
    access("\(path)/staging", F_OK) == 0 ? try directoryNames(FilePath("\(path)/staging")) : []
  }

  /// Every relationship's record.
  func records() throws -> [JSONValue] {
    guard access("\(path)/states", F_OK) == 0 else { return [] }
    return try directoryNames(FilePath("\(path)/states")).filter { $0.hasSuffix(".json") }.sorted().map {
      try JSONValue(parsing: readText(FilePath("\(path)/states/\($0)")))
    }
  }

  /// The states of all relationships.
  func states() throws -> [String] { try records().map { $0["Consistency"]["State"].text ?? "none" } }

  /// Expects one relationship in this state, and no staging file.
  func expect(_ state: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    #expect(try states() == [state], sourceLocation: sourceLocation)
    #expect(try staged() == [], sourceLocation: sourceLocation)
  }

  /// Leaves the pair Applying with nothing written: the run is killed right after the commit's rename.
  ///
  /// - Returns: the staging file.
  func leaveApplying(_ primary: String, _ recovery: String) throws -> Image {
    try leaveApplying([(primary, recovery)])
  }

  /// The same of several pairs.
  func leaveApplying(_ pairs: [(String, String)]) throws -> Image {
    // The folder of relationships is flushed after each replacement: Resynchronizing first, Applying second.
    let ended = try Command.start(words(pairs), through: killing("fsync", 2, on: "\(path)/states")).wait()
    #expect(ended.wasKilled, "\(ended)")
    try #require(try states() == ["Applying"])
    return Image(at: "\(path)/staging/\(try #require(try staged().first))")
  }
}

extension Ended {
  /// Whether the worker was killed, which its monitor tells of.
  var wasKilled: Bool { status == 40 && (output + error).contains("was ended by SIGKILL") }
}

/// strace, which kills whoever is about to make a call for the `number`-th time.
///
/// - Parameter path: only calls on this file or directory count; nil for all.
func killing(_ call: String, _ number: Int, on path: String? = nil) -> [String] {
  ["strace", "-f", "-o", "/dev/null", "-e", "trace=\(call)"] + (path.map { ["-P", $0] } ?? []) + [
    "-e", "inject=\(call):signal=SIGKILL:when=\(number)",
  ]
}

/// Whether a loop leads to the file.
func isAttached(_ path: String) -> Bool {
  ((try? directoryNames("/sys/block")) ?? []).contains { name in
    (try? readText(FilePath("/sys/block/\(name)/loop/backing_file"))) == path + "\n"
  }
}
