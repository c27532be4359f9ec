import CLinux
import SystemPackage

/// Opens once; whoever waits goes on then.
struct Latch: ~Copyable, Sendable {
  private let event: OwnedDescriptor

  init() throws(Errno) { event = OwnedDescriptor(adopting: try check(cl_event())) }

  /// Readable once it is open; to wait for beside others.
  var descriptor: CInt { event.rawValue }

  /// Lets everybody go on.
  func open() throws(Errno) { try check(cl_event_raise(event.rawValue)) }

  /// Waits; returns whether it is open.
  func wait(milliseconds: CInt) throws(Errno) -> Bool {
    do throws(Errno) {
      return try check(cl_event_wait(event.rawValue, milliseconds)) == 1
    } catch .interrupted {
      return false
    }
  }
}
