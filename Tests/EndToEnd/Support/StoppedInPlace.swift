import SystemPackage
import Testing

@testable import DeviceResync

/// A pair of 16 MiB that a run in place has stopped in the middle of, in order: at what `--max-difference` allows.
struct StoppedInPlace: ~Copyable {
  static let size = 16 << 20
  /// One block in each MiB differs; the ninth is one too many.
  static let options = ["--chunk-size", "64K", "--max-difference", "32K"]
  /// Where the chunk with the ninth begins.
  static let offset = 8 << 20 | 65536

  let state: StateDirectory
  let pair: TestPair
  let bytes: [UInt8]

  private init(_ form: Form) throws {
    let state = try StateDirectory()
    let bytes = randomBytes(Self.size, seed: 31)
    let pair = try TestPair(bytes, bytes, form)
    // All that can throw comes first: a half-made noncopyable value cannot be destroyed.
    self.state = state
    self.pair = pair
    self.bytes = bytes
  }

  /// Makes the pair, and stops a run.
  static func make(_ form: Form = .images) throws -> StoppedInPlace {
    let stopped = try StoppedInPlace(form)
    try stopped.stop()
    return stopped
  }

  private func stop() throws {
    // A first run is expected to differ.
    expect(try resync(), 0)
    let recovery = try OwnedDescriptor(opening: FilePath(pair.recovery), .readWrite)
    for place in stride(from: 70_000, to: Self.size, by: 1 << 20) {
      try recovery.write([bytes[place] ^ 1], at: UInt64(place))
    }
    try recovery.synchronizeData()
    try recovery.close()
    let report = try resync(Self.options)
    expect(report, 32775)
    #expect(report["BytesWritten"].int == 32 << 10, "\(report)")
    #expect(report.notes.contains("the same command goes on at 8.1 MiB of 16 MiB"), "\(report)")
    try state.expect("Inconsistent")
    try #require(try offset() == Self.offset)
  }

  var words: [String] {
    Operation.resync.words(pair.primary, pair.recovery, inPlace + ["--state-dir", state.path])
  }

  /// A run in place, to its end.
  func resync(_ options: [String] = [], through wrapper: [String] = []) throws -> Report {
    try Report(Command.start(words + options, through: wrapper).wait())
  }

  /// Where the last checkpoint of the last pair is.
  func offset() throws -> Int {
    let pairs = try state.records()[0]["Consistency"]["By"]["Checkpoint"]["Pairs"].array
    return try #require(pairs.last?["Offset"].int)
  }

  /// Expects that a run went through, with this note.
  func expectEqual(
    _ report: Report, saying note: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(report.notes.contains(note), "\(report)", sourceLocation: sourceLocation)
    try report.expectEqual(pair, state, sourceLocation: sourceLocation)
  }
}
