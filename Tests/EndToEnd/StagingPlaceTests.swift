import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("--staging-dir", .ownPlace, .tags(.devices, .slow)) struct StagingPlaceTests {
  /// A directory for staging files, and what lies in it.
  private struct StagingPlace {
    let path = Place.ours("room")
    var options: [String] { ["--staging-dir", path] }
    var files: [String] { (try? directoryNames(FilePath("\(path)/vmresync"))) ?? [] }
  }

  private func leaveApplying(_ pair: borrowing TestPair, _ state: StateDirectory, _ options: [String]) throws
  {
    let words = Operation.resync.words(pair.primary, pair.recovery, state.options + options)
    let ended = try Command.start(words, through: killing("fsync", 2, on: "\(state.path)/states")).wait()
    #expect(ended.wasKilled, "\(ended)")
    #expect(try state.states() == ["Applying"])
  }

  @Test("is where differences wait; repair finds them by the record, and runs without the option too")
  func elsewhere() throws {
    let state = try StateDirectory()
    let place = StagingPlace()
    let pair = try TestPair(differing: .images)
    try leaveApplying(pair, state, place.options)
    #expect(place.files.count == 1)
    #expect(try state.staged() == [])
    #expect(try FileStatus(at: FilePath("\(place.path)/vmresync"), followingLink: false).permissions == 0o700)
    expect(try state.repair(pair.recovery), 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
    #expect(place.files == [])

    try pair.recoveryImage.write([7], at: 9000)
    try leaveApplying(pair, state, place.options)
    expect(try state.resync(pair.primary, pair.recovery), 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
    #expect(place.files == [])
    try state.expect("Consistent")
  }

  @Test("may be shared: what another state directory keeps there is not swept, what is ours is")
  func shared() throws {
    let place = StagingPlace()
    let mine = try StateDirectory("mine")
    let theirs = try StateDirectory("theirs")
    let pair = try TestPair(differing: .images)
    let other = try TestPair(differing: .loops, name: "other")
    try leaveApplying(other, theirs, place.options)
    let kept = place.files
    expect(try mine.resync(pair.primary, pair.recovery, place.options), 0)
    #expect(place.files == kept)
    // What a killed run of ours left after its end is known by its header.
    try pair.recoveryImage.write([7], at: 9000)
    try leaveApplying(pair, mine, place.options)
    let left = try #require(place.files.first { $0 != kept[0] })
    try tool("cp", "\(place.path)/vmresync/\(left)", Place.ours("copy"))
    expect(try mine.repair(pair.recovery), 0)
    try tool("cp", Place.ours("copy"), "\(place.path)/vmresync/\(left)")
    #expect(place.files.count == 2)
    expect(try mine.resync(pair.primary, pair.recovery, place.options), 0)
    #expect(place.files == kept)
    expect(try theirs.repair(other.recovery), 0)
    #expect(areEqual(try other.recoveryImage.bytes(), try other.primaryImage.bytes()))
  }

  @Test("that a reboot takes away is 32773, that others may write 32769, that has no parent 32779")
  func refused() throws {
    let pair = try TestPair(differing: .images)
    let place = Place.ours("ram")
    try tool("mkdir", place)
    let script = #"mount -t tmpfs -o mode=0700 none "$1" && shift && exec "$@""#
    let volatile = try Command.json(
      .resync, pair.primary, pair.recovery, ["--staging-dir", place],
      through: ["unshare", "--mount", "--propagation", "private", "bash", "-c", script, "bash", place])
    expect(volatile, 32773)
    #expect(volatile.message.contains("--staging-dir"), "\(volatile)")
    try tool("chmod", "0777", place)
    expect(try Command.json(.resync, pair.primary, pair.recovery, ["--staging-dir", place]), 32769)
    let absent = try Command.json(
      .resync, pair.primary, pair.recovery, ["--staging-dir", Place.ours("no/such")])
    expect(absent, 32779)
    try pair.expectUntouched()
  }

  @Test(
    "on a terminal too many differences are a question, with the last runs' figures",
    arguments: [true, false])
  func asked(_ yes: Bool) throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: .images)
    expect(try state.resync(pair.primary, pair.recovery), 0)
    let old = randomBytes(1 << 20, seed: 77)
    try pair.recoveryImage.write(old, at: 0)
    let child = try ask(pair)
    let said = try child.said()
    #expect(said.contains("the last run found 0.39 %"), "\(said)")
    #expect(areEqual(try pair.recoveryImage.bytes(), old))
    try child.say(yes ? "y\n" : "n\n")
    let ended = try child.wait()
    #expect(ended.status == (yes ? 0 : 47), "\(ended)")
    #expect(areEqual(try pair.recoveryImage.bytes(), yes ? try pair.primaryImage.bytes() : old))
    try state.expect("Consistent")
  }

  @Test("a signal is no answer to that: what was compared is gone on with")
  func signalledWhenAsked() throws {
    let state = try StateDirectory()
    let bytes = randomBytes(1 << 20, seed: 7)
    let pair = try TestPair(bytes, randomBytes(1 << 20, seed: 77))
    let options = ["--chunk-size", "64K", "--checkpoint-every", "256K"]
    let child = try ask(pair, options)
    try child.say("\u{3}")
    let ended = try child.wait()
    #expect(ended.status == 21, "\(ended)")
    #expect(try state.states() == ["Resynchronizing"])
    let report = try state.resync(pair.primary, pair.recovery, options + ["--max-difference", "100%"])
    expect(report, 0)
    #expect(report.notes.contains("continued at 1 MiB of 1 MiB"), "\(report)")
    #expect(areEqual(try pair.recoveryImage.bytes(), bytes))
  }

  /// Starts a run of which more differs than it may, until it asks.
  private func ask(_ pair: borrowing TestPair, _ options: [String] = []) throws -> Child {
    let words = Command.remembering([
      "resync", "--yes", "--primary", pair.primary, "--recovery", pair.recovery, "--max-difference", "10%",
      "--progress", "none",
    ])
    let command = (["exec", Command.path] + words + options).joined(separator: " ")
    let child = try Child(["script", "--quiet", "--flush", "--return", "--command", command, "/dev/null"])
    try child.waitUntilItSays("Write all of it? [y/N]")
    return child
  }
}
