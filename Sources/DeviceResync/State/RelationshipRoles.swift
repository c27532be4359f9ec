import SystemPackage

/// Who of two systems is the primary since their last `reverse`: `roles/HASH.json`, by the relationship's name.
///
/// Only what a system's name is taken for rests on it: which way disks may be written, their own records say.
public struct RelationshipRoles: Sendable, Hashable {
  /// What the relationship is called.
  public var relationship: String
  /// The system that is read.
  public var primary: String
  /// The system that is written.
  public var recovery: String
  /// Since when.
  public var since: Timestamp

  /// Creates a record.
  public init(relationship: String, primary: String, recovery: String, since: Timestamp) {
    self.relationship = relationship
    self.primary = primary
    self.recovery = recovery
    self.since = since
  }

  /// The records of these relationships in the state directory at `path`; one that was never reversed has none.
  ///
  /// No disk is touched.
  ///
  /// - Throws: 32775 for a record that cannot be used, 32769 for one that others than root may write.
  public static func read(
    of relationships: [String], in path: String
  ) throws(ResyncError) -> [RelationshipRoles] {
    guard let store = try DirectoryStore.ifPresent(at: FilePath(path)) else { return [] }
    return try StateBook(store).roles(of: relationships)
  }
}

extension RelationshipRoles: Codable {
  enum CodingKeys: String, CodingKey {
    case formatVersion = "FormatVersion"
    case relationship = "RelationshipName"
    case primary = "Primary"
    case recovery = "Recovery"
    case since = "Since"
  }

  /// Reads the object; its version was looked at before.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    relationship = try container.decode(String.self, forKey: .relationship)
    primary = try container.decode(String.self, forKey: .primary)
    recovery = try container.decode(String.self, forKey: .recovery)
    since = try container.decode(Timestamp.self, forKey: .since)
  }

  /// Writes the object.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(RecordFormat.version, forKey: .formatVersion)
    try container.encode(relationship, forKey: .relationship)
    try container.encode(primary, forKey: .primary)
    try container.encode(recovery, forKey: .recovery)
    try container.encode(since, forKey: .since)
  }
}

extension RelationshipRoles: StoredRecord {
  func fault(as name: RecordName) -> String? {
    guard name == .roles(relationship) else { return "it is of another relationship than its name says" }
    guard [relationship, primary, recovery].allSatisfy(RelationshipWords.isName) else {
      return "a system's name is empty or too long"
    }
    return primary == recovery ? "a system is its own recovery" : nil
  }
}

extension StateBook where Store: ~Copyable {
  /// Those of `relationships` that have a record.
  func roles(of relationships: [String]) throws(ResyncError) -> [RelationshipRoles] {
    let present = Set(try store.names(in: .roles))
    var found: [RelationshipRoles] = []
    for name in relationships where present.contains(.roles(name)) {
      if let roles: RelationshipRoles = try read(.roles(name)) { found.append(roles) }
    }
    return found
  }
}
