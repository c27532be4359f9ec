import Testing

@testable import DeviceResync

/// A file system of its own that has room for 2 MiB of staged differences, beside the 2 GiB that stay free.
struct SmallPlace: ~Copyable {
  /// Where it is mounted, for those inside only.
  let path: String
  private let loop: NamedLoop
  private let holder: Child

  private init(mounting: Void) throws {
    let path = Place.ours("small")
    let disk = try Image("disk", size: 2200 << 20)
    try tool("mkfs.ext4", "-q", "-m", "0", "-N", "256", "-J", "size=4", disk.path)
    let loop = try NamedLoop(disk.path)
    let holder = try Child.mounting(loop.node, at: path)
    // All that can throw comes first: a half-made noncopyable value cannot be destroyed.
    self.path = path
    self.loop = loop
    self.holder = holder
  }

  static func make() throws -> SmallPlace {
    let small = try SmallPlace(mounting: ())
    try small.fill()
    return small
  }

  /// The command that starts its arguments where it is mounted.
  var inside: [String] { ["nsenter", "--mount=/proc/\(holder.id)/ns/mnt", "--"] }

  /// What a run says that stages there.
  var options: [String] { ["--staging-dir", path] }

  private func fill() throws {
    let filling = #"""
      read -r blocks size < <(stat --file-system --format='%a %S' "$1") &&
        fallocate --length $((blocks * size - (2 << 30) - (2 << 20))) "$1/full"
      """#
    let filled = try Child(inside + ["bash", "-c", filling, "bash", path]).wait()
    try #require(filled.status == 0, "\(filled)")
  }
}
