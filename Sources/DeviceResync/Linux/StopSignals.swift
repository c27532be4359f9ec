import CLinux
public import SystemPackage

/// SIGINT, SIGTERM and SIGHUP, which interrupt nothing.
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

/// What a stop signal asks for.
enum StopRequest: Int32 {
  /// To end in order; what was done before the commit is kept, to go on with. So is every signal of somebody else's.
  case end = 0
  /// The same, and to drop what is kept: CIM's Terminate.
  case terminate = 0x766d_7204
}

/// Stop signals as something to wait for beside pipes (signalfd(2)); they must be blocked.
struct StopSignalQueue: ~Copyable {
  let descriptor: OwnedDescriptor

  init() throws(Errno) { descriptor = OwnedDescriptor(adopting: try check(cl_stop_signal_descriptor())) }

  /// Takes one that has come; nil where none has.
  func take() throws(Errno) -> StopRequest? {
    var value: Int32 = 0
    let number = try check(unsafe cl_take_stop_signal(descriptor.rawValue, &value))
    return number == 0 ? nil : StopRequest(rawValue: value) ?? .end
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

/// Ignores SIGPIPE, SIGTTOU and SIGTTIN: neither a reader that went away nor a terminal stops the process.
public func ignoreTerminal() { cl_ignore_terminal() }
