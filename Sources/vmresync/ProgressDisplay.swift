import DeviceResync
import Glibc

/// Progress on standard error: a bar that is drawn over, lines, or JSON lines.
struct ProgressDisplay {
  private enum Form { case bar, lines, json, none }

  private let form: Form
  private var isBarDrawn = false
  /// Percent and time of the last line.
  private var lastPercent = -10
  private var lastLine = 0.0
  private var wasStuck = false
  private var rate = RateMeter()

  init(style: ProgressStyle) {
    form =
      switch style {
      case .bar: .bar
      case .plain: .lines
      case .json: .json
      case .none: .none
      // systemd sets JOURNAL_STREAM for a service whose standard error is the journal (systemd.exec(5)).
      case .auto: Console.isTerminal ? .bar : getenv("JOURNAL_STREAM") != nil ? .lines : .none
      }
  }

  mutating func show(_ event: RunEvent) {
    if form == .json {
      if let line = ProgressLine(event) { Console.error(line.text, terminator: "") }
      return
    }
    switch event {
    case .progress(let progress): show(progress)
    case .phase, .differences, .ranges, .waiting, .committed, .applied, .ending, .activity, .pairs: break
    case .question: clear()
    case .error(let error, _):
      guard form != .none else { return }
      clear()
      Console.error("error: \(error)")
    }
  }

  /// Shows a text that ends its last line.
  mutating func say(_ text: String) {
    clear()
    Console.error(form == .json ? ProgressLine(message: text).text : text, terminator: "")
  }

  /// Leaves the screen as it was.
  mutating func end() { clear() }

  private mutating func clear() {
    if isBarDrawn { Console.error("\r\u{1b}[K", terminator: "") }
    isBarDrawn = false
  }

  private mutating func show(_ progress: RunProgress) {
    rate.add(progress.callDone, at: progress.seconds)
    switch form {
    case .none, .json: break
    case .bar:
      Console.error("\r" + bar(progress, width: Console.errorWidth) + "\u{1b}[K", terminator: "")
      isBarDrawn = true
    case .lines:
      // A line per 10 %, or per 10 minutes.
      let percent = progress.percent
      let isStuck = progress.secondsWaiting >= 10
      // So that a disk that stands still is seen before the next of them; once for each time.
      let isNewlyStuck = isStuck && !wasStuck
      wasStuck = isStuck
      guard isNewlyStuck || percent / 10 > lastPercent / 10 || progress.seconds - lastLine >= 600 else {
        return
      }
      lastPercent = percent
      lastLine = progress.seconds
      Console.error(words(progress))
    }
  }

  private static func percent(_ done: UInt64, _ total: UInt64) -> Int {
    total == 0 ? 100 : Int(Double(done) / Double(total) * 100)
  }

  /// `pair 1/2 comparing 42 %, 61 GiB of 145 GiB, 1.2 GiB/s, 1 min 10 s left, 12 MiB differ`; `pairs 1, 2 of 3` where
  /// several are worked on side by side.
  private func words(_ progress: RunProgress) -> String {
    var parts: [String] = []
    let isOneOfSeveral = progress.pairs > 1 && progress.working.count < 2
    var pair = isOneOfSeveral ? "pair \(progress.pair + 1)/\(progress.pairs) " : ""
    if progress.working.count > 1 {
      pair = "pairs \(progress.working.map { "\($0 + 1)" }.joined(separator: ", ")) of \(progress.pairs) "
    }
    parts.append("\(pair)\(progress.phase.rawValue) \(progress.percent) %")
    if isOneOfSeveral {
      parts.append("this pair \(Self.percent(progress.pairDone, progress.pairTotal)) %")
    }
    if progress.secondsWaiting >= 2 {
      parts.append("waiting for device \(Int(progress.secondsWaiting)) s")
    } else if let perSecond = rate.bytesPerSecond {
      parts.append("\(ByteCount(perSecond))/s")
      if let left = rate.secondsLeft(progress.callTotal - progress.callDone) {
        parts.append("\(seconds(left.rounded())) left")
      }
    }
    parts.append("\(ByteCount(progress.bytesDifferent)) differ")
    return parts.joined(separator: ", ")
  }

  private func bar(_ progress: RunProgress, width: Int) -> String {
    let words = words(progress)
    let room = min(40, width - words.count - 4)
    guard room >= 8 else { return String(words.prefix(max(0, width - 1))) }
    let filled =
      progress.callTotal == 0
      ? room : Int(Double(progress.callDone) / Double(progress.callTotal) * Double(room))
    return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: room - filled) + "] "
      + words
  }
}

/// How fast it goes now: over the last ten seconds, so that neither a hole nor the start misleads for long.
struct RateMeter {
  private var samples: [(bytes: UInt64, seconds: Double)] = []

  mutating func add(_ bytes: UInt64, at seconds: Double) {
    samples.append((bytes, seconds))
    while let first = samples.first, seconds - first.seconds > 10, samples.count > 2 { samples.removeFirst() }
  }

  /// Nil while unknown: less than a second was seen.
  var bytesPerSecond: UInt64? {
    guard let first = samples.first, let last = samples.last, last.seconds - first.seconds >= 1 else {
      return nil
    }
    let bytes = last.bytes > first.bytes ? last.bytes - first.bytes : 0
    return UInt64(exactly: (Double(bytes) / (last.seconds - first.seconds)).rounded())
      ?? .max
  }

  /// Nil while unknown, and while nothing moves.
  func secondsLeft(_ bytes: UInt64) -> Double? {
    guard let rate = bytesPerSecond, rate > 0 else { return nil }
    return Double(bytes) / Double(rate)
  }
}
