@testable import DeviceResync

/// Records in memory, with what a power cut would leave of them.
///
/// A replacement goes through the steps of `PrivateDirectory.replace`: write, synchronize the file, rename,
/// synchronize the directory. Each of the two barriers can be left out, to see that a test misses it.
struct MemoryStore: RecordStore {
  enum Barrier: Equatable, CaseIterable { case file, directory }

  typealias Content = [UInt8]?

  let power: PowerSupply
  /// The barrier that is left out everywhere.
  let omitted: Barrier?
  /// Locks that another process holds.
  var heldElsewhere: Set<LockName> = []
  /// What a reader sees.
  private var seen: [RecordName: [UInt8]] = [:]
  /// What each record may be after a power cut; the current content comes last.
  private var left: [RecordName: [Content]] = [:]
  /// Records whose bytes may be torn when their name is durable.
  private var unsynchronized: Set<RecordName> = []

  /// Everything that a reader sees, in a fixed order.
  var contents: [String] {
    seen.map { "\($0.key.file) \(String(decoding: $0.value, as: UTF8.self))" }.sorted()
  }

  /// What tells it from others: also what a power cut may leave of it.
  var fingerprint: String {
    left.map { name, contents in
      "\(name.stem) \(contents.map { $0.map { "\(Checksum.of128($0))" } ?? "-" })"
    }.sorted().joined()
  }

  init(power: PowerSupply = PowerSupply(), omitting barrier: Barrier? = nil) {
    self.power = power
    omitted = barrier
  }

  func read(_ record: RecordName) throws(ResyncError) -> [UInt8]? {
    try power.check()
    return seen[record]
  }

  mutating func replace(_ record: RecordName, by bytes: [UInt8]) throws(ResyncError) {
    try power.step()  // The temporary file is written.
    if omitted != .file { try power.step() }
    try rename(record, bytes)
  }

  mutating func remove(_ record: RecordName) throws(ResyncError) {
    try rename(record, nil)
  }

  private mutating func rename(_ record: RecordName, _ content: Content) throws(ResyncError) {
    try power.step()
    if omitted == .file, content != nil {
      unsynchronized.insert(record)
    } else {
      unsynchronized.remove(record)
    }
    // The name may become durable at once, and its bytes later or in part.
    left[record] = (left[record] ?? [seen[record]]) + torn(record, content) + [content]
    seen[record] = content
    guard omitted != .directory else { return }
    try synchronize(record.folder)
  }

  /// What is seen of a folder is durable when this returns.
  mutating func synchronize(_ folder: RecordFolder) throws(ResyncError) {
    try power.step()
    for name in left.keys where name.folder == folder {
      left[name] = torn(name, seen[name]) + [seen[name]]
    }
  }

  private func torn(_ record: RecordName, _ content: Content) -> [Content] {
    guard let content, unsynchronized.contains(record) else { return [] }
    return [[], Array(content.prefix(content.count / 2))]
  }

  func names(in folder: RecordFolder) throws(ResyncError) -> [RecordName] {
    try power.check()
    return seen.keys.filter { $0.folder == folder }
  }

  func title(of record: RecordName) -> String { "\(record.folder)/\(record.file)" }

  func lock(_ name: LockName, patience: Duration) throws(ResyncError) -> HeldLock {
    try power.check()
    guard !heldElsewhere.contains(name) else { throw ResyncError(.inUse, "lock", on: name.file) }
    return HeldLock(nil)
  }

  func isHeld(_ name: LockName) throws(ResyncError) -> Bool {
    try power.check()
    return heldElsewhere.contains(name)
  }

  /// Every store that a power cut now may leave, with new power.
  func afterPowerCut(power: PowerSupply = PowerSupply()) -> [MemoryStore] {
    var stores = [MemoryStore(power: power, omitting: omitted)]
    for (name, contents) in left {
      var distinct: [Content] = []
      for content in contents where !distinct.contains(content) { distinct.append(content) }
      stores = stores.flatMap { store in
        distinct.map { content in
          var store = store
          store.seen[name] = content
          store.left[name] = [content]
          return store
        }
      }
    }
    return stores
  }

  /// The same, with all that is seen on stable storage.
  var synchronized: MemoryStore {
    var store = self
    for name in left.keys { store.left[name] = torn(name, seen[name]) + [seen[name]] }
    return store
  }

  /// The same with other power.
  func powered(by power: PowerSupply) -> MemoryStore {
    var store = MemoryStore(power: power, omitting: omitted)
    store.seen = seen
    store.left = left
    store.unsynchronized = unsynchronized
    return store
  }
}
