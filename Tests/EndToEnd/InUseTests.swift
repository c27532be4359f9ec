import SystemPackage
import Testing

@testable import DeviceResync

@Suite("a recovery in use is 32774", .ownPlace, .tags(.devices, .slow)) struct InUseTests {
  /// Expects 32774 of a plan and a resync, nothing written, and that a compare still goes on.
  private func expectInUse(
    _ primary: Image, _ recovery: String, _ guardName: String, naming words: [String],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for operation in [Operation.plan, .resync] {
      let report = try Command.json(operation, primary.path, recovery)
      expect(report, 32774, sourceLocation: sourceLocation)
      let verdict = report.verdict(guardName)
      #expect(verdict["ReturnValue"].int == 32774, "\(report)", sourceLocation: sourceLocation)
      let evidence = report.evidence(guardName)
      for word in words { #expect(evidence.contains(word), "\(evidence)", sourceLocation: sourceLocation) }
      #expect(report["BytesWritten"].int == 0, sourceLocation: sourceLocation)
    }
    let compared = try Command.json(.compare, primary.path, recovery)
    #expect(compared.value == 0, "\(compared)", sourceLocation: sourceLocation)
    #expect(compared.pair()["PointInTime"].bool == false || compared.verdict(guardName) != .missing)
  }

  @Test(
    "mounted: ext4, XFS, btrfs; the loop, its image, and in another mount namespace",
    arguments: ["ext4", "xfs", "btrfs"])
  func mounted(_ type: String) throws {
    let size: UInt64 = type == "xfs" ? 320 << 20 : 128 << 20
    let primary = try Image("primary", size: size)
    try primary.write([1], at: 0)
    let image = try Image("recovery", size: size)
    let loop = try NamedLoop(image.path)
    try tool("mkfs.\(type)", "-q", loop.node)
    let mount = try Child.mounting(loop.node, at: Place.ours("mnt"))
    try expectInUse(primary, loop.node, "mounts", naming: [loop.name, Place.ours("mnt")])
    try expectInUse(primary, image.path, "mounts", naming: [loop.name, Place.ours("mnt")])
    _ = mount.id
  }

  @Test("a mounted partition: the whole disk is in use, another partition is not")
  func partition() throws {
    let image = try Image("recovery", size: 128 << 20)
    var loop = try NamedLoop(image.path)
    let one = try loop.addPartition(1, start: 1 << 20, length: 64 << 20)
    let two = try loop.addPartition(2, start: 80 << 20, length: 16 << 20)
    try tool("mkfs.ext4", "-q", one)
    let mount = try Child.mounting(one, at: Place.ours("mnt"))
    let whole = try Image("whole", size: 128 << 20)
    try expectInUse(whole, loop.node, "mounts", naming: ["\(loop.name)p1"])
    let part = try Image("part", size: 16 << 20)
    try part.write(randomBytes(4096, seed: 4), at: 0)
    let report = try Command.json(.resync, part.path, two)
    expect(report, 0)
    #expect(report["BytesWritten"].int == 4096)
    _ = mount.id
  }

  @Test("swap, on a device and in a file")
  func swap() throws {
    let primary = try Image("primary", size: 16 << 20)
    try primary.write([1], at: 0)
    let file = try Image("swapfile", [UInt8](repeating: 0, count: 16 << 20))
    let image = try Image("recovery", size: 16 << 20)
    let loop = try NamedLoop(image.path)
    // swapoff at the end of the process, whatever happens to the test.
    for area in [file.path, loop.node] {
      try tool("mkswap", "-q", area)
      let script = #"trap 'swapoff "$1"' EXIT; swapon "$1" && echo ready && { read -r || :; }"#
      let user = try Child(["bash", "-c", script, "bash", area])
      try user.waitUntilItSays("ready")
      try expectInUse(primary, area, "swap", naming: [area])
      user.endInput()
      let ended = try user.wait()
      #expect(ended.status == 0)
    }
  }

  @Test("open for writing by a process, which is named; for reading it is not in use")
  func opener() throws {
    let primary = try Image("primary", size: 1 << 20)
    let image = try Image("recovery", size: 1 << 20)
    do {
      let writer = try Child.holding(image.path)
      try expectInUse(primary, image.path, "processes", naming: ["pid \(writer.id) (bash)", "for writing"])
    }
    let loop = try NamedLoop(image.path)
    do {
      let writer = try Child.holding(loop.node)
      try expectInUse(primary, loop.node, "processes", naming: ["pid \(writer.id) (bash)", loop.node])
    }
    let reader = try Child.holding(loop.node, "<")
    expect(try Command.json(.resync, primary.path, loop.node), 0)
    _ = reader.id
  }

  @Test("open through a node of the process's own, as libvirt makes them")
  func alias() throws {
    let primary = try Image("primary", size: 1 << 20)
    let image = try Image("recovery", size: 1 << 20)
    let loop = try NamedLoop(image.path)
    let alias = Place.ours("alias")
    try tool("mknod", alias, "b", "7", "\(loop.number)")
    let writer = try Child.holding(alias)
    try expectInUse(primary, loop.node, "processes", naming: ["pid \(writer.id) (bash)"])
  }

  @Test("mapped into memory, shared and writable, with its descriptor closed")
  func mapping() throws {
    let primary = try Image("primary", size: 1 << 20)
    let image = try Image("recovery", size: 1 << 20)
    let loop = try NamedLoop(image.path)
    let script = """
      import mmap, os, sys
      file = os.open(sys.argv[1], os.O_RDWR)
      memory = mmap.mmap(file, 4096)
      os.close(file)
      print("ready", flush=True)
      sys.stdin.read()
      """
    let python = try Child(["python3", "-c", script, loop.node])
    try python.waitUntilItSays("ready")
    try expectInUse(primary, loop.node, "processes", naming: ["pid \(python.id) (python3)"])
  }

  @Test("another loop leads to the image, read-write; a read-only one is no use")
  func secondLoop() throws {
    let primary = try Image("primary", size: 1 << 20)
    let image = try Image("recovery", size: 1 << 20)
    do {
      let loop = try NamedLoop(image.path)
      let other = try NamedLoop(image.path)
      try expectInUse(primary, loop.node, "loops", naming: [other.node])
    }
    let offset = try NamedLoop(image.path, offset: 4096)
    try expectInUse(primary, image.path, "loops", naming: [offset.node])
  }

  @Test("a read-only loop over the image is no use")
  func readOnlyLoop() throws {
    let primary = try Image("primary", size: 1 << 20)
    let image = try Image("recovery", size: 1 << 20)
    let other = try NamedLoop(image.path, readOnly: true)
    expect(try Command.json(.resync, primary.path, image.path), 0)
    _ = other.node
  }
}
