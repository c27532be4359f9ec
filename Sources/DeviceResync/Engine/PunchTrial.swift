/// Whether zeros are punched out of the recovery or written as data (PITFALLS C8).
///
/// The first punch goes alone: what a device that refuses it has counted as written is then known, and after a
/// refusal none is tried again.
struct PunchTrial: Sendable, Equatable {
  private enum State { case forbidden, untried, onTrial, works, refused }
  private var state: State

  /// - Parameter isWanted: false where zeros are to be data.
  init(isWanted: Bool) { state = isWanted ? .untried : .forbidden }

  /// Whether zeros are to be punched.
  var isOn: Bool { state != .forbidden && state != .refused }
  /// Whether the first punch has not ended: nothing else may be punched until it has.
  var mustWait: Bool { state == .onTrial }
  /// Whether the device has refused one.
  var wasRefused: Bool { state == .refused }

  /// A punch was started.
  mutating func began() { if state == .untried { state = .onTrial } }

  /// One has ended.
  mutating func ended(well: Bool) { state = well ? (state == .onTrial ? .works : state) : .refused }
}
