/// How long nothing has moved.
///
/// It counts what was waited, and not what the clock says: where the host slept, or this process was stopped, the worker
/// may have been kept from telling of itself, and is given its time again (PITFALLS E5).
struct StallClock {
  /// How long is too long, in seconds.
  let limit: Double
  /// How long nothing has moved, in seconds.
  private(set) var quiet = 0.0

  /// How much later than asked a wait may end, in seconds; of one that took longer this much counts, so that an answer
  /// comes also where every wait does.
  static let grace = 0.5

  init(limit: Double) { self.limit = limit }

  /// Something has moved.
  mutating func move() { quiet = 0 }

  /// A wait of `asked` seconds has taken `seconds`.
  mutating func elapse(_ seconds: Double, asked: Double) {
    quiet += seconds > asked + Self.grace ? Self.grace : max(0, seconds)
  }

  /// How long is left, in seconds; 0 where it is over.
  var left: Double { max(0, limit - quiet) }
}

/// The kernel's counts of requests that some block devices have answered: while they grow, the devices are alive.
///
/// Somebody else's requests count too: a disk that answers others is not dead.
struct AnswerCounts {
  private let devices: [DeviceNumber]
  private var last: [String] = []

  init(of devices: [DeviceNumber]) {
    self.devices = devices
    last = read()
  }

  /// Whether one has answered since the last look.
  mutating func haveGrown() -> Bool {
    let now = read()
    defer { last = now }
    return now != last
  }

  /// Fields 1, 5, 12 and 16 of `stat` are reads, writes, discards and flushes that have ended
  /// (Documentation/block/stat.rst).
  private func read() -> [String] {
    devices.map { device in
      // One that is gone does not answer.
      guard let text = try? Sysfs().text("dev/block/\(device)/stat") else { return "" }
      let fields = text.split(separator: " ")
      return [0, 4, 11, 15].map { $0 < fields.count ? String(fields[$0]) : "" }.joined(separator: " ")
    }
  }
}
