import Glibc
import Testing

@testable import DeviceResync

/// What a call prints to be typed next works as it is typed: with the state directory and the configuration of the call.
@Suite("commands to type", .ownPlace, .tags(.devices, .slow)) struct TypedCommandTests {
  /// A call that says what to type, in a state that `make` leads to.
  struct Way: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// The commands' beginnings, as it must print them.
    let commands: [String]
    /// All that the call says.
    let make: @Sendable (borrowing Drill) throws -> String

    init(
      _ title: String, _ commands: [String], _ make: @escaping @Sendable (borrowing Drill) throws -> String
    ) {
      (testDescription, self.commands, self.make) = (title, commands, make)
    }
  }

  static let ways = [
    Way("failed over", ["reverse b", "failover --revert b"]) { try $0.said("failover", "b") },
    Way("what is live is not written", ["reverse b", "failover --revert b"]) {
      _ = try $0.said("failover", "b")
      return try $0.said("resync", "a", ["--yes"])
    },
    Way("the same, of disks that are named", ["reverse b", "failover --revert b"]) {
      _ = try $0.said("failover", "b")
      return try $0.state.resync($0.pairs).ended.output
    },
    Way("taken back", ["resync a"]) {
      _ = try $0.said("failover", "b")
      return try $0.said("failover", "b", ["--revert", "--yes"])
    },
    Way("reversed", ["resync b"]) {
      _ = try $0.said("failover", "b")
      return try $0.said("reverse", "b", ["--yes"])
    },
    Way("not failed over", ["failover b"]) { try $0.said("reverse", "b", ["--yes"]) },
    Way("a leaf", ["resync a"]) { try $0.said("resync", "b", ["--yes"]) },
    Way("nobody to ask", ["plan a"]) { try $0.said("resync", "a") },
    Way("nothing was stopped", ["resync a"]) { try $0.said("resume", "a", ["--yes"]) },
    Way("a plan with a way back", ["rollback"]) {
      try $0.said("plan", "a", ["--recovery-point", "undo"])
    },
    Way("a way back", ["rollback"]) {
      try $0.change()
      return try $0.said("resync", "a", ["--yes", "--recovery-point", "undo"])
    },
    Way("the other way", ["devices", "failover SYSTEM", "reverse SYSTEM"]) {
      try $0.exchangeInTheFile()
      return try $0.said("resync", "b", ["--yes"])
    },
    Way("no such disk", ["devices"]) {
      try $0.state.resync("/dev/there-is-none", $0.one.recovery).ended.output
    },
    Way("no such relationship", ["config show a"]) {
      try $0.said("resync", "a", ["--yes", "--relationship", "none"])
    },
    Way("no pairs", ["config suggest a b"]) {
      try tool("sed", "--in-place", "0,/vdb/s/vdb/vdc/", $0.config)
      return try $0.said("resync", "a", ["--yes"])
    },
    Way("a commit that stands", ["repair"]) {
      try $0.change()
      return try $0.killed(by: killing("fsync", 2, on: "\($0.state.path)/states"))
    },
    Way("an Inconsistent recovery", ["repair", "failover --as-is b"]) {
      try $0.leaveInconsistent()
      return try $0.said("failover", "b")
    },
    Way("an Inconsistent recovery to repair", ["resync --primary"]) {
      try $0.leaveInconsistent()
      return try $0.state.repair($0.one.recovery).ended.output
    },
    Way("a staging file that is gone", ["repair"]) {
      try $0.change()
      let file = try $0.state.leaveApplying($0.pairs)
      try tool("mv", file.path, Place.ours("aside"))
      return try $0.said("resync", "a", ["--yes"])
    },
    Way("a commit that somebody wrote over", ["resync --primary"]) {
      try $0.change()
      _ = try $0.state.leaveApplying($0.pairs)
      try $0.one.recoveryImage.write([3, 3, 3], at: 40_000)
      return try $0.state.repair($0.one.recovery).ended.output
    },
    Way("a job in the way", ["job watch"]) {
      _ = try $0.said("resync", "a", ["--yes", "--at", "+1h"])
      let said = try $0.said("resync", "a", ["--yes", "--at", "+2h"])
      #expect(try Command.run("job", "terminate", "a", "--state-dir", $0.state.path).status == 0)
      return said
    },
    Way("no such job", ["job list"]) {
      _ = try $0.said("resync", "a", ["--yes"])
      return "\(try Command.run("job", "show", "none", "--state-dir", $0.state.path))"
    },
    Way("what status says", ["resync a"]) {
      try $0.leaveInconsistent()
      return "\(try Command.run("status", "--config", $0.config, "--state-dir", $0.state.path))"
    },
  ]

  @Test("they lead to the same state and the same systems, and are understood", arguments: ways)
  func typed(_ way: Way) throws {
    let drill = try Drill()
    expect(try drill.call("resync", "a"), 0)
    let said = try way.make(drill)
    let commands = said.commandsToType
    for words in way.commands {
      #expect(commands.contains { $0.joined(separator: " ").hasPrefix(words) }, "\(words): \(said)")
    }
    for command in commands {
      let words = command.map { ["SYSTEM": "a"][$0] ?? $0 }
      #expect(words.contains("--state-dir") || words.starts(with: ["config", "suggest"]), "\(words)")
      let asks = ["resync", "resume", "rollback", "reverse"].contains(words[0]) || words.contains("--revert")
      let ended = try Child([Command.path] + words + (asks ? ["--yes"] : [])).wait()
      // Neither 32773 nor 32779; a system that is not known would be 32777.
      #expect(![45, 49, 51].contains(ended.status), "\(words): \(ended)")
    }
  }

  @Test("a job that was started with a relative state directory finds it")
  func relative() throws {
    let pair = try TestPair(differing: .loops)
    let script = #"cd "$1" && "${@:2}" --state-dir state --config pair.toml"#
    let systems = try SystemPair(pair.primary, pair.recovery)
    let words = ["resync", "web01", "--yes", "--background"]
    let ended = try Child(["bash", "-c", script, "bash", Place.ours.path, Command.path] + words).wait()
    #expect(ended.status == 0 && ended.output.contains("4096"), "\(ended)")
    let commands = ended.output.commandsToType.filter { $0.starts(with: ["job", "watch"]) }
    let watched = try Child([Command.path] + (try #require(commands.first))).wait()
    #expect(watched.status == 0, "\(watched)")
    expect(try systems.run(.compare), 0)
  }
}

extension Drill {
  /// All that a call says.
  fileprivate func said(_ command: String, _ system: String, _ options: [String] = []) throws -> String {
    let words = [command, system, "--config", config, "--state-dir", state.path] + options
    return "\(try Child([Command.path] + words).wait())"
  }

  /// Something for a run to write.
  fileprivate func change() throws { try one.primaryImage.write([1, 2, 3, 4], at: 40_000) }

  /// What is said of a run whose worker is killed.
  fileprivate func killed(by wrapper: [String]) throws -> String {
    let ended = try start("resync", "a", ["--yes", "--write-back", "staged"], through: wrapper)
    #expect(ended.wasKilled, "\(ended)")
    return ended.output
  }
}

extension String {
  /// The words of each command of ours in a text, without the program's name; none of them is quoted.
  fileprivate var commandsToType: [[String]] {
    // Where one ends, no word of a test's does.
    let text = replacing("\\n", with: "\n").replacing("\\/", with: "/")
    return text.components(after: "vmresync ").map { rest in
      let end = rest.firstMatch(of: #/[;,)"\n]|\. | or /#)?.range.lowerBound ?? rest.endIndex
      return rest[..<end].split(separator: " ").map(String.init)
    }
  }

  private func components(after words: String) -> [Substring] {
    ranges(of: words).compactMap { range in
      let isWord = range.lowerBound == startIndex || " (".contains(self[index(before: range.lowerBound)])
      // What is talked about, and not to be typed, is no command.
      guard isWord, CommandName.allCases.contains(where: { self[range.upperBound...].hasPrefix($0.rawValue) })
      else { return nil }
      return self[range.upperBound...]
    }
  }
}
