import SystemPackage
import Testing

@testable import DeviceResync

/// The built command, as a shell without a terminal runs it.
enum Command {
  /// It lies beside the test bundle, which is the running executable.
  static let path = beside("vmresync")

  /// Another program that is built with it.
  static func beside(_ name: String) -> String {
    guard let bundle = try? linkTarget("/proc/self/exe") else { preconditionFailure("/proc is mounted") }
    return bundle.removingLastComponent().appending(name).string
  }

  /// Starts it; what it remembers lies in the test's place.
  ///
  /// - Parameter wrapper: a program that starts the rest of its arguments, such as `setpriv …`.
  static func start(_ arguments: [String], through wrapper: [String] = []) throws -> Child {
    // Where the n-th call of a kind is met, it is to be the worker's, not one that the monitor makes for its record.
    let isRun = ["resync", "resume"].contains(arguments.first)
    let isCounted = wrapper.contains { $0.hasPrefix("inject=") || $0.hasPrefix("trace=") }
    return try Child(
      wrapper + [path] + remembering(arguments) + (isRun && isCounted ? ["--no-record"] : []))
  }

  /// The arguments with a state directory of the test's own, where they name none.
  static func remembering(_ arguments: [String]) -> [String] {
    guard let operation = arguments.first, !arguments.contains("--state-dir") else { return arguments }
    let place = ["--state-dir", Place.ours("state")]
    if operation == "job" { return arguments + place }
    guard ["compare", "resync", "resume", "plan", "repair", "devices", "status"].contains(operation) else {
      return arguments
    }
    return [operation] + place + arguments.dropFirst()
  }

  /// Runs it to its end.
  static func run(_ arguments: String..., through wrapper: [String] = []) throws -> Ended {
    try start(arguments, through: wrapper).wait()
  }

  /// `vmresync OPERATION --json --primary PRIMARY --recovery RECOVERY OPTION...`, to its end.
  static func json(
    _ operation: Operation, _ primary: String, _ recovery: String, _ options: [String] = [],
    through wrapper: [String] = []
  ) throws -> Report {
    try Report(start(operation.words(primary, recovery, options), through: wrapper).wait())
  }
}

/// Where a test is about what reaches the disks while they are compared.
let inPlace = ["--write-back", "in-place"]

/// What is done with a pair.
enum Operation: String, Sendable, CaseIterable {
  case compare, resync, plan

  /// The arguments for one pair; JSON, and no question.
  func words(_ primary: String, _ recovery: String, _ options: [String] = []) -> [String] {
    [rawValue, "--json", "--primary", primary, "--recovery", recovery] + (self == .resync ? ["--yes"] : [])
      + options
  }
}

/// A run's end with its JSON.
struct Report: Sendable, CustomStringConvertible {
  let ended: Ended
  let json: JSONValue

  /// - Throws: where standard output is anything but one JSON object.
  init(_ ended: Ended) throws {
    self.ended = ended
    do {
      json = try JSONValue(parsing: ended.output)
    } catch {
      Issue.record("no JSON: \(ended)")
      throw error
    }
  }

  /// What a failed expectation needs to show.
  var description: String {
    var lines = ["status \(status.map(String.init) ?? "none"), value \(value ?? -1): \(message)"]
    for pair in json["Pairs"].array {
      lines += pair["Guards"].array.filter { $0["Verdict"].text != "passed" }.map {
        "\($0["Name"].text ?? ""): \($0["Reason"].text ?? "") \($0["Evidence"].array.compactMap(\.text))"
      }
      lines += pair["Errors"].array.compactMap { $0["Message"].text } + pair["Notes"].array.compactMap(\.text)
    }
    return lines.joined(separator: "\n") + ended.error
  }

  var status: Int32? { ended.status }
  /// The return value.
  var value: Int? { json["ReturnValue"].int }
  var message: String { json["Message"].text ?? "" }

  subscript(key: String) -> JSONValue { json[key] }

  /// The only pair, or one of several.
  func pair(_ index: Int = 0) -> JSONValue { json["Pairs"][index] }

  /// A guard's verdict on the first pair that was not `passed`.
  func verdict(_ name: String) -> JSONValue {
    pair()["Guards"].array.first { $0["Name"].text == name && $0["Verdict"].text != "passed" } ?? .missing
  }

  /// What a guard has to show, in one line.
  func evidence(_ name: String) -> String {
    verdict(name)["Evidence"].array.compactMap(\.text).joined(separator: "; ")
  }
}

/// Expects a return value, its exit status and its name.
func expect(
  _ report: Report, _ value: Int, status: Int32? = nil, sourceLocation: SourceLocation = #_sourceLocation
) {
  let wanted = status ?? (value == 0 ? 0 : Int32(value - 32768 + 40))
  #expect(report.value == value, "\(report)", sourceLocation: sourceLocation)
  #expect(report.status == wanted, "\(report)", sourceLocation: sourceLocation)
  #expect(report["ReturnName"].text == Value.names[value], sourceLocation: sourceLocation)
  #expect(report["FormatVersion"].int == 1, sourceLocation: sourceLocation)
}

/// The method's return values, by hand.
enum Value {
  static let names: [Int: String] = [
    0: "Completed with No Error", 32768: "Failed", 32769: "Access Denied", 32770: "Not Supported",
    32771: "Status is unknown", 32772: "Timeout", 32773: "Invalid parameter", 32774: "System is in use",
    32775: "Invalid state for this operation", 32776: "Incorrect data type", 32777: "System is not available",
    32778: "Out of memory", 32779: "File not found",
  ]
}

/// strace, which lets a system call fail.
///
/// - Parameter path: only calls on this file count; nil for all.
func injecting(_ what: String, on path: String? = nil) -> [String] {
  ["strace", "-f", "-o", "/dev/null", "-e", "inject=\(what)"] + (path.map { ["-P", $0] } ?? [])
}

/// A mount namespace in which `path` is a sparse file on a tmpfs of 8 MiB; `then` runs there after the command.
func onSmallTmpfs(_ path: String, size: UInt64, then last: String = "") -> [String] {
  let script = """
    mount -t tmpfs -o size=8m none "${1%/*}" && truncate --size=\(size) "$1" && shift && "$@"
    status=$?
    \(last)
    exit "$status"
    """
  return ["unshare", "--mount", "--propagation", "private", "bash", "-c", script, "bash", path]
}
