/// Which device of a disk pair.
public enum Side: UInt8, Sendable, Codable, CaseIterable {
  /// The disk that is read.
  case primary
  /// The disk that is brought in line with it.
  case recovery

  /// The word that users read.
  public var name: String { self == .primary ? "primary" : "recovery" }
}
