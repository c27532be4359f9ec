import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// Two pairs of images on a file system of their own, mounted for the programs only that are started inside.
struct ClonedPair: ~Copyable {
  let state: StateDirectory
  let loop: NamedLoop
  let mount: Child
  let directory = Place.ours("images")
  let new = randomBytes((2 << 20) + 511, seed: 41)
  let old: [UInt8]

  init(_ kind: String, _ options: [String] = []) throws {
    let state = try StateDirectory()
    let device = try Image("device", size: 400 << 20)
    let made = try Child(["mkfs.\(kind)"] + options + (kind == "ext4" ? ["-q"] : []) + [device.path]).wait()
    try #require(made.status == 0, "\(made)")
    let loop = try NamedLoop(device.path)
    let mount = try Child.mounting(loop.node, at: Place.ours("images"))
    // All that can throw comes first: a half-made noncopyable value cannot be destroyed.
    self.state = state
    self.loop = loop
    self.mount = mount
    var old = new
    for place in stride(from: 5000, to: old.count, by: 200_000) { old[place] ^= 1 }
    for place in 1 << 20..<(1 << 20) + 200_000 { old[place] = 0 }
    self.old = old
  }

  /// Gives all images what they are to hold first; the recoveries keep their inodes.
  func fill() throws {
    for name in ["p1", "p2", "r1", "r2"] {
      let path = seen(name)
      if access(path, F_OK) != 0 { try tool("install", "-m", "0600", "/dev/null", path) }
      try write(name.hasPrefix("p") ? new : old, at: 0, of: name)
    }
    // The last image has a hole.
    try tool("fallocate", "--punch-hole", "--offset=1048576", "--length=196608", seen("r2"))
  }

  /// A file, from outside.
  func seen(_ name: String) -> String { "/proc/\(mount.id)/root\(directory)/\(name)" }

  private func open(_ name: String, _ flags: OpenFlags) throws -> OwnedDescriptor {
    try OwnedDescriptor(opening: FilePath(seen(name)), flags, followingLinks: true)
  }

  func write(_ bytes: [UInt8], at offset: UInt64, of name: String) throws {
    try open(name, .readWrite).write(bytes, at: offset)
  }

  func nextData(from offset: UInt64, of name: String) throws -> UInt64? {
    try open(name, .readOnly).nextData(from: offset)
  }

  func path(_ name: String) -> String { "\(directory)/\(name)" }

  var inside: [String] { ["nsenter", "--mount=/proc/\(mount.id)/ns/mnt", "--"] }

  func words(_ options: [String]) -> [String] {
    ["resync", "--json", "--yes", "--state-dir", state.path]
      + [1, 2].flatMap { ["--primary", path("p\($0)"), "--recovery", path("r\($0)")] } + options
  }

  func resync(_ options: [String] = ["--recovery-point", "snapshot"]) throws -> Report {
    try Report(Command.start(words(options), through: inside).wait())
  }

  var rollbackWords: [String] {
    ["rollback", "--json", "--yes", "--state-dir", state.path, path("r1")]
  }

  func rollback(_ options: [String] = []) throws -> Report {
    try Report(Command.start(rollbackWords + options, through: inside).wait())
  }

  func repair() throws -> Report {
    let words = ["repair", "--json", "--state-dir", state.path, path("r1")]
    return try Report(Command.start(words, through: inside).wait())
  }

  func holds(_ bytes: [UInt8]) throws -> Bool {
    try ["r1", "r2"].allSatisfy { name in
      let file = try open(name, .readOnly)
      return areEqual(try file.read(Int(try FileStatus(of: file).size), at: 0), bytes)
    }
  }

  /// What lies beside the images.
  func clones() throws -> [String] {
    let listed = try Child(["ls", "-A", seen("")]).wait().output
    return listed.split(separator: "\n").map(String.init).filter { $0.hasPrefix(".vmresync") }.sorted()
  }

  func consistency() throws -> String? { try state.states().first }
}
