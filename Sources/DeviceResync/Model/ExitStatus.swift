/// Exit statuses of the process that are no return value's.
public enum ExitStatus {
  /// `compare` found differences, or a dry run would write.
  public static let different: Int32 = 1
  /// Ended by a signal or by request.
  public static let terminated: Int32 = 21
  /// Completed with warnings: the source was running (JobState 32768).
  public static let completedWithWarnings: Int32 = 22
  /// The plan was declined.
  public static let declined: Int32 = 23
}
