import CLinux
import Glibc
import SystemPackage

/// A worker's ends of the two pipes to its monitor, under the numbers that ``ChildProcess`` gives them.
struct WorkerEnds: ~Copyable {
  /// Orders come here.
  let control: OwnedDescriptor
  /// Reports go here.
  let events: OwnedDescriptor

  /// Takes them over, and keeps them from programs that are started later: else the other end would never hear of
  /// our end.
  ///
  /// - Throws: `EBADF` where they are no pipes: no monitor has started this process.
  init() throws(Errno) {
    guard cl_is_pipe(CInt(cl_worker_control)) == 1, cl_is_pipe(CInt(cl_worker_events)) == 1 else {
      throw .badFileDescriptor
    }
    try check(cl_close_on_exec(CInt(cl_worker_control)))
    try check(cl_close_on_exec(CInt(cl_worker_events)))
    control = OwnedDescriptor(adopting: CInt(cl_worker_control))
    events = OwnedDescriptor(adopting: CInt(cl_worker_events))
  }
}

/// A process that this one has started: its end can be waited for, and SIGKILL reaches it and no other.
///
/// Letting go of it does not end it.
struct ChildProcess: ~Copyable {
  /// Its process id.
  let id: CInt
  /// Readable once it has ended.
  let end: OwnedDescriptor

  /// How it ended.
  enum Ending: Sendable, Equatable {
    case exited(Int32)
    case killed(signal: Int32)
  }

  /// Starts this executable again, with `name` as its only argument (posix_spawn(3)).
  ///
  /// Not with a library: swift-subprocess gives a child no descriptor but the standard three, has Foundation's types
  /// in its interface, and is not among what Debian or this package's neighbours bring; what is needed is one call.
  /// - Parameters:
  ///   - control: what it takes orders from: 3 there.
  ///   - events: what it reports on: 4 there. Standard error is ours; it has no other descriptor of ours.
  init(
    ourselvesAs name: String, control: borrowing OwnedDescriptor, events: borrowing OwnedDescriptor
  ) throws(Errno) {
    var id: CInt = 0
    let (control, events) = (control.rawValue, events.rawValue)
    let result = unsafe name.withCString { name in
      unsafe cl_spawn_worker("/proc/self/exe", name, control, events, &id)
    }
    try check(result)
    // Until it is reaped nobody else has its number.
    let end = try check(cl_open_process(id))
    // All that can throw comes first: a half-made noncopyable value cannot be destroyed.
    self.id = id
    self.end = OwnedDescriptor(adopting: end)
  }

  /// Sends SIGKILL; one that has ended already is none the worse.
  func kill() { _ = cl_signal_process(end.rawValue, SIGKILL) }

  /// Waits for its end, at most `milliseconds`, and takes note of it; nil where it has not ended.
  ///
  /// In the kernel, waiting for a device, a killed process stays as long as the device does not answer.
  func ending(within milliseconds: Int32) throws(Errno) -> Ending? {
    _ = try waitForReadable([end.rawValue], milliseconds: milliseconds)
    var status: CInt = 0
    guard try check(unsafe cl_reap(id, &status)) == 1 else { return nil }
    let signal = cl_ending_signal(status)
    return signal != 0 ? .killed(signal: signal) : .exited(cl_exit_status(status))
  }
}
