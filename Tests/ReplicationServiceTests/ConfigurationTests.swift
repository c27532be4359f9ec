import DeviceResync
import Glibc
import SystemPackage
import Testing

@testable import ReplicationService

@Suite("the configuration") struct ConfigurationTests {
  @Test("systems, relationships and settings are read, also from conf.d")
  func reads() throws {
    let folder = try ConfigurationFolder()
    try folder.write(sampleConfiguration)
    try folder.write(
      """
      version = 1
      [[system]]
      name = "db"
      [[system.disk]]
      target = "sda"
      source = "/dev/vg0/db"
      """, to: "conf.d/a.toml")
    let configuration = try Configuration(at: folder.file)
    #expect(configuration.systems.map(\.name) == ["web01", "web01-replica", "db"])
    #expect(configuration.systems[0].disks.map(\.source) == ["/dev/vg0/web01", "/dev/vg0/web01-data"])
    #expect(configuration.defaults.stallTimeout == TimeSpan(seconds: 300))
    #expect(configuration.defaults.maxDifference == .percent(10))
    let relationship = try #require(configuration.relationships.first)
    #expect(relationship.settings.writeBack == .inPlace)
    #expect(relationship.isEnabled)
    #expect(relationship.place.hasSuffix("config.toml:27: relationship[1].name"), "\(relationship.place)")
  }

  @Test("an unknown key, at any place, is refused with file, place and the keys that there are: 32773")
  func unknownKeys() throws {
    for (line, place) in [
      ("name = \"web01\"\nnmae = 1", "7: system[1].nmae"),
      ("serial = \"ROOT\"\nsize = 1", "12: system[1].disk[1].size"),
      ("stall-timeout = \"5min\"\nretries = 3", "4: defaults.retries"),
      ("version = 1\nverison = 2", "2: verison"),
      ("recovery = \"web01-replica\"\nwritte-back = \"staged\"", "30: relationship[1].writte-back"),
    ] {
      let old = String(line.prefix { $0 != "\n" })
      let text = sampleConfiguration.replacing(old, with: line, maxReplacements: 1)
      try #require(text != sampleConfiguration)
      try expectRefused(text, .invalidParameter, "config.toml:\(place)", "the keys are:")
    }
  }

  @Test("a value of the wrong type is named with both types: 32776")
  func wrongTypes() throws {
    try expectRefused("version = \"1\"", .incorrectDataType, "version", "a string", "an integer")
    try expectRefused("version = 1\nsystem = 3", .incorrectDataType, "system", "an integer", "an array")
    try expectRefused("version = 1\nsystem = [3]", .incorrectDataType, "[[system]]")
    try expectRefused("version = 1\n[[system]]\nname = 3", .incorrectDataType, "system[1].name", "a string")
    try expectRefused(
      "version = 1\n[defaults]\nverify = \"yes\"", .incorrectDataType, "defaults.verify", "a boolean")
    let text = sampleConfiguration + "\npair-by = [3]\n"
    try expectRefused(text, .incorrectDataType, "relationship[1].pair-by")
  }

  @Test("what is no TOML is refused with line and column: 32776")
  func syntax() throws {
    try expectRefused("version = 1\n[[system\n", .incorrectDataType, "config.toml:2:")
    try expectRefused("version = 1\nversion = 1\n", .incorrectDataType, "config.toml:2:")
    try expectRefused("\u{0}", .incorrectDataType)
    // Found by scripts/fuzz: the parser asserts what does not hold of these.
    for text in ["version = 1\n[\u{FFFD}[relationship.disk]]\n", "[\u{FFFD}[a]]", "a.\u{FFFD} = 1"] {
      try expectRefused(text, .incorrectDataType)
    }
  }

  @Test("values that make no sense: 32773")
  func values() throws {
    func refused(_ old: String, _ new: String, _ words: String) throws {
      let text = sampleConfiguration.replacing(old, with: new)
      try #require(text != sampleConfiguration)
      try expectRefused(text, .invalidParameter, words)
    }
    try refused("version = 1", "version = 2", "version: it must be 1")
    try refused("version = 1\n", "", "version: it must be 1")
    try refused("\"in-place\"", "\"inplace\"", "'inplace' is not staged or in-place")
    try refused("\"5min\"", "\"5\"", "'5' is not a time")
    try refused("\"10%\"", "\"110%\"", "'110%' is not a percentage")
    try refused("11111111-2222-4333-8444-555555555555", "1", "'1' is not a UUID")
    try refused("source = \"/dev/vg0/web01\"", "source = \"sda\"", "'sda' is no absolute path")
    try refused(
      "target = \"vda\"\nsource = \"/dev/vg0/web01\"", "source = \"/dev/vg0/web01\"", "target: it is missing")
    try refused("name = \"web01-replica\"", "name = \"web/01\"", "it holds ':' or '/'")
    try refused("name = \"web01-replica\"", "name = \"\\u001b[31m\"", "cannot be printed")
    try refused("name = \"web01-replica\"", "name = \"\"", "it is empty")
    try refused("name = \"web01-replica\"", "name = \"web01\"", "'web01' stands here and at")
    try refused("source = \"/dev/vg0/web01-data\"", "source = \"/dev/vg0/web01\"", "stands here and at")
    try refused(
      "target = \"vdb\"\nsource = \"/dev/vg0", "target = \"vda\"\nsource = \"/dev/vg0", "stands here and at")
  }

  @Test("a system that is copied over itself, in one step or three: 32773")
  func cycles() throws {
    func chain(_ pairs: [(String, String)]) -> String {
      let names = Set(pairs.flatMap { [$0.0, $0.1] }).sorted()
      let systems = names.map {
        "[[system]]\nname = \"\($0)\"\n[[system.disk]]\ntarget = \"vda\"\nsource = \"/dev/vg0/\($0)\"\n"
      }
      let relationships = pairs.enumerated().map {
        "[[relationship]]\nname = \"r\($0)\"\nprimary = \"\($1.0)\"\nrecovery = \"\($1.1)\"\n"
      }
      return "version = 1\n" + systems.joined() + relationships.joined()
    }
    #expect(try ConfigurationFolder.read(chain([("a", "b"), ("b", "c")])).relationships.count == 2)
    for pairs in [[("a", "a")], [("a", "b"), ("b", "a")], [("a", "b"), ("b", "c"), ("c", "a")]] {
      try expectRefused(chain(pairs), .invalidParameter, "copied over itself")
    }
    try expectRefused(
      chain([("a", "c"), ("b", "c")]), .invalidParameter, "/dev/vg0/c is a recovery here and at")
  }

  @Test("a file, or its folder, that others may write, or own: 32769; none: 32779; no file: 32776")
  func trust() throws {
    let folder = try ConfigurationFolder()
    func value() -> ReturnValue? {
      do {
        _ = try Configuration(at: folder.file)
        return nil
      } catch {
        return error.returnValue
      }
    }
    #expect(value() == .fileNotFound)
    try folder.write(sampleConfiguration)
    #expect(value() == nil)
    for mode: mode_t in [0o666, 0o620, 0o602] {
      #expect(chmod(folder.file.string, mode) == 0)
      #expect(value() == .accessDenied, "\(mode)")
    }
    #expect(chmod(folder.file.string, 0o644) == 0)
    #expect(value() == nil)
    #expect(chown(folder.file.string, 65534, 0) == 0)
    #expect(value() == .accessDenied)
    #expect(chown(folder.file.string, 0, 0) == 0)
    #expect(chmod(folder.path.string, 0o777) == 0)
    #expect(value() == .accessDenied)
    #expect(chmod(folder.path.string, 0o755) == 0)
    try folder.write("version = 1", to: "conf.d/b.toml")
    #expect(chmod(folder.path.appending("conf.d/b.toml").string, 0o666) == 0)
    #expect(value() == .accessDenied)
    #expect(unlink(folder.path.appending("conf.d/b.toml").string) == 0)
    #expect(unlink(folder.file.string) == 0 && mkfifo(folder.file.string, 0o600) == 0)
    #expect(value() == .incorrectDataType)
  }
}
