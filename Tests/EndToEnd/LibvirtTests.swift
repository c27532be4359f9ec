import Testing

@testable import DeviceResync

/// Issue 6: from a virtual machine's name to its disks, by libvirt's test driver.
@Suite("libvirt", .ownPlace, .tags(.devices)) struct LibvirtTests {
  typealias Domain = LibvirtHost.Domain

  private func run(
    _ words: [String], _ value: Int, status: Int32? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> Report {
    let report = try Report(Command.start(words).wait())
    expect(report, value, status: status, sourceLocation: sourceLocation)
    return report
  }

  private func expectEqual(_ pairs: borrowing TestPair) throws {
    try tool("cmp", pairs.primaryImage.path, pairs.recoveryImage.path)
  }

  @Test(
    "a machine's name leads to its disks, and to those of its recovery",
    arguments: ["web01", "libvirt:web01"])
  func byName(_ name: String) throws {
    let root = try TestPair(differing: .loops)
    let data = try TestPair(differing: .images, name: "2")
    let host = try LibvirtHost([
      Domain("web01", [root.primary, data.primary]), Domain("web01-replica", [root.recovery, data.recovery]),
    ])
    let config = try host.configuration(name, "web01-replica")
    let report = try run(["resync", "web01", "--json", "--yes"] + config, 0)
    #expect(report.json["Pairs"].array.count == 2, "\(report)")
    try expectEqual(root)
    try expectEqual(data)
  }

  @Test(
    "nothing is written to a disk of a machine that runs or has saved memory, named or not", arguments: 1...7)
  func states(_ state: Int) throws {
    let pair = try TestPair(differing: .loops)
    let host = try LibvirtHost([
      Domain("web01", [pair.primary]), Domain("replica", [pair.recovery], state: state),
    ])
    let config = try host.configuration("web01", "replica")
    let value = state == 5 ? 0 : 32775
    for words in [
      ["resync", "web01"] + config,
      ["resync", "--primary", pair.primary, "--recovery", pair.recovery, "--recovery-system", "replica"]
        + host.options,
    ] {
      let report = try run(words + ["--json", "--yes"], value)
      if value == 0 { break }
      #expect(report.description.contains("libvirt:replica, whose disk the recovery is, runs"), "\(report)")
      #expect(report.description.contains("turn it off"), "\(report)")
      try pair.expectUntouched()
    }
  }

  @Test("saved memory would go on with what it knew of its disk")
  func savedMemory() throws {
    let pair = try TestPair(differing: .loops)
    let host = try LibvirtHost([Domain("replica", [pair.recovery], hasSavedMemory: true)])
    let words = ["resync", "--json", "--yes", "--primary", pair.primary, "--recovery", pair.recovery]
    let report = try run(words + host.options, 32775)
    #expect(report.description.contains(" managedsave-remove replica"), "\(report)")
    try pair.expectUntouched()
    // A comparison hurts nobody.
    let compared = try run(
      ["compare", "--json", "--primary", pair.primary, "--recovery", pair.recovery] + host.options, 0,
      status: 1)
    #expect(compared.description.contains("saved memory"), "\(compared)")
  }

  @Test("a machine that is no recovery is written only where that was said")
  func stranger() throws {
    let pair = try TestPair(differing: .loops)
    let host = try LibvirtHost([Domain("web01", [pair.primary]), Domain("db01", [pair.recovery])])
    let words =
      ["resync", "--json", "--yes", "--primary", pair.primary, "--recovery", pair.recovery] + host.options
    let report = try run(words, 32775)
    #expect(report.description.contains("--recovery-system libvirt:db01"), "\(report)")
    _ = try run(words + ["--recovery-system", "web01"], 32775)
    try pair.expectUntouched()
    // Of a configured relationship it is the recovery, also where its disks are named themselves.
    let config = try host.configuration("web01", "db01")
    _ = try run(
      ["resync", "--json", "--yes", "--dry-run", "--primary", pair.primary, "--recovery", pair.recovery]
        + config, 0, status: 1)
    _ = try run(words + ["--recovery-system", "db01"], 0)
    try expectEqual(pair)
  }

  @Test("a rollback writes no disk of a machine that runs either")
  func rollback() throws {
    let pair = try TestPair(differing: .loops)
    let state = ["--state-dir", Place.ours("state")]
    _ = try run(
      [
        "resync", "--json", "--yes", "--primary", pair.primary, "--recovery", pair.recovery,
        "--recovery-point", "undo",
      ], 0)
    let words = ["rollback", pair.recovery, "--json", "--yes"] + state
    var host = try LibvirtHost([Domain("replica", [pair.recovery], state: 3)])
    let report = try run(words + host.options, 32775)
    #expect(report.message.contains("libvirt:replica"), "\(report)")
    try expectEqual(pair)
    // A run has written it before: it is nobody's by mistake.
    host = try LibvirtHost([Domain("replica", [pair.recovery])])
    _ = try run(words + host.options, 0)
    try pair.expectUntouched()
  }

  @Test(
    "what a machine's disks are built on is in use too, and what it is named for though its disks are a network's"
  )
  func indirectUse() throws {
    let pair = try TestPair(differing: .loops)
    var replica = Domain("replica", [], state: 1)
    replica.disks = [
      Domain.disk(
        "/overlay.qcow2", "vda",
        "<backingStore type='block'><format type='raw'/><source dev='\(pair.recovery)'/></backingStore>")
    ]
    var host = try LibvirtHost([replica])
    let words = ["resync", "--json", "--yes", "--primary", pair.primary, "--recovery", pair.recovery]
    let report = try run(words + host.options, 32775)
    #expect(report.description.contains("libvirt:replica"), "\(report)")
    // Attached as a device of the kernel, as the message for network disks says.
    replica.disks = ["<disk type='network'><source protocol='rbd' name='p/x'/><target dev='vda'/></disk>"]
    host = try LibvirtHost([replica])
    let config = try host.configuration(
      "web01", "replica",
      """
      [[system]]
      name = "web01"
      disk = [{ target = "vda", source = "\(pair.primary)" }]
      [[system]]
      name = "replica"
      disk = [{ target = "vda", source = "\(pair.recovery)" }]
      """)
    let named = try run(["resync", "web01", "--json", "--yes"] + config, 32775)
    #expect(named.description.contains("libvirt:replica"), "\(named)")
    try pair.expectUntouched()
  }

  @Test("a job that was ordered for disks that a machine has no more writes nothing")
  func moved() throws {
    let pair = try TestPair(differing: .loops)
    let elsewhere = try TestPair(differing: .loops, name: "2")
    let host = try LibvirtHost([Domain("web01", [pair.primary]), Domain("replica", [pair.recovery])])
    let config = try host.configuration("libvirt:web01", "replica")
    let state = ["--state-dir", Place.ours("state")]
    let ordered = try Report(
      Command.start(["resync", "web01", "--json", "--yes", "--at", "+3s"] + config).wait())
    #expect(ordered.value == 4096 && ordered.status == 0, "\(ordered)")
    _ = try LibvirtHost([Domain("web01", [elsewhere.primary]), Domain("replica", [pair.recovery])])
    let ended = try Report(Command.start(["job", "wait", "web01", "--json"] + state).wait(within: 60))
    #expect(ended.value == 32777, "\(ended)")
    try pair.expectUntouched()
  }

  @Test("a primary that runs has no point in time: it is read as it runs where that is asked for")
  func runningPrimary() throws {
    let pair = try TestPair(differing: .loops)
    let host = try LibvirtHost([
      Domain("web01", [pair.primary], state: 1), Domain("replica", [pair.recovery]),
    ])
    let words = ["resync", "web01", "--json", "--yes"] + (try host.configuration("web01", "replica"))
    let report = try run(words, 32775)
    #expect(report.description.contains("libvirt:web01, whose disk it is: libvirt says running"), "\(report)")
    try pair.expectUntouched()
    let fuzzy = try Report(Command.start(words + ["--source", "running"]).wait())
    #expect(fuzzy.value == 0 && fuzzy.status == 22, "\(fuzzy)")
  }

  @Test("what is no raw disk of this host is named, and never opened")
  func obstacles() throws {
    let pair = try TestPair(differing: .loops)
    let cases = [
      (
        "<disk type='network' device='disk'><source protocol='rbd' name='pool/x'/><target dev='vda'/></disk>",
        "network"
      ),
      (Domain.disk(pair.recovery, "vda").replacing("type='raw'", with: "type='qcow2'"), "qcow2"),
      (
        Domain.disk(
          pair.recovery, "vda",
          "<backingStore type='file'><format type='raw'/><source file='/b'/></backingStore>"),
        "another image"
      ),
    ]
    for (disk, reason) in cases {
      var replica = Domain("replica", [])
      replica.disks = [disk]
      let host = try LibvirtHost([Domain("web01", [pair.primary]), replica])
      let report = try run(
        ["resync", "web01", "--json", "--yes"] + (try host.configuration("web01", "replica")), 32770)
      #expect(report.message.contains(reason), "\(report)")
    }
    try pair.expectUntouched()
  }

  @Test("disks that take no part by themselves: CD-ROM drives, read-only and transient ones")
  func takesNoPart() throws {
    let pair = try TestPair(differing: .loops)
    let extra = try Image("extra", size: 1 << 20)
    var web = Domain("web01", [pair.primary])
    web.disks += [
      "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>",
      Domain.disk(extra.path, "vdb", "<transient/>"), Domain.disk(extra.path + "2", "vdc", "<readonly/>"),
    ]
    let host = try LibvirtHost([web, Domain("replica", [pair.recovery])])
    let report = try run(
      ["resync", "web01", "--json", "--yes"] + (try host.configuration("web01", "replica")), 0)
    #expect(report.json["Pairs"].array.count == 1, "\(report)")
    try expectEqual(pair)
  }

  @Test("suggest pairs two machines by serial numbers, whatever their order")
  func suggestion() throws {
    var (web, replica) = (Domain("web01", []), Domain("replica", []))
    web.disks = [
      Domain.disk("/dev/a", "vda", "<serial>ROOT</serial>"),
      Domain.disk("/dev/b", "vdb", "<serial>DATA</serial>"),
    ]
    replica.disks = [
      Domain.disk("/dev/c", "sda", "<serial>DATA</serial>"),
      Domain.disk("/dev/d", "sdb", "<serial>ROOT</serial>"),
    ]
    let host = try LibvirtHost([web, replica])
    let config = try host.configuration("web01", "replica")
    let ended = try Command.start(["config", "suggest", "web01", "replica"] + config).wait()
    #expect(ended.status == 0, "\(ended)")
    #expect(ended.output.contains("primary = \"vda\"\nrecovery = \"sdb\""), "\(ended)")
    #expect(ended.output.contains("primary = \"vdb\"\nrecovery = \"sda\""), "\(ended)")
  }

  @Test("names with what shells and XML take for something else")
  func hostileNames() throws {
    let pair = try TestPair(differing: .loops)
    let name = "a b'&\"$(x);-é"
    let host = try LibvirtHost([Domain(name, [pair.recovery], state: 1)])
    let words = ["resync", "--json", "--yes", "--primary", pair.primary, "--recovery", pair.recovery]
    let report = try run(words + host.options, 32775)
    #expect(report.description.contains("libvirt:a b'&"), "\(report)")
    try pair.expectUntouched()
  }

  @Test("a name that nobody knows, and one that may be known where nobody answers")
  func unknown() throws {
    let pair = try TestPair(differing: .loops)
    let host = try LibvirtHost([Domain("web01", [pair.primary])])
    var config = try host.configuration("web01", "nobody")
    _ = try run(["resync", "web01", "--json", "--yes"] + config, 32777)
    let silent = "test://" + Place.ours("no such file")
    _ = try Image(
      "silent.toml",
      Array(
        """
        version = 1
        libvirt.uris = ["\(silent)"]
        [[relationship]]
        name = "web"
        primary = "web01"
        recovery = "nobody"
        """.utf8))
    config = ["--config", Place.ours("silent.toml")]
    let report = try run(["resync", "web01", "--json", "--yes"] + config, 32771)
    #expect(report.message.contains(silent), "\(report)")
    // What it knows nobody else does: its machines may use any disk.
    let words = ["resync", "--json", "--yes", "--primary", pair.primary, "--recovery", pair.recovery]
    let explicit = try run(words + ["--libvirt", silent], 32771)
    #expect(explicit.description.contains(silent), "\(explicit)")
    try pair.expectUntouched()
  }
}
