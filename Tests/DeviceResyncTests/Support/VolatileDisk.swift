@testable import DeviceResync

/// What of all that is not on stable storage a power cut lets land.
enum CutOutcome {
  case nothing, everything
  /// As a seed decides, each sector by itself.
  case some(SplitMix64)

  mutating func lands() -> Bool {
    switch self {
    case .nothing: return false
    case .everything: return true
    case .some(var random):
      let lands = Bool.random(using: &random)
      self = .some(random)
      return lands
    }
  }
}

/// A disk or a file with a volatile cache: writes land when they are flushed, or, each sector by itself and in any
/// order, before.
struct VolatileDisk {
  private struct Write {
    let id: Int
    let offset: Int
    let bytes: [UInt8]
    var hasEnded = false
  }

  static let sector = 512

  private(set) var durable: [UInt8]
  private var writes: [Write] = []
  private var nextID = 0

  init(_ bytes: [UInt8]) { durable = bytes }

  /// What a reader gets.
  var seen: [UInt8] {
    writes.reduce(into: durable) { Self.put($1.bytes, at: $1.offset, into: &$0) }
  }

  /// Starts a write, which may land from now on.
  mutating func begin(_ bytes: [UInt8], at offset: Int) -> Int {
    writes.append(Write(id: nextID, offset: offset, bytes: bytes))
    nextID += 1
    return nextID - 1
  }

  mutating func end(_ id: Int) {
    for index in writes.indices where writes[index].id == id { writes[index].hasEnded = true }
  }

  /// Writes that a flush which starts now covers.
  var flushable: Set<Int> { Set(writes.filter(\.hasEnded).map(\.id)) }

  /// Ends a flush.
  mutating func flush(_ covered: Set<Int>) {
    for write in writes where covered.contains(write.id) {
      Self.put(write.bytes, at: write.offset, into: &durable)
    }
    writes.removeAll { covered.contains($0.id) }
  }

  /// After a power cut.
  func afterCut(_ outcome: inout CutOutcome) -> VolatileDisk {
    var left = durable
    for write in writes {
      for start in stride(from: 0, to: write.bytes.count, by: Self.sector) where outcome.lands() {
        let end = min(start + Self.sector, write.bytes.count)
        Self.put(Array(write.bytes[start..<end]), at: write.offset + start, into: &left)
      }
    }
    return VolatileDisk(left)
  }

  /// After the end of the process that wrote: what was in flight has ended.
  func afterKill() -> VolatileDisk {
    var left = self
    for index in left.writes.indices { left.writes[index].hasEnded = true }
    return left
  }

  /// What tells it from others.
  var fingerprint: String {
    writes.reduce("\(Checksum.of128(durable))") {
      "\($0) \($1.offset) \($1.hasEnded) \(Checksum.of128($1.bytes))"
    }
  }

  private static func put(_ bytes: [UInt8], at offset: Int, into disk: inout [UInt8]) {
    let missing = offset + bytes.count - disk.count
    if missing > 0 { disk += [UInt8](repeating: 0, count: missing) }
    disk.overwrite(at: offset, with: bytes)
  }
}

extension [UInt8] {
  /// The same as `replaceSubrange`, which takes long without optimization.
  mutating func overwrite(at offset: Int, with bytes: [UInt8]) {
    precondition(offset >= 0 && offset + bytes.count <= count)
    withUnsafeMutableBytes { target in
      bytes.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: target[offset...]).copyMemory(from: $0)
      }
    }
  }
}

/// The folder of staging files: names are durable when it is flushed, or before.
struct VolatileDirectory {
  private(set) var files: [String: VolatileDisk] = [:]
  private var durableNames: Set<String> = []
  private var removed: [String: VolatileDisk] = [:]

  subscript(name: String) -> VolatileDisk? {
    get { files[name] }
    set { files[name] = newValue }
  }

  mutating func remove(_ name: String) {
    guard let file = files.removeValue(forKey: name), durableNames.contains(name) else { return }
    removed[name] = file
  }

  mutating func flush() {
    durableNames = Set(files.keys)
    removed = [:]
  }

  /// What tells it from others.
  var fingerprint: String {
    let all = files.map { "\($0) \(durableNames.contains($0)) \($1.fingerprint)" }
    return all.sorted().joined() + removed.map { "-\($0) \($1.fingerprint)" }.sorted().joined()
  }

  /// After a power cut.
  func afterCut(_ outcome: inout CutOutcome) -> VolatileDirectory {
    var left = VolatileDirectory()
    for (name, file) in files.sorted(by: { $0.key < $1.key })
    where durableNames.contains(name) || outcome.lands() {
      left.files[name] = file.afterCut(&outcome)
    }
    for (name, file) in removed.sorted(by: { $0.key < $1.key }) where !outcome.lands() {
      left.files[name] = file.afterCut(&outcome)
    }
    left.flush()
    return left
  }

  /// After the end of the process that wrote.
  func afterKill() -> VolatileDirectory {
    var left = self
    left.files = files.mapValues { $0.afterKill() }
    return left
  }
}

/// A disk that queues share.
final class DiskBox {
  var disk: VolatileDisk
  init(_ disk: VolatileDisk) { self.disk = disk }

  // Queues change the disk through these: the compiler (6.3) breaks under ThreadSanitizer on a change of a class's
  // value from within a noncopyable type.
  func begin(_ bytes: [UInt8], at offset: Int) -> Int { disk.begin(bytes, at: offset) }
  func end(_ write: Int) { disk.end(write) }
  func flush(_ covered: Set<Int>) { disk.flush(covered) }
}
