import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// A block device whose faults the test decides: a loop over what `fault-disk` serves.
///
/// `Tests/FaultDisk/README.md` is the manual of its commands. Server and loop end with it, however a test ends.
struct FaultDisk: ~Copyable {
  private let server: Child
  private let loop: NamedLoop
  private let file: FilePath
  private let control: OwnedDescriptor
  private let size: Int

  /// Of these bytes, all durable; its log is empty.
  ///
  /// - Parameter size: where it is larger, in bytes; zeros follow.
  init(_ bytes: [UInt8], size: Int = 0, blockSize: UInt32 = 512) throws {
    let size = max(size, bytes.count)
    let program = FilePath(Command.path).removingLastComponent().appending("fault-disk")
    let server = try Child([program.string, "\(size)"])
    try server.waitUntilItSays("\n")
    let root = try FilePath(String(server.said().dropLast()))
    let control = try OwnedDescriptor(opening: root.appending("ctl"), .readWrite, followingLinks: true)
    let file = root.appending("disk")
    try OwnedDescriptor(opening: file, .readWrite, followingLinks: true).write(bytes, at: 0)
    let loop = try NamedLoop(file.string, blockSize: blockSize)
    try Self.give("settle", to: control)
    // All that can throw comes first: a half-made noncopyable value cannot be destroyed.
    self.server = server
    self.loop = loop
    self.file = file
    self.control = control
    self.size = size
  }

  var node: String { loop.node }
  /// The file below the loop; what is read there comes from no cache.
  var path: String { file.string }

  /// One more loop over it, whose cache knows nothing of what was before.
  func anotherLoop() throws -> NamedLoop { try NamedLoop(file.string) }

  /// Makes the device read-only, as `blockdev --setro` does.
  func setReadOnly(_ on: Bool) throws { try loop.setReadOnly(on) }

  /// Carries out one command of the manual.
  ///
  /// - Returns: the answer, of bytes.
  @discardableResult
  func ask(_ command: String) throws -> [UInt8] {
    try Self.give(command, to: control)
    var answer: [UInt8] = []
    while true {
      let part = try control.read(65536, at: UInt64(answer.count))
      answer += part
      if part.count < 65536 { return answer }
    }
  }

  private static func give(_ command: String, to control: borrowing OwnedDescriptor) throws {
    do throws(Errno) {
      try control.write(Array(command.utf8), at: 0)
    } catch {
      throw Refusal(command: command, errno: error)
    }
  }

  /// The server did not take a command.
  struct Refusal: Error {
    let command: String
    let errno: Errno
  }

  /// The same, its answer as lines.
  @discardableResult
  func tell(_ command: String) throws -> [Substring] {
    String(decoding: try ask(command), as: UTF8.self).split(separator: "\n")
  }

  // Besides the loop, and under the same rules. Nothing stays open: guards would name the test as a writer.

  /// Everything that it holds now; `clear` the rules first.
  func bytes() throws -> [UInt8] { try opened(.readOnly).read(size, at: 0) }
  func write(_ bytes: [UInt8], at offset: UInt64) throws { try opened(.readWrite).write(bytes, at: offset) }
  func sync() throws { try opened(.readOnly).synchronizeData() }

  private func opened(_ flags: OpenFlags) throws -> OwnedDescriptor {
    try OwnedDescriptor(opening: file, flags, followingLinks: true)
  }

  /// What happened since it was made, or since `settle`: writes, syncs, discards and cuts, in order.
  func log() throws -> [LogEntry] { try tell("log").map(LogEntry.init) }

  func statistics() throws -> Statistics { try Statistics(tell("stat")) }

  /// Holds up requests such as `write *` while `body` runs, which is called as soon as `count` of them wait.
  ///
  /// They go on afterwards, whatever `body` does: nothing in the kernel may wait for a test that has failed.
  func stalling(_ requests: String, count: Int = 1, _ body: () throws -> Void) throws {
    try tell("stall \(requests)")
    defer {
      // Where the server is gone nothing waits for it.
      _ = try? control.write(Array("release".utf8), at: 0)
    }
    let isStalled = try eventually(within: 20) { try statistics().waiting >= count }
    try #require(isStalled, "nothing came that could be held up")
    try body()
  }

  /// Takes the power away: what was not flushed is lost, and until ``powerUp()`` every request but reads fails.
  ///
  /// - Parameter seed: decides which blocks of what is lost survive all the same; nil for none of them.
  /// - Parameter block: their size, in bytes: what this disk never tears.
  func powerDown(_ seed: UInt64?, block: Int = 512) throws {
    let failing = ["write", "sync", "discard"].map { "fail \($0) * EIO\n" }.joined()
    try tell("clear\n" + failing + "cut" + (seed.map { " \($0) \(block)" } ?? ""))
  }

  /// Gives it back, once nothing is on its way that was asked for before.
  func powerUp() throws {
    let isQuiet = try eventually(within: 20) {
      try readText(FilePath("/sys/block/\(loop.name)/inflight")).split(whereSeparator: \.isWhitespace)
        .allSatisfy { $0 == "0" }
    }
    try #require(isQuiet, "requests of before the power cut are still on their way")
    try tell("clear\nsettle")
  }

  /// Ends the server as a crash would: from now on every request to the device fails.
  func crash() { server.signal(SIGKILL) }
}

/// One line of a fault disk's log.
struct LogEntry: Sendable, Equatable, CustomStringConvertible {
  enum Kind: String, Sendable { case write, sync, discard, cut }

  let kind: Kind
  /// What was asked for.
  let range: ByteRange
  /// How many bytes of it landed.
  let moved: UInt64
  /// `ok`, `lie`, or an errno's name.
  let outcome: String

  init(_ line: Substring) throws {
    let words = line.split(separator: " ")
    try #require(words.count == 6, "\(line)")
    kind = try #require(Kind(rawValue: String(words[1])))
    range = ByteRange(offset: try #require(UInt64(words[2])), length: try #require(UInt64(words[3])))
    moved = try #require(UInt64(words[4]))
    outcome = String(words[5])
  }

  var description: String { "\(kind.rawValue) \(range.offset)+\(range.length) \(moved) \(outcome)" }
}

extension FaultDisk {
  /// What a fault disk has carried out.
  struct Statistics: Sendable {
    struct Count: Sendable, Equatable {
      let requests: Int
      let bytes: Int
      let failed: Int
    }

    let read: Count
    let write: Count
    let sync: Count
    let discard: Count
    /// Requests that are held up.
    let waiting: Int
    /// Bytes that a power cut would take back.
    let volatileBytes: Int

    init(_ lines: [Substring]) throws {
      var numbers: [String: [Int]] = [:]
      for line in lines {
        let words = line.split(separator: " ")
        numbers[String(words[0])] = words.dropFirst().compactMap { Int($0) }
      }
      func count(_ name: String) throws -> Count {
        let row = try #require(numbers[name])
        try #require(row.count == 3)
        return Count(requests: row[0], bytes: row[1], failed: row[2])
      }
      read = try count("read")
      write = try count("write")
      sync = try count("sync")
      discard = try count("discard")
      waiting = try #require(numbers["waiting"]?.first)
      volatileBytes = try #require(numbers["volatile"]?.first)
    }
  }
}
