import DeviceResync
import Testing

@testable import ReplicationService

@Suite("which relationship, and which disks") struct SelectionTests {
  /// a -> b -> c, one disk each.
  static let chain = """
    version = 1
    [[system]]
    name = "a"
    uuid = "11111111-2222-4333-8444-555555555555"
    disk = [{ target = "vda", source = "/dev/vg0/a" }]
    [[system]]
    name = "b"
    disk = [{ target = "vda", source = "/dev/vg0/b" }]
    [[system]]
    name = "c"
    disk = [{ target = "vda", source = "/dev/vg0/c" }]
    [[system]]
    name = "lonely"
    [[relationship]]
    name = "ab"
    primary = "a"
    recovery = "static:b"
    [[relationship]]
    name = "bc"
    primary = "b"
    recovery = "c"
    """

  private func value(_ body: () throws -> Void, _ words: String = "") -> ReturnValue? {
    do {
      try body()
      return nil
    } catch let error as ResyncError {
      #expect("\(error)".contains(words), "\(error)")
      return error.returnValue
    } catch {
      return .failed
    }
  }

  @Test("a primary goes to its replica, a replica only onward, and a leaf nowhere: 32775")
  func selects() throws {
    let configuration = try ConfigurationFolder.read(Self.chain)
    for name in ["a", "static:a", "11111111-2222-4333-8444-555555555555"] {
      #expect(try configuration.relationship(of: name).name == "ab")
    }
    #expect(try configuration.relationship(of: "b").name == "bc")
    #expect(value({ _ = try configuration.relationship(of: "c") }, "vmresync resync b") == .invalidState)
    #expect(value({ _ = try configuration.relationship(of: "lonely") }, "primary of no") == .invalidState)
    #expect(value({ _ = try configuration.relationship(of: "d") }, "a, b, c") == .systemNotAvailable)
    #expect(value({ _ = try configuration.relationship(of: "libvirt:a") }) == .systemNotAvailable)
    #expect(value({ _ = try configuration.relationship(of: "proxmox:101") }) == .notSupported)
    #expect(
      try configuration.pairs(of: configuration.relationship(of: "b")).map(\.recovery.source) == [
        "/dev/vg0/c"
      ])
  }

  @Test("several recoveries want a choice: 32773; a disabled relationship is 32775")
  func several() throws {
    let second = Self.chain + "\n[[relationship]]\nname = \"ac\"\nprimary = \"a\"\nrecovery = \"c2\"\n"
    let text = second + "[[system]]\nname = \"c2\"\ndisk = [{ target = \"vda\", source = \"/dev/vg0/c2\" }]\n"
    let configuration = try ConfigurationFolder.read(text)
    #expect(value({ _ = try configuration.relationship(of: "a") }, "ab, ac") == .invalidParameter)
    #expect(try configuration.relationship(of: "a", named: "ac").recovery == "c2")
    #expect(value({ _ = try configuration.relationship(of: "a", named: "bc") }) == .invalidParameter)
    let disabled = Self.chain.replacing("name = \"ab\"", with: "name = \"ab\"\nenabled = false")
    let other = try ConfigurationFolder.read(disabled)
    #expect(value({ _ = try other.relationship(of: "a") }, "is disabled") == .invalidState)
  }

  private func pairs(_ text: String) throws -> [String] {
    let configuration = try ConfigurationFolder.read(text)
    return try configuration.pairs(of: configuration.relationships[0]).map {
      "\($0.primary.source) \($0.recovery.source)"
    }
  }

  @Test("serial numbers come before targets; what is said of a disk comes before both")
  func rules() throws {
    let bySerial = ["/dev/vg0/web01 /dev/vg1/web01", "/dev/vg0/web01-data /dev/vg1/web01-data"]
    #expect(try pairs(sampleConfiguration) == bySerial)
    let byTarget = ["/dev/vg0/web01 /dev/vg1/web01-data", "/dev/vg0/web01-data /dev/vg1/web01"]
    #expect(try pairs(sampleConfiguration + "\npair-by = [\"target\"]") == byTarget)
    #expect(try pairs(sampleConfiguration.replacing("serial = \"DATA\"", with: "wwn = \"5000\"")) == byTarget)
    let explicit = "\n[[relationship.disk]]\nprimary = \"vda\"\nrecovery = \"serial:DATA\"\n"
    // The other is paired by target, since no serial number is left that fits.
    #expect(try pairs(sampleConfiguration + explicit) == byTarget)
    let path = "\n[[relationship.disk]]\nprimary = \"/dev/vg0/web01\"\nrecovery = \"/dev/vg1/web01\"\n"
    #expect(try pairs(sampleConfiguration + path) == bySerial)
  }

  @Test("a disk that is not replicated takes no part, on either side")
  func excluded() throws {
    let rule = "\n[[relationship.disk]]\nprimary = \"vdb\"\nreplicate = false\n"
    #expect(try pairs(sampleConfiguration + rule) == ["/dev/vg0/web01 /dev/vg1/web01"])
    let both = rule + "[[relationship.disk]]\nprimary = \"vda\"\nreplicate = false\n"
    #expect(
      value({ _ = try pairs(sampleConfiguration + both) }, "no replication-enabled disk") == .invalidParameter
    )
  }

  @Test("a disk that is left over, on either side, is never paired by order: 32773, with what to write")
  func leftOver() throws {
    let more = "[[system.disk]]\ntarget = \"vdc\"\nsource = \"/dev/vg1/more\"\n[[relationship]]"
    let recovery = sampleConfiguration.replacing("[[relationship]]", with: more)
    #expect(value({ _ = try pairs(recovery) }, "'web01-replica': vdc") == .invalidParameter)
    let primary = sampleConfiguration.replacing(
      "[[system]]\nname = \"web01-replica\"",
      with:
        "[[system.disk]]\ntarget = \"vdc\"\nsource = \"/dev/vg0/more\"\n[[system]]\nname = \"web01-replica\"")
    #expect(value({ _ = try pairs(primary) }, "config suggest web01 web01-replica") == .invalidParameter)
    // Twice the same serial number says nothing.
    let twice = sampleConfiguration.replacing("serial = \"DATA\"", with: "serial = \"ROOT\"")
    #expect(try pairs(twice) == ["/dev/vg0/web01 /dev/vg1/web01-data", "/dev/vg0/web01-data /dev/vg1/web01"])
    #expect(value({ _ = try pairs(twice + "\npair-by = [\"serial\"]") }) == .invalidParameter)
  }

  @Test("rules that name no disk, two disks, or one disk twice: 32773")
  func badRules() throws {
    for (rule, words) in [
      ("primary = \"vdz\"\nrecovery = \"vda\"", "0 disks of 'web01'"),
      ("primary = \"vda\"\nrecovery = \"serial:none\"", "0 disks of 'web01-replica'"),
      ("primary = \"vda\"\nrecovery = \"vda\"\n[[relationship.disk]]\nprimary = \"vda\"", "named twice"),
      (
        "primary = \"vda\"\nrecovery = \"vda\"\n[[relationship.disk]]\nprimary = \"vdb\"\nrecovery = \"vda\"",
        "mirrors"
      ),
    ] {
      let text = sampleConfiguration + "\n[[relationship.disk]]\n" + rule
      #expect(value({ _ = try pairs(text) }, words) == .invalidParameter, "\(rule)")
    }
  }

  @Test("what is suggested can be pasted, and pairs the disks; what cannot be paired says so")
  func suggestions() throws {
    let end = try #require(sampleConfiguration.firstRange(of: "[[relationship]]")?.lowerBound)
    let systems = String(sampleConfiguration[..<end])
    let configuration = try ConfigurationFolder.read(systems)
    let suggestion = try configuration.suggestion(primary: "web01", recovery: "web01-replica")
    #expect(
      try pairs(systems + suggestion) == [
        "/dev/vg0/web01 /dev/vg1/web01", "/dev/vg0/web01-data /dev/vg1/web01-data",
      ])
    let odd = systems + "[[system]]\nname = \"odd\"\ndisk = [{ target = \"sda\", source = \"/dev/odd\" }]\n"
    let other = try ConfigurationFolder.read(odd).suggestion(primary: "web01", recovery: "odd")
    #expect(
      other.contains("# Those of odd: sda (/dev/odd)") && other.contains("primary = \"vda\""), "\(other)")
    #expect(
      value({ _ = try configuration.suggestion(primary: "web01", recovery: "web01") }) == .invalidParameter)
  }

  @Test("what holds for a relationship is its own, else the defaults', each with its place")
  func settings() throws {
    let configuration = try ConfigurationFolder.read(sampleConfiguration + "\nmax-difference = \"61 GiB\"\n")
    let settings = configuration.settings(of: configuration.relationships[0])
    #expect(settings.writeBack == .inPlace && settings.maxDifference == .bytes(61 << 30))
    #expect(settings.stallTimeout == TimeSpan(seconds: 300) && settings.verifies == nil)
    let text = try configuration.text(of: configuration.relationships[0])
    for line in [
      "max-difference  61 GiB  (", "stall-timeout   5min  (", "source          as the command decides  (not",
    ] {
      #expect(text.contains(line), "\(text)")
    }
  }
}
