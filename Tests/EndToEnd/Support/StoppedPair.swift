import Testing

@testable import DeviceResync

/// A pair whose staged run is stopped half-way; differences lie on both sides of where that is.
struct StoppedPair: ~Copyable {
  static let size = 16 << 20
  /// A checkpoint every 2 MiB.
  static let options = ["--chunk-size", "64K", "--checkpoint-every", "2M"]

  let state: StateDirectory
  let pair: TestPair
  let new: [UInt8]
  let old: [UInt8]

  init(_ form: Form = .images) throws {
    let state = try StateDirectory()
    var bytes = randomBytes(Self.size + (form == .images ? 511 : 0), seed: 21)
    let old = bytes
    for place in stride(from: 70_000, to: bytes.count, by: 1 << 20) { bytes[place] ^= 1 }
    for place in 2_000_000..<2_300_000 { bytes[place] = 0 }
    bytes[bytes.count - 1] ^= 1
    // All that can throw comes first: a half-made noncopyable value cannot be destroyed.
    let pair = try TestPair(bytes, old, form)
    self.state = state
    self.pair = pair
    self.old = old
    new = bytes
  }

  var words: [String] {
    Operation.resync.words(pair.primary, pair.recovery, state.options + Self.options)
  }

  /// Kills a run right after its fourth checkpoint.
  func kill(_ words: [String]? = nil) throws {
    // The folder of relationships is flushed after each replacement, that of the beginning first.
    let ended = try Command.start(
      words ?? self.words, through: killing("fsync", 5, on: "\(state.path)/states")
    ).wait()
    #expect(ended.wasKilled, "\(ended)")
    try #require(try state.states() == ["Resynchronizing"])
    try #require(try state.staged().count == 1)
    #expect(areEqual(try pair.recoveryImage.bytes(), old))
  }

  /// Where the last checkpoint of the last pair is.
  func offset() throws -> Int {
    let pairs = try state.records()[0]["Consistency"]["By"]["Checkpoint"]["Pairs"].array
    return try #require(pairs.last?["Offset"].int)
  }

  func resync(_ options: [String] = []) throws -> Report {
    try Report(Command.start(words + options).wait())
  }

  /// Expects that a run went through over all of `primary`, with these figures and notes.
  func expectEqual(
    _ report: Report, saying note: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(report.notes.contains(note), "\(report)", sourceLocation: sourceLocation)
    try report.expectEqual(pair, state, sourceLocation: sourceLocation)
  }
}

extension Report {
  /// Expects that a run went through over all of `pair`, that its figures fit, and that the state says so.
  func expectEqual(
    _ pair: borrowing TestPair, _ state: StateDirectory, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    expect(self, 0, sourceLocation: sourceLocation)
    let primary = try pair.primaryImage.bytes()
    #expect(areEqual(try pair.recoveryImage.bytes(), primary), sourceLocation: sourceLocation)
    #expect(self["BytesCompared"].int == primary.count, "\(self)", sourceLocation: sourceLocation)
    #expect(self["BytesWritten"].int == self["BytesDifferent"].int, sourceLocation: sourceLocation)
    try state.expect("Consistent", sourceLocation: sourceLocation)
  }

  /// All that pairs have to say.
  var notes: String {
    json["Pairs"].array.flatMap { $0["Notes"].array }.compactMap(\.text).joined(separator: "; ")
  }
}
