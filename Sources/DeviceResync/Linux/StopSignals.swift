import CLinux
public import SystemPackage

/// SIGINT, SIGTERM and SIGHUP, taken by one thread instead of interrupting any.
public enum StopSignals {
  /// Blocks them here and in every thread started later; call it before the first one starts.
  public static func block() throws(Errno) {
    try check(cl_block_stop_signals())
  }

  /// Waits for the next one and returns its number.
  public static func next() throws(Errno) -> CInt {
    try check(cl_wait_for_stop_signal())
  }
}

/// Keeps guests' bytes out of core files (prctl(2), `PR_SET_DUMPABLE`).
public func forbidCoreDumps() throws(Errno) {
  try check(cl_forbid_core_dumps())
}
