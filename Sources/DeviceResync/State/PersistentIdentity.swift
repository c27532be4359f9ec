/// What a disk is known by from one run to the next, whatever its node or path is called then (PITFALLS A10).
///
/// A text in parts, such as `wwid-naa.5000c500a1b2c3d4@1048576+536870912/size-536870912` or
/// `fs-0b5f…/inode-1310725/born-1764000000123456789/size-68719476736`. It is compared as a whole.
public struct PersistentIdentity: Sendable, Hashable {
  /// How long it means the same disk.
  public enum Endurance: Sendable, Equatable {
    /// For good.
    case permanent
    /// As long as the file system keeps its number: some make it from their device's.
    case fileSystemNumber
    /// Until the host starts again: the disk has nothing of its own by which it can be known.
    case boot
  }

  /// The text.
  public let text: String

  /// Takes a text that was made by ``init(parts:)`` once; nil for what never was one.
  init?(_ text: String) {
    guard (1...Self.limit).contains(text.utf8.count), !text.utf8.contains(0) else { return nil }
    self.text = text
  }

  /// Joins `parts`; nil where they are longer than any that a real disk has.
  init?(parts: [String]) { self.init(parts.joined(separator: "/")) }

  /// Most bytes of UTF-8.
  static let limit = 1024

  /// How long it means the same disk.
  public var endurance: Endurance {
    if text.hasPrefix("boot-") { return .boot }
    return text.hasPrefix("fsid-") ? .fileSystemNumber : .permanent
  }

  /// Which boot it counts in; nil where it outlives one.
  var boot: UniqueID? {
    text.hasPrefix("boot-") ? UniqueID(text.dropFirst("boot-".count).prefix(36)) : nil
  }

  /// What its record's file is called: a hash, so that no serial number becomes a path (PITFALLS F5).
  var fileStem: String { Checksum.of128(Array(text.utf8)).hexadecimal }

  /// What a plan says where it does not last; nil where it does.
  public var caution: String? {
    switch endurance {
    case .permanent: nil
    case .fileSystemNumber: "it is known by its file system's number, which may change when disks are added"
    case .boot: "it has no WWN, serial number or UUID: after a restart of the host it will not be known again"
    }
  }
}

extension PersistentIdentity: CustomStringConvertible {
  /// The text, made safe to print: a serial number may hold anything.
  public var description: String { PrintableText(text).description }
}

extension PersistentIdentity: TextCodable {
  /// Reads the text; nil where it is empty or too long.
  public init?(coded text: String) { self.init(text) }
  /// The text as it is, which may hold anything.
  public var codedText: String { text }
}
