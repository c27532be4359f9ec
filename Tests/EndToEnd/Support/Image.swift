import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// A raw image in the test's place; no descriptor of it stays open.
struct Image: Sendable {
  let path: String

  /// A file that something else makes.
  init(at path: String) { self.path = path }

  /// Of `size` bytes, all holes.
  init(_ name: String, size: UInt64) throws {
    path = Place.ours(name)
    let file = try FileDescriptor.open(
      FilePath(path), .readWrite, options: [.create, .exclusiveCreate, .closeOnExec],
      permissions: .ownerReadWrite)
    try file.closeAfter { try file.resize(to: Int64(size)) }
  }

  /// Of these bytes, all of them allocated.
  init(_ name: String, _ bytes: [UInt8]) throws {
    try self.init(name, size: UInt64(bytes.count))
    try write(bytes, at: 0)
  }

  func write(_ bytes: [UInt8], at offset: UInt64) throws {
    try OwnedDescriptor(opening: FilePath(path), .readWrite).write(bytes, at: offset)
  }

  /// Cuts or extends it.
  func resize(to size: UInt64) throws {
    let file = try FileDescriptor.open(FilePath(path), .readWrite, options: [.closeOnExec])
    try file.closeAfter { try file.resize(to: Int64(size)) }
  }

  /// Every byte.
  func bytes() throws -> [UInt8] {
    let file = try OwnedDescriptor(opening: FilePath(path), .readOnly)
    return try file.read(Int(try FileStatus(of: file).size), at: 0)
  }

  func bytes(_ count: Int, at offset: UInt64) throws -> [UInt8] {
    try OwnedDescriptor(opening: FilePath(path), .readOnly).read(count, at: offset)
  }

  /// What must not change in an image that nobody writes; reading changes the time of access only.
  func status() throws -> FileStatus { try FileStatus(at: FilePath(path), followingLink: false) }
}

/// Bytes that a seed decides.
func randomBytes(_ count: Int, seed: UInt64) -> [UInt8] {
  var random = SplitMix64(seed: seed)
  let words = (0..<(count + 7) / 8).map { _ in random.next() }
  return words.withUnsafeBytes { Array($0.prefix(count)) }
}

/// Whether both hold the same bytes; `==` takes a hundred times as long without optimization.
func areEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
  one.count == other.count && (one.isEmpty || memcmp(one, other, one.count) == 0)
}

/// A few of `cases`, drawn anew each time; all of them where there is time (`scripts/endurance`).
func sampled<Case>(_ cases: [Case], few: Int) -> [Case] {
  Array(cases.shuffled().prefix(testSeconds > 1 ? cases.count : few))
}

/// How long a matrix may go on, in seconds: `VMRESYNC_TEST_SECONDS`, else 1.
let testSeconds: Double = getenv("VMRESYNC_TEST_SECONDS").flatMap { Double(String(cString: $0)) } ?? 1

/// Runs `body` with one seed after the other until the time is over, at least once; its expectations print the
/// seed.
func forSeeds(_ body: (UInt64) throws -> Void) rethrows {
  let clock = ContinuousClock()
  let end = clock.now + .seconds(testSeconds)
  repeat {
    try body(.random(in: .min ... .max))
  } while clock.now < end
}

/// Strikes before each of these calls, in any order, until the time is over; one must have hit.
///
/// - Parameter strike: returns whether the process was killed.
func forKills(
  _ calls: [Int], sourceLocation: SourceLocation = #_sourceLocation, _ strike: (Int) throws -> Bool
) rethrows {
  let clock = ContinuousClock()
  let end = clock.now + .seconds(testSeconds)
  var kills = 0
  for number in calls.shuffled() {
    if try strike(number) { kills += 1 }
    if clock.now >= end && kills > 0 { break }
  }
  #expect(kills > 0, sourceLocation: sourceLocation)
}

/// What a comparison must find, worked out byte by byte.
struct Oracle {
  /// Differences as DESIGN 1 defines them: runs of differing blocks.
  let ranges: [ByteRange]
  /// The recovery after a resync.
  let result: [UInt8]

  var bytesDifferent: UInt64 { ranges.reduce(0) { $0 + $1.length } }

  /// - Parameter block: 4096, or the larger logical block where that is more; what remains after the last whole
  ///   one is cut in pieces of `logical` bytes.
  init(_ primary: [UInt8], _ recovery: [UInt8], block: Int = 4096, logical: Int = 512) {
    var ranges: [ByteRange] = []
    var start = 0
    while start < primary.count {
      let unit = primary.count - start >= block ? block : min(logical, primary.count - start)
      var differs = false
      primary.withUnsafeBufferPointer { a in
        recovery.withUnsafeBufferPointer { b in
          var index = start
          while index < start + unit, !differs {
            differs = a[index] != b[index]
            index += 1
          }
        }
      }
      if differs {
        if let last = ranges.last, last.end == UInt64(start) {
          ranges[ranges.count - 1] = ByteRange(last.offset, upTo: UInt64(start + unit))
        } else {
          ranges.append(ByteRange(offset: UInt64(start), length: UInt64(unit)))
        }
      }
      start += unit
    }
    self.ranges = ranges
    result = primary + recovery.dropFirst(primary.count)
  }
}

extension Report {
  /// The differences that a `compare` lists.
  var ranges: [ByteRange] {
    let offsets = pair()["ChangedByteOffsets"].array.compactMap(\.int)
    let lengths = pair()["ChangedByteLengths"].array.compactMap(\.int)
    return zip(offsets, lengths).map { ByteRange(offset: UInt64($0), length: UInt64($1)) }
  }
}
