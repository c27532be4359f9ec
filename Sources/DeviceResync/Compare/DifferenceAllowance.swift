/// How much all pairs of a run in place may differ, counted while they are written (DESIGN 3, `--max-difference`).
final class DifferenceAllowance: Sendable {
  private let limit: RunRequest.DifferenceLimit
  /// Bytes of all pairs.
  private let total: UInt64
  /// Bytes that pairs, side by side, have found different and write.
  private let different = Guarded<UInt64>(0)

  init(_ limit: RunRequest.DifferenceLimit, of total: UInt64) {
    self.limit = limit
    self.total = total
  }

  /// Counts what a stopped run had written.
  func count(written bytes: UInt64) { different.withLock { $0 = $0.saturatingAdd(bytes) } }

  /// Counts `range`, which is about to be written; fails where that is too much, and counts nothing then.
  func count(_ range: ByteRange) throws(ResyncError) {
    let excess: UInt64? = different.withLock { different in
      let sum = different.saturatingAdd(range.length)
      guard !limit.isExceeded(by: sum, of: total) else { return sum }
      different = sum
      return nil
    }
    guard let excess else { return }
    throw ResyncError(
      .invalidState, "go on writing", side: .recovery, range: range,
      reason: "more differs than --max-difference allows: \(ByteCount(excess)) of \(ByteCount(total)) so far",
      remedy: "if that is right, run again with --max-difference 100%")
  }

  /// Takes back what was counted and is not written yet.
  func giveBack(_ range: ByteRange) { different.withLock { $0 -= range.length } }
}
