/// How much all pairs of a run in place may differ, counted while they are written (DESIGN 3, `--max-difference`).
final class DifferenceAllowance {
  private let limit: RunRequest.DifferenceLimit
  /// Bytes of all pairs.
  private let total: UInt64
  private var different: UInt64 = 0

  init(_ limit: RunRequest.DifferenceLimit, of total: UInt64) {
    self.limit = limit
    self.total = total
  }

  /// Counts what a stopped run had written.
  func count(written bytes: UInt64) { different = different.saturatingAdd(bytes) }

  /// Fails where `range` more would be too much; nothing is counted.
  func check(_ range: ByteRange) throws(ResyncError) {
    let sum = different.saturatingAdd(range.length)
    guard limit.isExceeded(by: sum, of: total) else { return }
    throw ResyncError(
      .invalidState, "go on writing", side: .recovery, range: range,
      reason: "more differs than --max-difference allows: \(ByteCount(sum)) of \(ByteCount(total)) so far",
      remedy: "if that is right, run again with --max-difference 100%")
  }

  /// Counts what is written.
  func count(_ range: ByteRange) { count(written: range.length) }
}
