import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// A run that takes long enough to be met on its way.
struct LongRun: ~Copyable {
  /// Makes it long: every hole is read, in small pieces, one at a time.
  static let options = ["--full", "--chunk-size", "64K", "--queue-depth", "1"]
  /// What its disks are: sparse, so that only time passes.
  static let size: UInt64 = 1 << 30

  let child: Child
  let worker: WorkerProcess

  /// Starts it, and returns when the kernel has counted 4 MiB of reads.
  init(_ operation: Operation, _ primary: String, _ recovery: String, _ options: [String] = []) throws {
    let child = try Command.start(operation.words(primary, recovery, Self.options + options))
    let worker = try child.worker()
    var start: UInt64?
    let isReading = try eventually(within: 30) {
      if child.hasEnded { return true }
      guard let name = Self.device(of: primary), worker.hasOpen("/dev/\(name)") else { return false }
      let read = try DeviceStat(name).read
      if start == nil { start = read }
      return read - (start ?? read) >= (4 << 20) / 512
    }
    let said = try child.said()
    try #require(isReading && !child.hasEnded, "it was not met on its way: \(said)")
    self.child = child
    self.worker = worker
  }

  /// The loop through which a disk is read; nil while there is none.
  private static func device(of path: String) -> String? {
    if path.hasPrefix("/dev/") { return String(path.dropFirst(5)) }
    return ((try? directoryNames("/sys/block")) ?? []).first { name in
      name.hasPrefix("loop")
        && (try? readText(FilePath("/sys/block/\(name)/loop/backing_file"))) == path + "\n"
    }
  }

  /// Lets it end by itself.
  consuming func finish() throws -> Report { try Report(child.wait(within: 120)) }

  /// Stops its worker as SIGSTOP does while `body` runs, then lets it end.
  consuming func stopped(_ body: () throws -> Void) throws -> Report {
    worker.stop()
    do {
      try body()
    } catch {
      worker.signal(SIGCONT)
      throw error
    }
    worker.signal(SIGCONT)
    return try finish()
  }
}
