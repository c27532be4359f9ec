/// What a comparison has done so far; holds after a failed one too.
struct CompareTotals: Sendable, Equatable {
  /// Bytes compared, on one side.
  var bytesCompared: UInt64 = 0
  /// Bytes passed over because both sides have a hole there.
  var bytesSkipped: UInt64 = 0
  /// Bytes in blocks that were left out, because something of them could not be read.
  var bytesUnread: UInt64 = 0
  /// What could not be read there.
  var unread = ReadFaults()
  /// What could not be read of the recovery and counts as different.
  var rewritten = ReadFaults()
  /// Chunks of one side whose reading failed, and went through in smaller pieces.
  var readsRepeated: UInt64 = 0
  /// Bytes in differing blocks; with confirmation, those that differed both times.
  var bytesDifferent: UInt64 = 0
  /// Runs of adjacent differing blocks.
  var differences: UInt64 = 0
  /// Bytes in blocks that differed in one of two readings only.
  var bytesMoving: UInt64 = 0
  /// Bytes whose write to the recovery has ended well.
  var bytesWritten: UInt64 = 0
  /// Bytes of these that were punched out.
  var bytesZeroed: UInt64 = 0
  /// Whether the device refused a punch, and zeros were written as data from then on.
  var refusedPunch = false
  /// What is behind it for good.
  var settled = SettledPart()
  /// Bytes of all writes handed to the recovery: failed, short and repeated ones too, and punches,
  /// refused ones among them (PITFALLS G2).
  var bytesSubmitted: UInt64 = 0

  /// The same in the unit of the kernel's own count (`/sys/block/X/stat`): sectors of 512 bytes.
  var sectorsSubmitted: UInt64 { bytesSubmitted / 512 }
}

/// The part of a comparison, from where it began, that is compared whole and whose every write has ended well: where
/// it is stopped, that need not be done again once it is flushed (PITFALLS D17).
struct SettledPart: Sendable, Equatable {
  /// Where it ends, in bytes of the disk; nil before the first chunk.
  var end: UInt64?
  /// Bytes compared in it, on one side.
  var bytesCompared: UInt64 = 0
  /// Bytes in differing blocks.
  var bytesDifferent: UInt64 = 0
  /// Runs of adjacent differing blocks.
  var differences: UInt64 = 0
  /// Where the last of them ends; nil without one.
  var lastDifference: UInt64?
}

/// How a comparison ended that did not fail.
enum CompareEnding: Sendable, Equatable {
  /// Everything that the source named was compared, and every write has ended well.
  case complete
  /// The run was asked to stop.
  case stopped
  /// A hole of both sides holds data here: what was passed over proves nothing; start again without passing
  /// anything over (PITFALLS G10).
  case holeHoldsData(ByteRange)
}
