/// What was done with one disk pair.
public struct PairResult: Sendable, Codable {
  /// The disk that was read.
  public var primary: DeviceIdentity
  /// The disk that was brought in line.
  public var recovery: DeviceIdentity
  /// What this pair alone would return.
  public var returnValue = ReturnValue.completed
  /// How still the primary held.
  public var sourceMode: SourceMode
  /// Where differences went; nil where none was to be written.
  public var writeBack: RunRequest.WriteBack?
  /// What the recovery is known to be now; nil where no run has written it.
  public var recoveryState: Consistency?
  /// What one can go back by now, with all pairs of the call; nil where nothing is kept.
  public var recoveryPoint: RecoveryPoint?
  /// What became of zeros that replaced data; nil where nothing was to be written.
  public var zero: RunRequest.Zero?
  /// What moved the bytes; nil where none moved.
  public var engine: String?
  /// Whether the recovery equals the primary at one point in time.
  public var pointInTime = PointInTime.no
  /// What the witnesses saw.
  public var witness = WitnessReport()
  /// Whether own loops read their images without the page cache; nil without such a loop.
  public var backingDirectIO: Bool?
  /// Every guard's verdict.
  public var guards: [GuardVerdict]
  /// What failed.
  public var errors: [ErrorReport] = []
  /// How many more ranges could not be read.
  public var errorsOmitted: UInt64 = 0
  /// What failed in one sentence, where one error does not say it all.
  public var summary: String?
  /// The counts.
  public var totals = RunTotals()
  /// The first differences, in ascending order.
  public var ranges: [ByteRange] = []
  /// How many more there were.
  public var rangesOmitted: UInt64 = 0
  /// Where on the disk they lie.
  public var map: DifferenceMap?
  /// Partitions and file systems, for the map.
  public var landmarks: [Landmark] = []
  /// What the user should know and no error says.
  public var notes: [String] = []

  /// Whether the two are equal, after a completed resync by what it wrote; nil where no difference was found, but not
  /// every byte was looked at.
  public var isIdentical: Bool? {
    let isCompleted = engine != nil && returnValue == .completed
    // A running source may have changed again what moved once.
    if isCompleted, writeBack != nil { return totals.bytesMoving == 0 }
    if totals.bytesDifferent > 0 { return false }
    return isCompleted ? true : nil
  }
}

/// What witnesses of foreign writes saw, in bytes; nil where nothing counts them.
public struct WitnessReport: Sendable, Equatable, Codable {
  /// Bytes that somebody wrote to the primary.
  public var primaryBytes: UInt64?
  /// Bytes that somebody else wrote to the recovery.
  public var recoveryBytes: UInt64?
  /// Whether the primary's image changed; nil where it is none.
  public var primaryFileChanged: Bool?
  /// Whether the recovery's image changed without us; nil where it is none.
  public var recoveryFileChanged: Bool?

  enum CodingKeys: String, CodingKey {
    case primaryBytes = "PrimaryForeignBytes"
    case recoveryBytes = "RecoveryForeignBytes"
    case primaryFileChanged = "PrimaryImageChanged"
    case recoveryFileChanged = "RecoveryImageChanged"
  }
}

/// The counts of a pair or of a whole call; bytes of one side.
public struct RunTotals: Sendable, Equatable, Codable {
  /// Bytes compared.
  public var bytesCompared: UInt64 = 0
  /// Bytes that are holes on both sides and were passed over.
  public var bytesSkipped: UInt64 = 0
  /// Bytes in blocks that were left out, because something of them could not be read.
  public var bytesUnread: UInt64 = 0
  /// Bytes in differing blocks.
  public var bytesDifferent: UInt64 = 0
  /// Bytes in blocks that differed in one of two readings of a running source.
  public var bytesMoving: UInt64 = 0
  /// Bytes that a dry run would write.
  public var bytesToWrite: UInt64 = 0
  /// Bytes written, zeroed ones included.
  public var bytesWritten: UInt64 = 0
  /// Bytes of these that were punched out.
  public var bytesZeroed: UInt64 = 0
  /// Bytes read back after the flush.
  public var bytesVerified: UInt64 = 0
  /// Runs of adjacent differing blocks.
  public var differentRanges: UInt64 = 0
  /// Bytes of these that a stopped run before had dealt with.
  public var bytesContinued: UInt64 = 0
  /// Time from the first reading to the last check, in seconds.
  public var seconds: Double = 0

  /// Bytes compared or passed over in a second; 0 where no time was taken.
  public var bytesPerSecond: UInt64 {
    guard seconds > 0 else { return 0 }
    let done = bytesCompared.saturatingAdd(bytesSkipped)
    // EiB of holes are passed over in no time.
    return UInt64(exactly: (Double(done - min(done, bytesContinued)) / seconds).rounded()) ?? .max
  }

  /// Holes of sparse images may come to more bytes than 64 bits count.
  static func += (sum: inout RunTotals, more: RunTotals) {
    sum.bytesCompared = sum.bytesCompared.saturatingAdd(more.bytesCompared)
    sum.bytesSkipped = sum.bytesSkipped.saturatingAdd(more.bytesSkipped)
    sum.bytesUnread = sum.bytesUnread.saturatingAdd(more.bytesUnread)
    sum.bytesDifferent = sum.bytesDifferent.saturatingAdd(more.bytesDifferent)
    sum.bytesMoving = sum.bytesMoving.saturatingAdd(more.bytesMoving)
    sum.bytesToWrite = sum.bytesToWrite.saturatingAdd(more.bytesToWrite)
    sum.bytesWritten = sum.bytesWritten.saturatingAdd(more.bytesWritten)
    sum.bytesZeroed = sum.bytesZeroed.saturatingAdd(more.bytesZeroed)
    sum.bytesVerified = sum.bytesVerified.saturatingAdd(more.bytesVerified)
    sum.differentRanges = sum.differentRanges.saturatingAdd(more.differentRanges)
    sum.bytesContinued = sum.bytesContinued.saturatingAdd(more.bytesContinued)
    sum.seconds += more.seconds
  }
}

/// An error as results show it.
public struct ErrorReport: Sendable, Equatable, Codable {
  /// What was tried.
  public let attempt: String
  /// The device's name.
  public let device: String?
  /// Which device of the pair.
  public let side: Side?
  /// Which bytes.
  public let range: ByteRange?
  /// The errno's name.
  public let errno: String?
  /// What the error alone would return.
  public let returnValue: ReturnValue
  /// The whole message.
  public let message: String

  init(_ error: ResyncError) {
    attempt = error.attempt
    device = error.device
    side = error.side
    range = error.range
    errno = error.errno?.name
    returnValue = error.returnValue
    message = error.description
  }
}
