import SystemPackage
import Testing

@testable import DeviceResync

@Suite("I/O errors end in 32768", .ownPlace, .tags(.devices, .slow)) struct FailureTests {
  @Test(
    "a file that ends before its loop: EIO, with the side, and a warning",
    arguments: [Side.primary, .recovery], [Operation.compare, .resync])
  func shortFile(_ side: Side, _ operation: Operation) throws {
    let bytes = randomBytes(2 << 20, seed: 1)
    let pair = try TestPair(bytes, bytes, .loops)
    try (side == .primary ? pair.primaryImage : pair.recoveryImage).resize(to: 1 << 20)
    let report = try Command.json(operation, pair.primary, pair.recovery)
    expect(report, 32768)
    // The plan reads the last bytes, to know a container by its footer.
    let verdict = report.verdict("access")
    #expect(verdict["Verdict"].text == "refused")
    let disk = side == .primary ? pair.primary : pair.recovery
    #expect(
      verdict["Reason"].text?.contains(
        "\(disk) (the \(side)) at bytes 2093056–2097151: Input/output error (EIO)") == true,
      "\(report)")
    let error = report.pair()["Errors"][0]
    #expect(error["Offset"].int == 2_093_056 && error["Length"].int == 4096, "\(report)")
    #expect(error["Side"].text == "\(side)" && error["Errno"].text == "EIO")
    #expect(report.verdict("sizes")["Verdict"].text == "warning")
    #expect(report["Identical"].bool != true)
  }

  @Test(
    "a disk that loses writes never ends in 0: ENOSPC on a tmpfs that is smaller than its image",
    arguments: [[], ["--verify"]])
  func lostWrites(_ options: [String]) throws {
    let primary = try Image("primary", randomBytes(24 << 20, seed: 2))
    let directory = Place.ours("small")
    try tool("mkdir", directory)
    let script = """
      mount -t tmpfs -o size=8m none "$1" && truncate --size=24M "$1/recovery" && shift && "$@"
      status=$?
      "$1" compare --primary "${@:(-3):1}" --recovery "${@:(-1)}" >&2
      exit "$status"
      """
    let wrapper = ["unshare", "--mount", "--propagation", "private", "bash", "-c", script, "bash", directory]
    let words =
      ["resync", "--json", "--yes"] + options + [
        "--primary", primary.path, "--recovery", "\(directory)/recovery",
      ]
    let report = try Report(Command.start(words, through: wrapper).wait())
    expect(report, 32768)
    let error = report.pair()["Errors"][0]
    #expect(error["Errno"].text == "ENOSPC")
    #expect(error["Side"].text == "recovery")
    #expect(report.message.contains("mixed"))
    let written = report["BytesWritten"].int ?? 0
    #expect(written > 0 && written <= 8 << 20)
    #expect(report.ended.error.contains("different"), "a compare after it: \(report.ended.error)")
  }

  @Test("text says the value, its name, what was tried and on which disk")
  func text() throws {
    let bytes = randomBytes(2 << 20, seed: 1)
    let pair = try TestPair(bytes, bytes, .loops)
    try pair.primaryImage.resize(to: 1 << 20)
    let ended = try Command.run("compare", "--primary", pair.primary, "--recovery", pair.recovery)
    #expect(ended.status == 40)
    #expect(
      ended.output.contains(
        "32768 Failed: could not read the last bytes of \(pair.primary) (the primary) at bytes 2093056–2097151: "
      ))
    #expect(ended.output.contains("Input/output error (EIO)"))
  }
}
