/// How long each of the pairs that are worked on side by side has not moved: one that hangs is found though others move.
struct PairStalls {
  private struct Clock {
    var stall: StallClock
    var movements: UInt64?
    /// What its phase waits for; nil where its own movements tell.
    var counts: AnswerCounts?
  }

  private let limit: Double
  private var clocks: [Int: Clock] = [:]

  /// - Parameter limit: how long is too long, in seconds.
  init(limit: Double) { self.limit = limit }

  /// Takes an event; it may tell of one pair.
  mutating func take(_ event: RunEvent) {
    switch event {
    case .pairs(let pairs):
      let known = clocks
      clocks = [:]
      for pair in pairs {
        var clock = known[pair.pair] ?? Clock(stall: StallClock(limit: limit))
        if clock.movements != pair.movements { clock.stall.move() }
        clock.movements = pair.movements
        clocks[pair.pair] = clock
      }
    case .phase(_, let pair):
      clocks[pair]?.stall.move()
      clocks[pair]?.counts = nil
    case .waiting(let devices, let pair?):
      clocks[pair, default: Clock(stall: StallClock(limit: limit))].counts = AnswerCounts(of: devices)
    default: break
    }
  }

  /// A wait of `asked` seconds has taken `seconds`.
  mutating func elapse(_ seconds: Double, asked: Double) {
    for pair in clocks.keys { clocks[pair]?.stall.elapse(seconds, asked: asked) }
  }

  /// Asks the kernel whether devices that pairs wait for have answered; returns whether one has.
  mutating func look() -> Bool {
    var hasMoved = false
    for pair in clocks.keys where clocks[pair]?.counts?.haveGrown() == true {
      clocks[pair]?.stall.move()
      hasMoved = true
    }
    return hasMoved
  }

  /// How long is left until one of them is given up, in seconds.
  var left: Double { clocks.values.map(\.stall.left).min() ?? limit }

  /// The pair that has not moved for longest, and for how long, in seconds; nil where none is worked on beside others.
  var quietest: (pair: Int, seconds: Double)? {
    clocks.sorted { $0.key < $1.key }.map { (pair: $0.key, seconds: $0.value.stall.quiet) }
      .max { $0.seconds < $1.seconds }
  }
}
