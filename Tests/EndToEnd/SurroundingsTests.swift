import SystemPackage
import Testing

@testable import DeviceResync

/// What a shell, cron or a supervisor hands to the command, or does not.
@Suite("surroundings", .ownPlace, .tags(.devices, .slow)) struct SurroundingsTests {
  @Test(
    "closed standard descriptors: progress is not written to the recovery",
    arguments: ["0<&- 2>&-", "0<&- 1>&- 2>&-", "2>&-"])
  func closedDescriptors(_ closing: String) throws {
    let size = LongRun.size
    let primary = try Image("primary", size: size)
    let recovery = try Image("recovery", size: size)
    try primary.write(Array("boot".utf8), at: 0)
    // Long enough for a line of progress, which the image would get.
    let words = [
      "resync", "--progress", "plain", "--yes", "--primary", primary.path, "--recovery", recovery.path,
    ]
    let ended = try Command.start(
      words + LongRun.options, through: ["bash", "-c", "exec \"$@\" \(closing)", "bash"]
    ).wait()
    #expect(ended.status == 0, "\(ended)")
    #expect(areEqual(try recovery.bytes(1 << 16, at: 0), try primary.bytes(1 << 16, at: 0)))
  }

  @Test("a reader that goes away does not end the run")
  func brokenPipe() throws {
    let primary = try Image("primary", size: LongRun.size)
    let recovery = try Image("recovery", size: LongRun.size)
    try primary.write([1], at: 0)
    try primary.write([1], at: LongRun.size - 1)
    let words = [
      "resync", "--progress", "plain", "--yes", "--primary", primary.path, "--recovery", recovery.path,
    ]
    let script = #"{ "$@" 2>&1; echo $? >"$0"; } | head --lines 1"#
    let ended = try Command.start(
      words + LongRun.options, through: ["bash", "-c", script, Place.ours("status")]
    ).wait()
    #expect(ended.status == 0)
    #expect(try readText(FilePath(Place.ours("status"))) == "0\n")
    #expect(try recovery.bytes(1, at: LongRun.size - 1) == [1])
  }

  @Test("a loop over the recovery through another namespace's node is seen: 32774")
  func otherNamespace() throws {
    let primary = try Image("primary", size: 1 << 20)
    let recoveryImage = try Image("recovery", size: 1 << 20)
    let recovery = try NamedLoop(recoveryImage.path)
    let script = #"mount -t tmpfs none "$1" && mknod "$1/x" b 7 "$2" && losetup --find --show "$1/x""#
    try tool("mkdir", Place.ours("mnt"))
    let words = ["unshare", "--mount", "bash", "-c", script, "bash", Place.ours("mnt"), "\(recovery.number)"]
    let node = try Child(words).wait().output.split(separator: "\n").first.map(String.init)
    let report = try Command.json(.resync, primary.path, recovery.node)
    try tool("losetup", "--detach", try #require(node))
    expect(report, 32774)
    #expect(report.evidence("loops").contains(try #require(node)))
  }

  @Test("a named loop over a file on overlay is SHARED, as the image there is")
  func sharedFile() throws {
    let primary = try Image("primary", size: 1 << 20)
    let script = #"""
      mkdir -p "$1"/{lower,upper,work,mnt} && cd "$1" || exit
      mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay mnt || exit
      truncate --size=1M mnt/image && node=$(losetup --find --show mnt/image) || exit
      "${@:2}" --recovery "$node" >&2
      losetup --detach "$node"
      "${@:2}" --recovery "$1/mnt/image"
      """#
    let wrapper = ["unshare", "--mount", "--propagation", "private", "bash", "-c", script, "bash"]
    let words = ["plan", "--json", "--primary", primary.path]
    let ended = try Command.start(words, through: wrapper + [Place.ours("shared")]).wait()
    for text in [ended.output, ended.error] {
      let report = try JSONValue(parsing: text)
      let verdict = report["Pairs"][0]["Guards"].array.first { $0["Name"].text == "shared storage" }
      #expect(verdict?["Verdict"].text == "warning", "\(ended)")
      #expect(verdict?["Evidence"][0].text?.hasSuffix("lies on overlay") == true, "\(ended)")
    }
  }
}
