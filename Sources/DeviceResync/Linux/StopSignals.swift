import CLinux
public import SystemPackage

/// SIGINT, SIGTERM and SIGHUP, taken by one thread instead of interrupting any.
public enum StopSignals {
  /// Blocks them here and in every thread started later; call it before the first one starts.
  public static func block() throws(Errno) {
    try check(cl_block_stop_signals())
  }

  /// Calls `body` at each of them, on a thread that lives as long as the process.
  public static func listen(_ body: @escaping @Sendable () -> Void) throws(Errno) {
    let listener = try IOThread {
      while cl_wait_for_stop_signal() > 0 { body() }
    }
    listener.detach()
  }
}

/// Sees to it that standard input, output and error are open; call it before anything is opened.
///
/// Else a disk would be the next to get such a number, and what is printed would be written to it.
public func holdStandardDescriptors() throws(Errno) {
  try check(cl_hold_standard_descriptors())
}

/// Keeps guests' bytes out of core files (prctl(2), `PR_SET_DUMPABLE`).
public func forbidCoreDumps() throws(Errno) {
  try check(cl_forbid_core_dumps())
}
