import SystemPackage
import Testing

@testable import DeviceResync

/// PITFALLS E7 and issue 4: little memory, little room, and a state directory that is lost on the way.
@Suite("what there is too little of", .ownPlace, .tags(.devices, .slow)) struct ScarcityTests {
  /// A shell that starts its arguments in a new control group of at most 64 MiB; of either version.
  ///
  /// The last line on standard error is how often the group came to its limit.
  private static let smallGroup = #"""
    shopt -s nullglob
    for root in /sys/fs/cgroup /sys/fs/cgroup/{unified,memory}; do
      group=$root/vmresync-test.$$
      [[ $root == */memory || " $(cat "$root/cgroup.subtree_control") " == *" memory "* ]] 2>/dev/null || continue
      mkdir "$group" && break
    done
    trap 'until rmdir "$group"; do sleep 0.01; done 2>/dev/null' EXIT
    if [[ -e $group/memory.max ]]; then
      echo 64M >"$group/memory.max" && echo 0 >"$group/memory.swap.max"
    else
      echo 64M >"$group/memory.limit_in_bytes"
    fi || exit
    (echo "$BASHPID" >"$group/cgroup.procs" && exec "$@")
    status=$?
    cat "$group"/memory.{events,oom_control} 2>/dev/null |
      awk '$1 == "oom_kill" { print "killed for want of memory: " $2 }' >&2
    exit "$status"
    """#

  @Test("64 MiB are enough for disks of any size, staged and in place", arguments: ["staged", "in-place"])
  func memory(_ mode: String) throws {
    let state = try StateDirectory()
    let size: UInt64 = 128 << 20
    let primary = try Image("primary", size: size)
    let recovery = try Image("recovery", size: size)
    let bytes = randomBytes(1 << 20, seed: 2)
    for place in stride(from: 0, to: size, by: 2 << 20) { try primary.write(bytes, at: place) }
    let words = Operation.resync.words(
      primary.path, recovery.path, ["--full", "--write-back", mode, "--state-dir", state.path])
    let report = try Report(Command.start(words, through: ["bash", "-c", Self.smallGroup, "bash"]).wait())
    expect(report, 0)
    #expect(report["BytesWritten"].int == 64 << 20)
    #expect(report.ended.error.contains("killed for want of memory: 0"), "\(report)")
    try tool("cmp", primary.path, recovery.path)
  }

  @Test(
    "root without the right to lock memory: buffers are not registered, and the run goes through",
    arguments: ["staged", "in-place"])
  func lockedMemory(_ mode: String) throws {
    let state = try StateDirectory()
    let pair = try TestPair(differing: .loops)
    let trace = Place.ours("trace")
    let report = try Command.json(
      .resync, pair.primary, pair.recovery, ["--write-back", mode, "--state-dir", state.path],
      through: [
        "prlimit", "--memlock=65536", "setpriv", "--bounding-set", "-ipc_lock", "--inh-caps", "-ipc_lock",
        "strace",
        "-f", "-o", trace, "-e", "trace=io_uring_register",
      ])
    expect(report, 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), try pair.primaryImage.bytes()))
    let calls = try OwnedDescriptor(opening: FilePath(trace), .readOnly).readText()
    #expect(calls.contains("IORING_REGISTER_BUFFERS") && calls.contains("ENOMEM"), "\(calls)")
  }

  @Test("a full staging disk: 32768 with the size that the file would have, to the byte; then elsewhere")
  func stagingRoom() throws {
    let state = try StateDirectory()
    let bytes = randomBytes(4 << 20, seed: 1)
    let pair = try TestPair(bytes, bytes.map { ~$0 })
    let small = try SmallPlace.make()
    let report = try state.resync(pair.primary, pair.recovery, small.options, through: small.inside)
    expect(report, 32768)
    #expect(report.pair()["Errors"][0]["Errno"].text == "ENOSPC", "\(report)")
    #expect(report["BytesWritten"].int == 0)
    #expect(report["BytesDifferent"].int == 4 << 20, "\(report)")
    #expect(areEqual(try pair.recoveryImage.bytes(), bytes.map { ~$0 }))
    // The file waits for a run that writes in place, or a repair.
    #expect(try state.states() == ["Resynchronizing"])
    #expect(report.message.contains("vmresync resume --primary"), "\(report)")
    expect(try state.repair(pair.recovery), 0)
    try state.expect("Never")
    let file = try state.leaveApplying(pair.primary, pair.recovery)
    let size = try file.status().size
    #expect(report.message.contains("needs \(size) bytes"), "\(size), \(report)")
    expect(try state.repair(pair.recovery), 0)
    #expect(areEqual(try pair.recoveryImage.bytes(), bytes))
  }

  @Test(
    "a state directory that becomes read-only on the way, which a reboot mends; the next run completes",
    arguments: [("staged", "read"), ("staged", "write"), ("in-place", "write")])
  func readOnlyState(_ mode: String, _ request: String) throws {
    var pair = try PowerPair()
    var random = SplitMix64(seed: 4)
    try pair.expectCompletes(mode, repairing: false, "first")
    try pair.writePrimary(&random)
    let old = try pair.recovery.bytes()
    let run = try Command.start(pair.resync(mode), through: pair.host.inside)
    // While the recovery is read, long before a commit; or at its first write.
    try pair.recovery.stalling("\(request) *") { try pair.host.makeReadOnly() }
    let report = try Report(run.wait())
    try pair.recovery.powerDown(nil)
    try pair.host.disk.powerDown(nil)
    try pair.recovery.powerUp()
    try pair.host.restart()
    expect(report, 32769)
    #expect(report.message.contains("EROFS"), "\(report)")
    let state = try pair.host.consistency()
    switch (mode, request) {
    case ("staged", "read"):
      #expect(state == "Consistent" || state == "Resynchronizing")
      #expect(areEqual(try pair.recovery.bytes(), old))
    case ("staged", _): #expect(state == "Applying")
    default: #expect(state == "Inconsistent")
    }
    try pair.expectCompletes(mode, repairing: state == "Applying", "after EROFS")
  }
}
