/// What this process has asked of the kernel and waits for, for whoever must say what hangs.
///
/// One for the process: a call that hangs holds its thread, so that only another thread can tell of it. Bytes in
/// flight are told by ``InFlightBoard``.
enum UnderWay {
  private struct State: Sendable {
    var attempts: [(ticket: UInt64, activity: Activity, strand: Strand?)] = []
    var nextTicket: UInt64 = 0
  }

  private static let state = Guarded(State())

  /// How many calls have begun or ended: a process in which it grows is alive.
  static var movements: UInt64 {
    state.withLock { $0.nextTicket &+ $0.nextTicket &- UInt64($0.attempts.count) }
  }

  /// The calls that have not come back, in the order in which they began.
  static var attempts: [Activity] { state.withLock { $0.attempts.map(\.activity) } }

  /// Those of one strand.
  static func attempts(of strand: Strand) -> [Activity] {
    state.withLock { $0.attempts.filter { $0.strand === strand }.map(\.activity) }
  }

  /// Runs `body`, which may hang, under the name of `activity`.
  static func during<Value: ~Copyable, Failure: Error>(
    _ activity: Activity, _ body: () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let ticket = begin(activity)
    defer { end(ticket) }
    return try body()
  }

  /// Notes that a call begins; returns what ``end(_:)`` takes.
  static func begin(_ activity: Activity) -> UInt64 {
    let strand = Strand.current
    strand?.move()
    return state.withLock { state in
      state.nextTicket += 1
      state.attempts.append((state.nextTicket, activity, strand))
      return state.nextTicket
    }
  }

  /// Notes that it came back.
  static func end(_ ticket: UInt64) {
    Strand.current?.move()
    state.withLock { state in
      // The last one begun is mostly the first to end.
      if let index = state.attempts.lastIndex(where: { $0.ticket == ticket }) {
        state.attempts.remove(at: index)
      }
    }
  }
}
