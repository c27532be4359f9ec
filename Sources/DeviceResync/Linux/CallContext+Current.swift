extension CallContext {
  private static let ofProcess = Guarded(CallContext())

  /// What this process was called for: a command's words, or what a worker was started for.
  ///
  /// One process carries out one call; who carries out several has each call's own.
  public static var current: CallContext {
    get { ofProcess.withLock { $0 } }
    set { ofProcess.withLock { $0 = newValue } }
  }
}
