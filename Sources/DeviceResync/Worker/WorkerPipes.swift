import SystemPackage

/// The worker's way to its monitor: whole lines, from whichever thread.
///
/// A monitor that is gone, or does not read, holds up nothing that counts: progress is left out while the pipe is not
/// empty enough, and after the pipe has ended everything is.
final class EventPipe: Sendable {
  private struct State: ~Copyable {
    let pipe: OwnedDescriptor
    var isOpen = true
  }

  private let state: Guarded<State>

  /// What the pipe is asked to hold: all that a run tells besides progress fits several times.
  private static let room: Int32 = 1 << 20
  /// Bytes that may wait in it before progress is left out.
  private static let crowd = 1 << 14

  init(_ pipe: consuming OwnedDescriptor) {
    pipe.enlargePipe(to: Self.room)
    state = Guarded(State(pipe: pipe))
  }

  /// Tells the monitor.
  func tell(_ message: WorkerMessage) {
    let line = Wire.line(message)
    state.withLock { state in
      guard state.isOpen else { return }
      // Whoever reads it sees the next one soon; what cannot be told is no crowd.
      if message.mayBeLeftOut, (try? state.pipe.bytesWaiting()) ?? 0 > Self.crowd { return }
      do throws(Errno) {
        try state.pipe.put(line)
      } catch {
        state.isOpen = false  // The control pipe tells of the monitor's end.
      }
    }
  }
}

extension WorkerMessage {
  /// Whether another of its kind follows soon.
  fileprivate var mayBeLeftOut: Bool {
    switch self {
    case .event(.progress), .event(.activity): true
    // That none is worked on beside others any more is told once.
    case .event(.pairs(let pairs)): !pairs.isEmpty
    default: false
    }
  }
}
