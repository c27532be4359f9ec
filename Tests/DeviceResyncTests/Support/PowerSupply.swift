@testable import DeviceResync

/// Power that fails at one step: from then on nothing that asks it can do anything.
///
/// Several stores of one model share it, so that the n-th step is the n-th of them all.
final class PowerSupply {
  /// At which step it fails; nil for never.
  private let failing: Int?
  /// Steps so far.
  private(set) var steps = 0
  private(set) var isOff = false

  init(failingAt step: Int? = nil) { failing = step }

  /// Makes a step; fails before it, if it is the one.
  func step() throws(ResyncError) {
    if steps == failing { isOff = true }
    try check()
    steps += 1
  }

  /// Fails where the power is off.
  func check() throws(ResyncError) {
    if isOff { throw ResyncError(.terminated, "go on", reason: "the power is off") }
  }
}
