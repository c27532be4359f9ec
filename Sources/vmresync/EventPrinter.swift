import DeviceResync
import Glibc
import Synchronization
import SystemPackage

/// Shows a run's events on standard error, and writes its ranges to a file.
final class EventPrinter: Sendable {
  private let display: Mutex<ProgressDisplay>
  private let ranges: Mutex<RangesFile?>

  /// - Throws: where the file for the ranges cannot be made.
  init(style: ProgressStyle, rangesFile: String?) throws {
    display = Mutex(ProgressDisplay(style: style))
    let file = try rangesFile.map(RangesFile.init(path:))
    ranges = Mutex(file)
  }

  /// Takes an event.
  func take(_ event: RunEvent) {
    if case .ranges(let found, let pair) = event {
      ranges.withLock { $0?.write(found, pair: pair) }
    } else {
      display.withLock { $0.show(event) }
    }
  }

  /// Ends the display; returns what went wrong with the ranges' file.
  func finish() -> ResyncError? {
    display.withLock { $0.end() }
    return ranges.withLock { $0?.close() }
  }
}

/// Differences as JSON lines: `{"Pair":0,"Offset":4096,"Length":8192}`.
struct RangesFile {
  private let path: String
  private let stream: UnsafeMutablePointer<FILE>
  private var hasFailed = false

  init(path: String) throws {
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
