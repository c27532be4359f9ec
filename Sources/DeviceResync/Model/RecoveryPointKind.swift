/// How a recovery's old content is kept (DESIGN 3, `--recovery-point`).
public enum RecoveryPointKind: String, Sendable, Hashable, Codable, CaseIterable {
  /// The old bytes of what is written, in a file beside the staged differences.
  case undo
  /// A clone of each recovery's image, by its file system.
  case snapshot
}
