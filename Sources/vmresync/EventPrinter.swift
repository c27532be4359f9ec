import DeviceResync
import Glibc
import SystemPackage

/// Shows a run's events on standard error, and writes its ranges to a file.
final class EventPrinter {
  private var display: ProgressDisplay
  private var ranges: RangesFile?
  private let isQuiet: Bool

  init(style: ProgressStyle, isQuiet: Bool = false) {
    display = ProgressDisplay(style: style)
    self.isQuiet = isQuiet
  }

  /// Shows the plan.
  func show(_ plan: PlanReport) { display.say(plan.text) }

  /// The run begins.
  ///
  /// - Throws: where the file for the ranges cannot be made.
  func begin(rangesFile: String?) throws(ResyncError) { ranges = try rangesFile.map(RangesFile.init(path:)) }

  /// Takes an event.
  func take(_ event: RunEvent) {
    if case .ranges(let found, let pair) = event {
      ranges?.write(found, pair: pair)
    } else {
      display.show(event)
    }
  }

  /// A request to end came after the commit.
  func willFinish(bytesLeft: UInt64) {
    guard !isQuiet else { return }
    display.say(
      "finishing what was committed, \(ByteCount(bytesLeft)) left; a second signal stops it, and leaves the rest to "
        + "\(CallContext.current.repair)\n")
  }

  /// Ends the display; returns what went wrong with the ranges' file.
  func finish() -> ResyncError? {
    display.end()
    return ranges?.close()
  }
}

/// Differences as JSON lines: `{"Pair":0,"Offset":4096,"Length":8192}`.
struct RangesFile {
  private let path: String
  private let stream: UnsafeMutablePointer<FILE>
  private var hasFailed = false

  init(path: String) throws(ResyncError) {
    // The one file that vmresync makes, because it was asked to; never over one that is there.
    guard let stream = fopen(path, "wxe") else {
      throw ResyncError(.kernel(Errno(rawValue: errno), .open), "make the file for the ranges", on: path)
    }
    self.path = path
    self.stream = stream
  }

  mutating func write(_ ranges: [ByteRange], pair: Int) {
    for range in ranges {
      let line = "{\"Pair\":\(pair),\"Offset\":\(range.offset),\"Length\":\(range.length)}\n"
      if fputs(line, stream) < 0 { hasFailed = true }
    }
  }

  mutating func close() -> ResyncError? {
    if fclose(stream) != 0 || hasFailed {
      return ResyncError(
        .incomplete, "write the ranges to", on: path, reason: "the file is not whole", remedy: "make room")
    }
    return nil
  }
}
