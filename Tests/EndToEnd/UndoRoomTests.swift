import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("room for old bytes", .ownPlace, .tags(.devices, .slow)) struct UndoRoomTests {
  @Test(
    "room for the staging file, and not for the undo file too: 32768 with the sum of both, nothing written")
  func undoOnly() throws {
    let state = try StateDirectory()
    let bytes = randomBytes(32 << 20, seed: 51)
    let pair = try TestPair(bytes, bytes.map { ~$0 })
    // What both come to, where there is room: each block has its bytes and its digests in either.
    let device = try Image("device", size: 3 << 30)
    try tool("mkfs.ext4", "-q", "-m", "0", device.path)
    let loop = try NamedLoop(device.path)
    let mount = try Child.mounting(loop.node, at: Place.ours("room"))
    let inside = ["nsenter", "--mount=/proc/\(mount.id)/ns/mnt", "--"]
    let options = ["--staging-dir", Place.ours("room"), "--max-difference", "100%"]
    func run(_ more: [String]) throws -> Report {
      try state.resync(pair.primary, pair.recovery, options + more, through: inside)
    }
    // The larger of 2 GiB and 10 % stays free: 48 MiB more are left here.
    let fill = #"free=$(stat -f -c '%a * %S' "$0"); fallocate -l $((free - (2048 + 48) * 1048576)) "$0/fill""#
    let filled = try Child(inside + ["bash", "-c", fill, Place.ours("room")]).wait()
    try #require(filled.status == 0, "\(filled)")
    let report = try run(["--recovery-point", "undo"])
    expect(report, 32768)
    let said = try #require(report.message.firstMatch(of: #/the undo file need ([0-9]+) bytes/#), "\(report)")
    let needed = try #require(UInt64(said.1))
    #expect(needed > 64 << 20 && needed < 68 << 20)
    #expect(areEqual(try pair.recoveryImage.bytes(), bytes.map { ~$0 }))
    #expect(try state.states() == ["Never"])

    // Without it there is room; and with room for both, both come to what was said, less what is removed at the end.
    expect(try run([]), 0)
    try pair.recoveryImage.write(bytes.map { ~$0 }, at: 0)
    let emptied = try Child(inside + ["rm", Place.ours("room/fill")]).wait()
    try #require(emptied.status == 0, "\(emptied)")
    expect(try run(["--recovery-point", "undo"]), 0)
    let undo = try Child(inside + ["bash", "-c", #"stat -c %s "$0"/vmresync/*"#, Place.ours("room")]).wait()
    // Everything differs in both: the two files have one size.
    #expect(UInt64(undo.output.dropLast()).map { $0 * 2 } == needed, "\(undo), \(needed)")
  }

  @Test(
    "in place the undo file alone needs room: 32768 with its exact size, nothing written; half of both is enough"
  )
  func inPlaceOnly() throws {
    let state = try StateDirectory()
    let bytes = randomBytes(32 << 20, seed: 52)
    let old = bytes.map { ~$0 }
    let pair = try TestPair(bytes, old)
    let device = try Image("device", size: 3 << 30)
    try tool("mkfs.ext4", "-q", "-m", "0", device.path)
    let loop = try NamedLoop(device.path)
    let mount = try Child.mounting(loop.node, at: Place.ours("room"))
    let inside = ["nsenter", "--mount=/proc/\(mount.id)/ns/mnt", "--"]
    func leave(_ size: Int) throws {
      let fill =
        #"rm -f "$0/fill"; free=$(stat -f -c '%a * %S' "$0"); fallocate -l $((free - (2048 + $1) * 1048576)) "$0/fill""#
      let filled = try Child(inside + ["bash", "-c", fill, Place.ours("room"), "\(size)"]).wait()
      try #require(filled.status == 0, "\(filled)")
    }
    func run() throws -> Report {
      try state.undoInPlace(
        [(pair.primary, pair.recovery)], ["--staging-dir", Place.ours("room"), "--max-difference", "100%"],
        through: inside)
    }
    try leave(16)
    let report = try run()
    expect(report, 32768)
    let said = try #require(
      report.message.firstMatch(of: #/the undo file needs ([0-9]+) bytes/#), "\(report)")
    #expect(areEqual(try pair.recoveryImage.bytes(), old))
    try state.expect("Never")
    // Not enough for a staging file beside it.
    try leave(48)
    expect(try run(), 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), bytes))
    let undo = try Child(inside + ["bash", "-c", #"stat -c %s "$0"/vmresync/*"#, Place.ours("room")]).wait()
    #expect(undo.output == "\(said.1)\n", "\(undo), \(report)")
    expect(
      try Report(Command.start(state.rollbackWords([pair.recovery]), through: inside).wait()), 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), old))
  }
}
