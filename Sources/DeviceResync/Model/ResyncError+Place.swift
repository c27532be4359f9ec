extension ResyncError {
  /// The same error with the name of the device on its side, where it has none yet.
  func naming(_ names: SideNames) -> ResyncError {
    guard device == nil, let side else { return self }
    return ResyncError(
      cause, attempt, on: names[side], side: side, range: range, reason: reason,
      remedy: remedy)
  }
}

/// What the two disks of a pair are called.
struct SideNames: Sendable {
  let primary: String
  let recovery: String

  subscript(side: Side) -> String { side == .primary ? primary : recovery }
}
