import SystemPackage
import Testing

@testable import DeviceResync

extension StateDirectory {
  /// A staged resync that keeps an undo file.
  func resyncKeeping(_ pairs: [(String, String)], _ options: [String] = []) throws -> Report {
    try resync(pairs, ["--recovery-point", "undo"] + options)
  }

  func rollbackWords(_ paths: [String], _ options: [String] = []) -> [String] {
    ["rollback", "--json", "--yes", "--state-dir", path] + paths + options
  }

  func rollback(_ paths: String..., options: [String] = []) throws -> Report {
    try Report(Command.start(rollbackWords(paths, options)).wait())
  }

  /// What the record of the one relationship says of its recovery point.
  func point() throws -> JSONValue { try records()[0]["RecoveryPoint"] }

  /// Expects that nothing is kept any more.
  func expectNothingKept(sourceLocation: SourceLocation = #_sourceLocation) throws {
    #expect(try point() == .missing, sourceLocation: sourceLocation)
    #expect(try records()[0]["ObsoleteRecoveryPoints"] == .missing, sourceLocation: sourceLocation)
    #expect(try staged() == [], sourceLocation: sourceLocation)
  }
}

/// Two pairs whose recoveries differ everywhere in kind: bytes, zeros on either side, holes, tails.
struct UndonePair: ~Copyable {
  let state: StateDirectory
  let one: TestPair
  let two: TestPair
  let old: (one: [UInt8], two: [UInt8])
  let new: (one: [UInt8], two: [UInt8])

  init(_ form: Form = .images) throws {
    let state = try StateDirectory()
    let tail = form == .images ? 511 : 0
    var bytes = randomBytes(3 << 20 + tail, seed: 31)
    for place in 1 << 20..<(1 << 20) + 300_000 { bytes[place] = 0 }
    let old = bytes
    for place in stride(from: 1000, to: bytes.count, by: 100_000) { bytes[place] ^= 1 }
    // Zeros that come, zeros that go, and a run over more than one digest's piece.
    for place in 2 << 20..<(2 << 20) + 200_000 { bytes[place] = 0 }
    for place in 300_000..<1_000_000 { bytes[place] = ~bytes[place] }
    bytes[bytes.count - 1] ^= 1
    let other = randomBytes(1 << 20, seed: 32)
    // All that can throw comes first: a half-made noncopyable value cannot be destroyed.
    let one = try TestPair(bytes, old, form)
    let two = try TestPair(other, other.map { ~$0 }, .loops, name: "2")
    self.state = state
    self.one = one
    self.two = two
    self.old = (old, other.map { ~$0 })
    new = (bytes, other)
  }

  var pairs: [(String, String)] { [(one.primary, one.recovery), (two.primary, two.recovery)] }

  var isOld: Bool {
    get throws {
      let held = (try one.recoveryImage.bytes(), try two.recoveryImage.bytes())
      return areEqual(held.0, old.one) && areEqual(held.1, old.two)
    }
  }

  var isNew: Bool {
    get throws {
      let held = (try one.recoveryImage.bytes(), try two.recoveryImage.bytes())
      return areEqual(held.0, new.one) && areEqual(held.1, new.two)
    }
  }

  func makeOld() throws {
    try one.recoveryImage.write(old.one, at: 0)
    try two.recoveryImage.write(old.two, at: 0)
  }

  /// A byte that somebody has written since the run: there is no way back, until it is taken back.
  func expectForeignByteFound(at place: UInt64, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let now = try one.recoveryImage.bytes(1, at: place)[0]
    try one.recoveryImage.write([now ^ 1], at: place)
    let before = try one.recoveryImage.bytes()
    let report = try state.rollback(two.recovery)
    expect(report, 32775, sourceLocation: sourceLocation)
    #expect(report.message.contains("somebody wrote"), "\(report)", sourceLocation: sourceLocation)
    #expect(areEqual(try one.recoveryImage.bytes(), before), sourceLocation: sourceLocation)
    #expect(areEqual(try two.recoveryImage.bytes(), new.two), sourceLocation: sourceLocation)
    #expect(try state.states() == ["Consistent"], sourceLocation: sourceLocation)
    try one.recoveryImage.write([now], at: place)
    expect(try state.rollback(two.recovery), 0, sourceLocation: sourceLocation)
    #expect(try isOld, sourceLocation: sourceLocation)
  }
}
