import Testing

@testable import DeviceResync

/// Two fault disks of 4 MiB that differ in one place.
struct FaultPair: ~Copyable {
  /// Away from where a plan looks, and inside one chunk.
  static let difference = ByteRange(offset: (2 << 20) + 8192, length: 65536)

  /// What the primary holds.
  static let bytes = randomBytes(4 << 20, seed: 11)
  /// What the recovery holds before a run.
  static let old: [UInt8] = {
    var bytes = Self.bytes
    for index in Int(difference.offset)..<Int(difference.end) { bytes[index] ^= 0xff }
    return bytes
  }()

  let primary: FaultDisk
  let recovery: FaultDisk
  /// Its own: what a server makes has the same identity as what the one before it made.
  let state: String

  init() throws {
    let state = Place.ours("state-\(UniqueID.random())")
    let primary = try FaultDisk(Self.bytes)
    let recovery = try FaultDisk(Self.old)
    // All that can throw comes first: a half-made noncopyable value cannot be destroyed.
    self.primary = primary
    self.recovery = recovery
    self.state = state
  }

  /// Options of a run in place.
  var inPlace: [String] { ["--write-back", "in-place", "--state-dir", state] }

  /// Runs the command to its end; a resync writes in place.
  func run(_ operation: Operation = .resync, _ options: [String] = []) throws -> Report {
    try Report(start(operation, options).wait())
  }

  /// Starts it.
  func start(_ operation: Operation = .resync, _ options: [String] = []) throws -> Child {
    let writing = operation == .compare ? [] : inPlace
    return try Command.start(operation.words(primary.node, recovery.node, writing + options))
  }

  /// Gives one side's disk a command.
  func tell(_ side: Side, _ command: String) throws {
    switch side {
    case .primary: try primary.tell(command)
    case .recovery: try recovery.tell(command)
    }
  }

  func statistics(_ side: Side) throws -> FaultDisk.Statistics {
    side == .primary ? try primary.statistics() : try recovery.statistics()
  }

  /// Holds up requests of one side's disk while `body` runs.
  func stalling(_ side: Side, _ requests: String, _ body: () throws -> Void) throws {
    switch side {
    case .primary: try primary.stalling(requests, body)
    case .recovery: try recovery.stalling(requests, body)
    }
  }

  /// Ends one side's server.
  func crash(_ side: Side) {
    switch side {
    case .primary: primary.crash()
    case .recovery: recovery.crash()
    }
  }

  func node(_ side: Side) -> String { side == .primary ? primary.node : recovery.node }

  /// Expects that one run without faults makes the recovery whole, also where the power fails right after it.
  func expectHealing(sourceLocation: SourceLocation = #_sourceLocation) throws {
    try primary.tell("clear")
    try recovery.tell("clear")
    expect(try run(), 0, sourceLocation: sourceLocation)
    try recovery.tell("cut")
    #expect(areEqual(try recovery.bytes(), Self.bytes), sourceLocation: sourceLocation)
  }
}
