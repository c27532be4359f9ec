import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// PITFALLS C8: a recovery that is thin stays thin.
@Suite("zeros over data", .ownPlace, .tags(.devices, .slow)) struct ZeroRunTests {
  static let size = 8 << 20
  /// 2 MiB of zeros, and 4 KiB of them at the end.
  static let bytes: [UInt8] = {
    var bytes = randomBytes(size, seed: 31)
    for byte in 1 << 20..<3 << 20 { bytes[byte] = 0 }
    for byte in size - 4096..<size { bytes[byte] = 0 }
    return bytes
  }()
  static let zeros = 2 << 20 + 4096
  /// Data everywhere, and the zeros' blocks differ.
  static let old: [UInt8] = {
    var old = bytes
    for byte in 1 << 20..<3 << 20 { old[byte] = UInt8(truncatingIfNeeded: byte | 1) }
    for byte in size - 4096..<size { old[byte] = 7 }
    old[5 << 20] ^= 1
    return old
  }()

  /// Images; the recovery has a hole beyond what the primary's zeros are, so that it is sparse.
  private func pair(sparse: Bool = true) throws -> (primary: Image, recovery: Image, state: StateDirectory) {
    let tail = [UInt8](repeating: 0, count: 1 << 20)
    let primary = try Image("primary", Self.bytes + tail)
    let recovery = try Image("recovery", size: UInt64(Self.size + tail.count))
    try recovery.write(Self.old, at: 0)
    if !sparse { try recovery.write(tail, at: UInt64(Self.size)) }
    try tool("sync", "--file-system", recovery.path)
    return (primary, recovery, try StateDirectory())
  }

  private func options(_ writeBack: RunRequest.WriteBack, _ engine: Engine, _ more: [String] = []) -> [String]
  {
    ["--write-back", writeBack.rawValue, "--engine", engine.rawValue, "--verify"] + more
  }

  private func allocated(_ image: Image) throws -> UInt64 {
    try tool("sync", "--file-system", image.path)
    return try image.status().allocated
  }

  @Test(
    "a sparse image becomes sparser, in every mode and by both engines",
    arguments: RunRequest.WriteBack.allCases, Engine.allCases)
  func thin(_ writeBack: RunRequest.WriteBack, _ engine: Engine) throws {
    let (primary, recovery, state) = try pair()
    let before = try allocated(recovery)
    let report = try Command.json(
      .resync, primary.path, recovery.path, ["--state-dir", state.path] + options(writeBack, engine))
    expect(report, 0)
    #expect(report["BytesZeroed"].int == Self.zeros, "\(report)")
    #expect(report["BytesWritten"].int == Self.zeros + 4096)
    #expect(report.pair()["Zero"].text == "thin")
    #expect(report.pair()["Witness"]["RecoveryForeignBytes"].int == 0)
    #expect(try allocated(recovery) == before - UInt64(Self.zeros))
    #expect(areEqual(try recovery.bytes(), try primary.bytes()))
    let again = try Command.json(
      .resync, primary.path, recovery.path, ["--state-dir", state.path] + options(writeBack, engine))
    expect(again, 0)
    #expect(again["BytesWritten"].int == 0)
  }

  @Test(
    "with --zero data, and in an image without holes, zeros are written",
    arguments: RunRequest.WriteBack.allCases)
  func data(_ writeBack: RunRequest.WriteBack) throws {
    for sparse in [true, false] {
      let (primary, recovery, state) = try pair(sparse: sparse)
      let before = try allocated(recovery)
      let report = try Command.json(
        .resync, primary.path, recovery.path,
        ["--state-dir", state.path] + options(writeBack, .ioUring, sparse ? ["--zero", "data"] : []))
      expect(report, 0)
      #expect(report["BytesZeroed"].int == 0 && report["BytesWritten"].int == Self.zeros + 4096, "\(report)")
      #expect(report.pair()["Zero"].text == "data")
      #expect(try allocated(recovery) == before)
      #expect(areEqual(try recovery.bytes(), try primary.bytes()))
      try tool("rm", "--recursive", primary.path, recovery.path, state.path)
    }
  }

  @Test(
    "a device that refuses gets them as data, and the witness knows of it",
    arguments: RunRequest.WriteBack.allCases, Engine.allCases)
  func refused(_ writeBack: RunRequest.WriteBack, _ engine: Engine) throws {
    let state = try StateDirectory()
    let primary = try FaultDisk(Self.bytes)
    let recovery = try FaultDisk(Self.old)
    try recovery.tell("fail discard * EOPNOTSUPP times 3")
    let report = try Command.json(
      .resync, primary.node, recovery.node,
      ["--state-dir", state.path, "--zero", "thin"] + options(writeBack, engine))
    expect(report, 0)
    #expect(report["BytesZeroed"].int == 0 && report["BytesWritten"].int == Self.zeros + 4096, "\(report)")
    #expect(report.pair()["Zero"].text == "data")
    #expect(report.pair()["Notes"].array.contains { $0.text?.contains("written as data") == true })
    #expect(report.pair()["Witness"]["RecoveryForeignBytes"].int == 0)
    #expect(try recovery.statistics().discard.failed == 1)
    try recovery.tell("clear")
    #expect(areEqual(try recovery.bytes(), Self.bytes))
  }

  @Test(
    "a loop over a file system that cannot punch gets them as data", arguments: RunRequest.WriteBack.allCases)
  func noPunching(_ writeBack: RunRequest.WriteBack) throws {
    let (primary, recovery, state) = try pair()
    let script = """
      mkdir "$1/ram" && mount -t ramfs none "$1/ram" && cp "$1/recovery" "$1/ram/recovery" && shift && "$@"
      status=$?
      cmp "${0%/}/primary" "${0%/}/ram/recovery" || status=99
      exit "$status"
      """
    let place = FilePath(recovery.path).removingLastComponent().string
    let report = try Command.json(
      .resync, primary.path, "\(place)/ram/recovery",
      ["--state-dir", state.path, "--zero", "thin"] + options(writeBack, .ioUring),
      through: ["unshare", "--mount", "--propagation", "private", "bash", "-c", script, place, place])
    expect(report, 0)
    #expect(report["BytesZeroed"].int == 0 && report["BytesWritten"].int == Self.zeros + 4096, "\(report)")
    #expect(report.pair()["Zero"].text == "data")
  }

  @Test(
    "a run that is killed at a punch is finished, and stays thin", arguments: RunRequest.WriteBack.allCases)
  func killed(_ writeBack: RunRequest.WriteBack) throws {
    let (primary, recovery, state) = try pair()
    let before = try allocated(recovery)
    let words = Operation.resync.words(
      primary.path, recovery.path, ["--state-dir", state.path] + options(writeBack, .threads))
    let ended = try Command.start(words, through: killing("fallocate", 1)).wait()
    #expect(ended.wasKilled, "\(ended)")
    if writeBack == .staged {
      #expect(try state.states() == ["Applying"])
      expect(try state.repair(recovery.path), 0)
    } else {
      #expect(try state.states() == ["Inconsistent"])
      expect(try Report(Command.start(words).wait()), 0)
    }
    #expect(areEqual(try recovery.bytes(), try primary.bytes()))
    #expect(try allocated(recovery) == before - UInt64(Self.zeros))
    try state.expect("Consistent")
  }

  @Test("the plan says what becomes of zeros")
  func plan() throws {
    let (primary, recovery, state) = try pair()
    for (zero, says) in [([], true), (["--zero", "data"], false)] {
      let plan = try Command.start(
        ["plan", "--primary", primary.path, "--recovery", recovery.path, "--state-dir", state.path] + zero
      ).wait()
      #expect(plan.output.contains("punched out") == says, "\(plan)")
    }
  }
}
