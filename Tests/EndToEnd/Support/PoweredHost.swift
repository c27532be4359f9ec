import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// A host whose power may fail: an ext4 on a fault disk, for state directory and staging files.
///
/// It is mounted for the programs only that are started ``inside``, and goes with the process that holds the mount.
struct PoweredHost: ~Copyable {
  let disk: FaultDisk
  private let directory: String
  private var mount: Mount?

  /// With an empty file system, as durable as can be.
  init() throws {
    // A staged run leaves 2 GiB free. It takes memory for what is written only.
    let disk = try FaultDisk([], size: 3 << 30)
    try tool(
      "mkfs.ext4", "-q", "-F", "-N", "256", "-e", "remount-ro", "-J", "size=4", "-E",
      "nodiscard,lazy_itable_init=0,lazy_journal_init=0", disk.node)
    try disk.tell("settle")
    let directory = Place.ours("host")
    let mount = Optional(try Mount(disk.anotherLoop(), at: directory))
    // All that can throw comes first: a half-made noncopyable value cannot be destroyed.
    self.disk = disk
    self.directory = directory
    self.mount = mount
  }

  /// Where state and staging files lie, for programs inside.
  var state: String { "\(directory)/state" }

  /// What starts a program on this host.
  var inside: [String] {
    switch mount {
    case .some(let mount): ["nsenter", "--mount=/proc/\(mount.holder.id)/ns/mnt", "--"]
    case .none: preconditionFailure("it is up")
    }
  }

  /// The only relationship's state; `none` where there is no record.
  func consistency() throws -> String {
    let ended = try Child(
      inside + ["bash", "-c", #"shopt -s nullglob; cat -- "$1"/states/*.json </dev/null"#, "bash", state]
    )
    .wait()
    try #require(ended.status == 0, "\(ended)")
    return try ended.output.isEmpty
      ? "none" : JSONValue(parsing: ended.output)["Consistency"]["State"].text ?? "none"
  }

  /// How many staging files there are.
  func stagedFiles() throws -> Int {
    let ended = try Child(inside + ["find", "\(state)/staging", "-type", "f"]).wait()
    return ended.output.split(separator: "\n").count
  }

  /// After ``FaultDisk/powerDown(_:)``, when every process inside has ended: forgets what was in memory, then mounts
  /// again, which replays the journal.
  mutating func restart() throws {
    try mount.take()?.end()
    try disk.powerUp()
    mount = try Mount(disk.anotherLoop(), at: directory)
  }

  /// Makes the file system read-only, as an error of its disk does.
  func makeReadOnly() throws {
    try tool("bash", "-c", #"echo test >"/sys/fs/ext4/$1/trigger_fs_error""#, "bash", mountedLoop)
  }

  private var mountedLoop: String {
    switch mount {
    case .some(let mount): mount.loop
    case .none: preconditionFailure("it is up")
    }
  }
}

/// A mounted loop, and the process that holds the mount.
private struct Mount: ~Copyable {
  let holder: Child
  let loop: String
  /// The loop's disk sequence number: another attachment has another one.
  private let sequence: String

  init(_ loop: borrowing NamedLoop, at directory: String) throws {
    let sequence = try Self.sequence(of: loop.name)
    let holder = try Child.mounting(loop.node, at: directory)
    self.holder = holder
    self.loop = loop.name
    self.sequence = sequence
    // The mount alone holds the loop from here on.
  }

  private static func sequence(of loop: String) throws -> String {
    try readText(FilePath("/sys/block/\(loop)/diskseq"))
  }

  /// Ends it, and waits until the kernel has let the device go.
  consuming func end() throws {
    let (loop, sequence) = (loop, sequence)
    Self.kill(self.holder)
    let isGone = eventually(within: 20) { (try? Self.sequence(of: loop)) != sequence }
    try #require(isGone, "\(loop) is still mounted")
  }

  /// A child is killed, and waited for, where it is let go.
  private static func kill(_ holder: consuming Child) {}
}
