import CLinux
import Glibc
import SystemPackage

/// A process, told from every later one that gets its number, and from those of another boot (PITFALLS E3).
package struct ProcessIdentity: Sendable, Hashable, Codable {
  /// Its number.
  package let id: Int32
  /// When it started, in clock ticks since boot (proc_pid_stat(5), field 22).
  package let start: UInt64
  /// The boot in which it runs (random(4), `boot_id`).
  package let boot: UniqueID

  enum CodingKeys: String, CodingKey {
    case id = "ProcessID"
    case start = "ProcessStart"
    case boot = "BootID"
  }

  /// This process.
  package static func own() throws(ResyncError) -> ProcessIdentity {
    try attempt("look at", on: "this process", .setUp) { () throws(Errno) in
      let id = ownProcess()
      guard let start = try startTime(of: id) else { throw .noSuchProcess }
      return ProcessIdentity(id: id, start: start, boot: try bootID())
    }
  }

  package init(id: Int32, start: UInt64, boot: UniqueID) {
    self.id = id
    self.start = start
    self.boot = boot
  }

  /// Whether it is still there; a zombie, of which nobody has taken note, is not.
  package func isAlive() throws(ResyncError) -> Bool {
    try attempt("look at", on: title, .setUp) { () throws(Errno) in try isThere() }
  }

  private var title: String { "process \(id)" }

  private func isThere() throws(Errno) -> Bool {
    guard try bootID() == boot, try startTime(of: id) == start else { return false }
    return processState(of: id) != "Z"
  }

  /// Asks it to end (SIGTERM); returns whether it was there.
  ///
  /// - Parameter dropping: whether what it has done before its commit is to be dropped, where it is a run's monitor.
  package func requestEnd(dropping: Bool = false) throws(ResyncError) -> Bool {
    try attempt("ask to end", on: title, .setUp) { () throws(Errno) in
      try signalled(dropping ? .terminate : .end)
    }
  }

  private func signalled(_ request: StopRequest) throws(Errno) -> Bool {
    let process = cl_open_process(id)
    if process == -Errno.noSuchProcess.rawValue { return false }
    let descriptor = OwnedDescriptor(adopting: try check(process))
    // Looked at once it is held: from here on the number can lead nowhere else.
    guard try isThere() else { return false }
    let result = cl_request_end(descriptor.rawValue, request.rawValue)
    if result == -Errno.noSuchProcess.rawValue { return false }
    try check(result)
    return true
  }
}

/// Starts this executable with `arguments`, apart from this process and its terminal; nobody waits for it.
///
/// - Parameter title: what it is for.
package func startDetached(_ arguments: [String], for title: String) throws(ResyncError) {
  try attempt("start a process for", on: title, .setUp) { () throws(Errno) in try startDetached(arguments) }
}

private func startDetached(_ arguments: [String]) throws(Errno) {
  var process: CInt = 0
  var words = unsafe (["vmresync"] + arguments).map { unsafe strdup($0) }
  defer { unsafe words.forEach { word in unsafe free(word) } }
  unsafe words.append(nil)
  let result = unsafe words.withUnsafeBufferPointer { words in
    // The null at its end stands there.
    unsafe cl_spawn_detached("/proc/self/exe", words.baseAddress.unsafelyUnwrapped, &process)
  }
  try check(result)
}

/// Waits so many milliseconds, or until a stop signal comes; returns whether one came.
///
/// The calling thread has them blocked (``StopSignals/block()``).
package func waitForStopSignal(milliseconds: Int32) throws(ResyncError) -> Bool {
  try attempt("take signals", on: "this process", .setUp) { () throws(Errno) in
    let signals = try StopSignalQueue()
    guard try waitForReadable([signals.descriptor.rawValue], milliseconds: milliseconds)[0] else {
      return false
    }
    return try signals.take() != nil
  }
}

/// Who runs this process: the user that sudo(8) was called by, or the one that owns it.
package func userName() -> String {
  if let name = unsafe getenv("SUDO_USER") { return unsafe String(cString: name) }
  return geteuid() == 0 ? "root" : "\(geteuid())"
}
