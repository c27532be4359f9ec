import SystemPackage
import Testing

@testable import DeviceResync

@Suite("the command line", .ownPlace, .tags(.devices)) struct UsageTests {
  static let nonsense: [[String]] = [
    ["compare"], ["resync"], ["plan"], ["compare", "--primary", "/a"], ["compare", "--recovery", "/a"],
    ["resync", "--primary", "/a", "--recovery", "/b", "--primary", "/c"], ["compare", "--unknown"],
    ["nonsense"],
    ["compare", "--primary", "/a", "--recovery", "/b", "--source", "sometimes"],
    ["compare", "--primary", "/a", "--recovery", "/b", "--byte-length", "0"],
    ["compare", "--primary", "/a", "--recovery", "/b", "--max-ranges", "-1"],
    ["compare", "--primary", "/a", "--recovery", "/b", "--chunk-size", "many"],
    ["compare", "--primary", "/a", "--recovery", "/b", "--primary-format", "qcow2"],
    ["compare", "--primary", "/a", "--recovery", "/b", "--yes"],
    ["resync", "--primary", "/a", "--recovery", "/b", "--write-back", "later"],
    ["compare", "--primary"],
  ]

  @Test("what makes no sense is 32773: exit 45, and one JSON object with --json", arguments: nonsense)
  func usage(_ words: [String]) throws {
    let report = try Report(Command.start(words + ["--json"]).wait())
    expect(report, 32773)
    #expect(!report.message.isEmpty)
    let text = try Child([Command.path] + words).wait()
    #expect(text.status == 45)
    #expect(text.output.isEmpty)
    #expect(text.error.contains("32773 Invalid parameter"))
  }

  @Test("no arguments, and --help and --version")
  func help() throws {
    #expect(try Command.run("--version").output == "0.1.0\n")
    #expect(try Command.run("--help").status == 0)
    for command in ["compare", "resync", "plan", "devices"] {
      let help = try Command.run(command, "--help")
      #expect(help.status == 0)
      #expect(help.output.contains("USAGE: vmresync \(command)"))
    }
  }

  @Test(
    "chunk sizes and depths that cannot be are 32773, not a crash",
    arguments: [
      ["--chunk-size", "0"], ["--chunk-size", "100"], ["--chunk-size", "1000G"], ["--queue-depth", "0"],
      ["--queue-depth", "-3"], ["--queue-depth", "1000000"], ["--byte-offset", "5"],
      ["--byte-offset", "100G"],
      ["--byte-offset", "1M", "--byte-length", "1G"],
    ])
  func numbers(_ options: [String]) throws {
    let pair = try TestPair(differing: .images)
    expect(try Command.json(.compare, pair.primary, pair.recovery, options), 32773)
  }

  @Test("a resync without a terminal needs --yes, and writes nothing without it")
  func confirmation() throws {
    let pair = try TestPair(differing: .images)
    let before = try pair.recoveryImage.bytes()
    let words = ["--primary", pair.primary, "--recovery", pair.recovery]
    let report = try Report(Command.start(["resync", "--json"] + words).wait())
    expect(report, 32773)
    #expect(report.message.contains("--yes"))
    let text = try Command.start(["resync"] + words).wait()
    #expect(text.status == 45)
    #expect(text.error.contains("WRITTEN"))
    #expect(areEqual(try pair.recoveryImage.bytes(), before))
  }

  @Test("the plan exits as the run would, and shows every verdict")
  func plan() throws {
    let pair = try TestPair(differing: .images)
    let text = try Command.run("plan", "--primary", pair.primary, "--recovery", pair.recovery)
    #expect(text.status == 0)
    for word in ["WRITTEN", pair.primary, pair.recovery, "sizes", "only this host's devices"] {
      #expect(text.output.contains(word), "\(text)")
    }
    expect(try Command.json(.plan, pair.primary, pair.primary), 32773)
    #expect(try Command.run("plan", "--primary", pair.primary, "--recovery", pair.primary).status == 45)
  }

  @Test("a window of bytes is compared alone")
  func window() throws {
    let pair = try TestPair(differing: .images)
    let inside = try Command.json(
      .compare, pair.primary, pair.recovery, ["--byte-offset", "4K", "--byte-length", "8K"])
    expect(inside, 0, status: 1)
    #expect(inside["BytesCompared"].int == 8192)
    #expect(inside.ranges == [ByteRange(offset: 4096, length: 4096)])
    let outside = try Command.json(.compare, pair.primary, pair.recovery, ["--byte-offset", "8K"])
    expect(outside, 0)
    #expect(outside["BytesCompared"].int == (1 << 20) - 8192)
  }

  @Test("--ranges writes every difference to a file of its own, never over another")
  func ranges() throws {
    let pair = try TestPair(differing: .images)
    let file = Place.ours("ranges")
    expect(try Command.json(.compare, pair.primary, pair.recovery, ["--ranges", file]), 0, status: 1)
    #expect(try readText(FilePath(file)) == "{\"Pair\":0,\"Offset\":4096,\"Length\":4096}\n")
    let again = try Command.json(.compare, pair.primary, pair.recovery, ["--ranges", file])
    #expect(again.value != 0)
    #expect(try readText(FilePath(file)).count == 38 || again.value != 0)
  }
}
