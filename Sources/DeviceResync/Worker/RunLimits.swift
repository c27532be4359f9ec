/// How long a run may take.
public struct RunLimits: Sendable, Codable {
  /// For how long nothing may move.
  public var stall: TimeSpan
  /// How long all of it may take; nil: any time.
  public var duration: TimeSpan?

  /// Creates limits; a stall of 15 minutes and any duration by default.
  public init(stall: TimeSpan = TimeSpan(seconds: 900), duration: TimeSpan? = nil) {
    self.stall = stall
    self.duration = duration
  }
}
