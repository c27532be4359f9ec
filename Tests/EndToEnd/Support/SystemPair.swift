import Testing

@testable import DeviceResync

/// A configuration of two systems, web01 and its replica, each with one disk.
struct SystemPair {
  let config = Place.ours("pair.toml")

  /// - Parameter defaults: lines of `[defaults]`.
  init(_ primary: String, _ recovery: String, defaults: String = "") throws {
    let text = """
      version = 1
      [defaults]
      \(defaults)
      [[system]]
      name = "web01"
      [[system.disk]]
      target = "vda"
      source = "\(primary)"
      [[system]]
      name = "replica"
      [[system.disk]]
      target = "vda"
      source = "\(recovery)"
      [[relationship]]
      name = "web"
      primary = "web01"
      recovery = "replica"
      """
    _ = try Image("pair.toml", Array(text.utf8))
  }

  /// The words of `vmresync OPERATION SYSTEM --json --yes --config FILE OPTION...`.
  func words(_ operation: Operation, _ options: [String] = [], system: String = "web01") -> [String] {
    [operation.rawValue, system, "--json", "--config", config] + (operation == .resync ? ["--yes"] : [])
      + options
  }

  /// Runs it to its end.
  func run(
    _ operation: Operation, _ options: [String] = [], system: String = "web01", through wrapper: [String] = []
  ) throws -> Report {
    try Report(Command.start(words(operation, options, system: system), through: wrapper).wait())
  }

  /// The return value of the method as a program calls it through the library, and whether it returns a job.
  func method(
    _ system: String = "web01", _ start: String? = nil, through wrapper: [String] = []
  ) throws -> (value: Int?, job: String?) {
    let caller = [Command.beside("method-caller"), config, Place.ours("library"), system]
    let ended = try Child(wrapper + caller + (start.map { [$0] } ?? [])).wait()
    let words = ended.output.split(separator: "\n").last?.split(separator: " ").map(String.init) ?? []
    try #require(ended.status == 0 && words.count == 2, "\(ended)")
    return (Int(words[0]), words[1] == "null" ? nil : words[1])
  }
}
