import Testing

@testable import DeviceResync

/// A write by others to an image, which the kernel counts on no device, when all is compared: nothing is written then.
@Suite("a foreign write before the first of ours", .ownPlace, .tags(.devices, .slow)) struct LateWriteTests {
  @Test(
    "to the image, while what was put aside is brought to stable storage: 32768, and nothing is written",
    arguments: [["--write-back", "staged"], ["--write-back", "in-place", "--recovery-point", "undo"]])
  func sealing(_ options: [String]) throws {
    let pair = try TestPair(differing: .images)
    let state = try StateDirectory()
    let calls = Image(at: Place.ours("calls"))
    // The image is flushed before the comparison, after it, and before the first write: each waits.
    let slowed = [
      "strace", "-f", "-o", calls.path, "-P", pair.recovery, "-e", "trace=fdatasync", "-e",
      "inject=fdatasync:delay_enter=1500ms",
    ]
    let run = try Command.start(
      Operation.resync.words(pair.primary, pair.recovery, state.options + options), through: slowed)
    let isCompared = eventually(within: 60) {
      String(decoding: (try? calls.bytes()) ?? [], as: UTF8.self).split(separator: "\n").count {
        $0.contains("= 0")
      } == 2
    }
    #expect(isCompared)
    pause(milliseconds: 500)
    let place: UInt64 = 900_000
    let byte = try pair.recoveryImage.bytes(1, at: place)[0]
    try pair.recoveryImage.write([byte ^ 1], at: place)
    let report = try Report(run.wait(within: 120))
    expect(report, 32768)
    #expect(report.message.contains("changed its file"), "\(report)")
    #expect(report["BytesWritten"].int == 0)
    #expect(try state.states() == ["Never"])
    #expect(try state.staged() == [])
    try pair.recoveryImage.write([byte], at: place)
    try pair.expectUntouched()
  }
}
