import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("what is not there, or no disk", .ownPlace, .tags(.devices, .slow)) struct NoDiskTests {
  @Test("an absent path is 32779, and no file is made for it", arguments: Operation.allCases)
  func absent(_ operation: Operation) throws {
    let image = try Image("disk", size: 1 << 20)
    for path in [
      Place.ours("nothing"), Place.ours("no/where"), "/dev/vmresync-absent", "\(image.path)/below",
    ] {
      expect(try Command.json(operation, image.path, path), 32779)
      expect(try Command.json(operation, path, image.path), 32779)
      #expect(access(path, F_OK) != 0, "\(path) was made")
    }
    #expect(try Command.run("devices", "/dev/vmresync-absent").status == 51)
  }

  @Test("directories, FIFOs and character devices are 32776", arguments: Operation.allCases)
  func wrongKind(_ operation: Operation) throws {
    let image = try Image("disk", size: 1 << 20)
    try tool("mkfifo", Place.ours("fifo"))
    for path in [Place.ours.path, Place.ours("fifo"), "/dev/null", "/dev/zero"] {
      expect(try Command.json(operation, image.path, path), 32776)
      expect(try Command.json(operation, path, image.path), 32776)
    }
    #expect(try Command.run("devices", "/dev/null").status == 48)
  }

  @Test("a node without a device is 32777; so is a loop with nothing attached", arguments: Operation.allCases)
  func noDevice(_ operation: Operation) throws {
    let image = try Image("disk", size: 1 << 20)
    let node = Place.ours("node")
    // Majors from 240 to 254 are for local use; nobody has this minor.
    try tool("mknod", node, "b", "250", "77")
    // The kernel hands out the lowest free loop: the last one is nobody's.
    let loops = try directoryNames("/sys/block").filter { $0.hasPrefix("loop") }.sorted { $0.isBefore($1) }
    let idle = try #require(loops.last { access("/sys/block/\($0)/loop", F_OK) != 0 })
    for path in [node, "/dev/\(idle)"] {
      expect(try Command.json(operation, image.path, path), 32777)
      expect(try Command.json(operation, path, image.path), 32777)
    }
  }

  @Test("a disk of no bytes is 32777", arguments: [Side.primary, .recovery])
  func empty(_ side: Side) throws {
    let image = try Image("disk", size: 1 << 20)
    let empty = try Image("empty", size: 0)
    let report = try Command.json(
      .resync, side == .primary ? empty.path : image.path, side == .primary ? image.path : empty.path)
    expect(report, 32777)
  }
}
