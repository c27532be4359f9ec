/// Where small records are kept, so that each outlives a crash whole.
///
/// Each call is one durable step: after a crash in ``replace(_:by:)`` or ``remove(_:)`` the old record is found or
/// what was asked for, and after its return the latter. Where one throws, either may be found.
protocol RecordStore: ~Copyable {
  /// The record's bytes; nil where there is none.
  ///
  /// - Throws: for what is no record of ours: a link, a directory, a file that others may write, or too long.
  func read(_ record: RecordName) throws(ResyncError) -> [UInt8]?
  /// Puts `bytes` in the record's place.
  mutating func replace(_ record: RecordName, by bytes: [UInt8]) throws(ResyncError)
  /// Removes the record; none is as good.
  mutating func remove(_ record: RecordName) throws(ResyncError)
  /// The records of a folder, in no order; what is no record's name is left out.
  func names(in folder: RecordFolder) throws(ResyncError) -> [RecordName]
  /// What messages call the record.
  func title(of record: RecordName) -> String
  /// Takes the lock of that name, which one process at a time can hold.
  ///
  /// - Parameter patience: how long to wait for another holder.
  /// - Throws: 32774 where another keeps it.
  func lock(_ name: LockName, patience: Duration) throws(ResyncError) -> HeldLock
  /// Whether somebody holds the lock of that name; nothing is made or changed.
  func isHeld(_ name: LockName) throws(ResyncError) -> Bool
}

/// What kind of records.
enum RecordFolder: String, Sendable, CaseIterable {
  /// One for each relationship, named by its UUID.
  case states
  /// One for each disk, named by a hash of its persistent identity.
  case disks
  /// One for each relationship whose roles were exchanged, named by a hash of what it is called.
  case roles

  /// The longest record that is read, in bytes: a relationship of 128 pairs with the longest paths.
  var limit: Int {
    switch self {
    case .states: 4 << 20
    case .disks: 1 << 20
    case .roles: 1 << 16
    }
  }
}

/// A record's place.
struct RecordName: Sendable, Hashable {
  let folder: RecordFolder
  /// Lower-case hexadecimal digits and dashes.
  let stem: String

  /// Of a relationship.
  static func relationship(_ id: UniqueID) -> RecordName { RecordName(folder: .states, stem: "\(id)") }

  /// Of a disk.
  static func disk(_ identity: PersistentIdentity) -> RecordName {
    RecordName(folder: .disks, stem: identity.fileStem)
  }

  /// Of the roles in the relationship that is called `name`.
  static func roles(_ name: String) -> RecordName {
    RecordName(folder: .roles, stem: Checksum.of128(Array(name.utf8)).hexadecimal)
  }

  private init(folder: RecordFolder, stem: String) {
    self.folder = folder
    self.stem = stem
  }

  /// What a file's name says; nil for one that is no record's.
  init?(folder: RecordFolder, file: String) {
    guard file.hasSuffix(Self.suffix) else { return nil }
    let stem = String(file.dropLast(Self.suffix.count))
    let isOurs = folder == .states ? UniqueID(stem) != nil : UInt128(hexadecimal: stem) != nil
    guard isOurs else { return nil }
    self.init(folder: folder, stem: stem)
  }

  /// The file's name.
  var file: String { stem + Self.suffix }

  /// The file's name until it is whole; no record's.
  var temporaryFile: String { file + ".new" }

  private static let suffix = ".json"
}

/// What two processes must not do at once.
enum LockName: Sendable, Hashable {
  /// Changing records that belong together: some thousandths of a second.
  case records
  /// Working on a relationship: as long as a run.
  case relationship(UniqueID)

  var file: String {
    switch self {
    case .records: "records"
    case .relationship(let id): "\(id)"
    }
  }
}

/// A lock that lasts until it is let go, or its process ends.
struct HeldLock: ~Copyable, Sendable {
  private let descriptor: OwnedDescriptor?

  /// - Parameter descriptor: what the kernel ties the lock to; nil for a store that nobody shares.
  init(_ descriptor: consuming OwnedDescriptor?) { self.descriptor = descriptor }

  /// Lets it go.
  consuming func release() {}
}
