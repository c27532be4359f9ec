extension ResyncError {
  /// The same error with the name of the device on its side, where it has none yet.
  func naming(_ primary: String, _ recovery: String) -> ResyncError {
    guard device == nil, let side else { return self }
    return ResyncError(
      cause, attempt, on: side == .primary ? primary : recovery, side: side, range: range, reason: reason,
      remedy: remedy)
  }
}
