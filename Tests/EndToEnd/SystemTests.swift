import SystemPackage
import Testing

@testable import DeviceResync

@Suite("systems by their names", .ownPlace, .tags(.devices, .slow)) struct SystemTests {
  /// Three systems in a chain, a -> b -> c, with two disks each; the second of a takes no part.
  struct Chain {
    let images: [String: Image]
    let config = Place.ours("config.toml")

    static func bytes(_ name: String) -> [UInt8] {
      randomBytes(1 << 20, seed: UInt64(name.utf8.reduce(0) { $0 * 7 + Int($1) }))
    }

    init(_ more: String = "") throws {
      var images: [String: Image] = [:]
      var text = "version = 1\n"
      for system in ["a", "b", "c"] {
        text += "[[system]]\nname = \"\(system)\"\n"
        for target in ["vda", "vdb"] {
          let name = system + target
          images[name] = try Image(name, Self.bytes(name))
          let path = images[name]?.path ?? ""
          text += "[[system.disk]]\ntarget = \"\(target)\"\nsource = \"\(path)\"\n"
        }
      }
      text += """
        [[relationship]]
        name = "ab"
        primary = "a"
        recovery = "b"
        [[relationship.disk]]
        primary = "vdb"
        replicate = false
        [[relationship]]
        name = "bc"
        primary = "b"
        recovery = "c"
        verify = false
        \(more)
        """
      self.images = images
      _ = try Image("config.toml", Array(text.utf8))
    }

    var options: [String] {
      ["--json", "--yes", "--config", config, "--state-dir", Place.ours("state"), "--accept-content-change"]
    }

    func run(
      _ command: String, _ system: String, _ options: [String] = [], through wrapper: [String] = []
    ) throws -> Report {
      try Report(Command.start([command, system] + self.options + options, through: wrapper).wait())
    }

    /// Expects that each disk holds what the disk of this name had held.
    func expect(_ contents: [String: String], sourceLocation: SourceLocation = #_sourceLocation) throws {
      for (disk, content) in contents {
        #expect(
          areEqual(try images[disk]?.bytes() ?? [], Self.bytes(content)), "\(disk)",
          sourceLocation: sourceLocation)
      }
    }
  }

  @Test(
    "the chain: resync of the primary writes its replica only, of the replica only the next, of the leaf nothing"
  )
  func chain() throws {
    let chain = try Chain()
    expect(try chain.run("resync", "c"), 32775)
    let first = try chain.run("resync", "a")
    expect(first, 0)
    #expect(first["ComputerSystem"].text == "a")
    #expect(first.json["Pairs"].array.count == 1)
    try chain.expect(["avda": "avda", "bvda": "avda", "bvdb": "bvdb", "cvda": "cvda", "cvdb": "cvdb"])
    let second = try chain.run("resync", "b")
    expect(second, 0)
    try chain.expect(["avda": "avda", "bvda": "avda", "bvdb": "bvdb", "cvda": "avda", "cvdb": "bvdb"])
    // verify = false is the relationship's.
    #expect(first["BytesVerified"].int == 1 << 20 && second["BytesVerified"].int == 0, "\(second)")
    #expect(
      try chain.run("resync", "b", ["--verify"])["BytesVerified"].int == 0, "nothing is written any more")
  }

  @Test("a disk that is not replicated is not opened at all")
  func excluded() throws {
    let chain = try Chain()
    let trace = Place.ours("trace")
    expect(
      try chain.run(
        "resync", "a", through: ["strace", "-f", "-o", trace, "-e", "trace=open,openat,openat2"]), 0)
    let calls = try OwnedDescriptor(opening: FilePath(trace), .readOnly).readText()
    #expect(calls.contains("/avda\""), "\(calls)")
    #expect(!calls.contains("/avdb\"") && !calls.contains("/bvdb\""), "\(calls)")
  }

  @Test("compare and plan take a system too; what is typed comes before what is configured")
  func others() throws {
    let chain = try Chain("write-back = \"in-place\"")
    let compared = try Report(Command.start(["compare", "a", "--json", "--config", chain.config]).wait())
    #expect(compared.status == 1 && compared["ComputerSystem"].text == "a", "\(compared)")
    #expect(compared.pair()["Primary"]["Path"].text == chain.images["avda"]?.path)
    let plan = try Command.start(["plan", "b", "--config", chain.config, "--state-dir", Place.ours("state")])
      .wait()
    #expect(plan.output.contains("system   b") && plan.output.contains("written in place"), "\(plan)")
    let typed = try Command.start(
      ["plan", "b", "--config", chain.config, "--state-dir", Place.ours("state"), "--write-back", "staged"]
    ).wait()
    #expect(typed.output.contains("staged, then committed together"), "\(typed)")
  }

  @Test("what the configuration cannot say ends in its own value, and nothing is written")
  func refused() throws {
    let chain = try Chain()
    expect(try chain.run("resync", "nobody"), 32777)
    expect(try chain.run("resync", "a", ["--relationship", "bc"]), 32773)
    expect(try chain.run("resync", "a", ["--primary", "/x", "--recovery", "/y"]), 32773)
    expect(try chain.run("resync", "a", ["--config", Place.ours("none.toml")]), 32779)
    try tool("chmod", "0666", chain.config)
    let refused = try chain.run("resync", "a")
    expect(refused, 32769)
    #expect(refused.message.contains("chmod go-w"), "\(refused)")
    try chain.expect(["avda": "avda", "bvda": "bvda", "bvdb": "bvdb", "cvda": "cvda", "cvdb": "cvdb"])
  }

  @Test("config check, show and suggest")
  func config() throws {
    let chain = try Chain()
    let checked = try Command.run("config", "check", chain.config)
    #expect(checked.status == 0 && checked.output.contains("3 systems, 2 relationships"), "\(checked)")
    let beside = try Command.run(
      "config", "check", "config.toml", through: ["env", "--chdir=\(Place.ours(""))"])
    #expect(beside.status == 0, "\(beside)")
    let shown = try Command.run("config", "show", "b", "--config", chain.config)
    #expect(
      shown.status == 0
        && shown.output.contains("verify          false  (\(chain.config):34: relationship[2].name)"),
      "\(shown)"
    )
    #expect(shown.output.contains("write-back      as the command decides  (not configured)"), "\(shown)")
    let leaf = try Command.run("config", "show", "c", "--config", chain.config)
    #expect(leaf.status == 47 && leaf.output.contains("vmresync resync b"), "\(leaf)")
    let suggested = try Command.run("config", "suggest", "a", "c", "--config", chain.config)
    #expect(suggested.output.contains("primary = \"vdb\"\nrecovery = \"vdb\""), "\(suggested)")
    let bad = try Image("bad.toml", Array("version = 1\n[[system]]\nnmae = \"x\"\n".utf8))
    let refused = try Command.run("config", "check", bad.path)
    #expect(refused.status == 45 && refused.output.contains("system[1].name: it is missing"), "\(refused)")
  }
}
