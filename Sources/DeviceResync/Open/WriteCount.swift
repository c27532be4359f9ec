import SystemPackage

/// How much was written to a device since it was attached, by the kernel's own count (PITFALLS G2).
///
/// Source: `/sys/block/X/stat` (Documentation/block/stat.rst): field 7 counts sectors written, field 14 sectors
/// discarded, each of 512 bytes.
struct WriteCount: Sendable, Equatable {
  /// Bytes written to the node.
  let bytes: UInt64
  /// For a partition: bytes written to the whole disk beside all of its partitions.
  let bytesBeside: UInt64

  /// How often the counters are read until nothing lands between two of them.
  private static let attempts = 100

  /// Reads the counters of the device `name`; nil where the kernel keeps none, and for a partition of a disk
  /// that is written faster than its counters can be read.
  ///
  /// - Parameter wholeDisk: the disk's name, where the device is a partition of one.
  init?(of name: String, on wholeDisk: String?, in sysfs: Sysfs = Sysfs()) throws(Errno) {
    let disk = wholeDisk ?? name
    // Asked anew, for it can be switched at any time.
    guard try sysfs.flag("class/block/\(disk)/queue/iostats") else { return nil }
    guard wholeDisk != nil else {
      guard let own = try Self.written(name, sysfs) else { return nil }
      bytes = own
      bytesBeside = 0
      return
    }
    for _ in 0..<Self.attempts {
      guard let own = try Self.written(name, sysfs), let whole = try Self.written(disk, sysfs) else {
        return nil
      }
      var parts: UInt64 = 0
      for child in try sysfs.names("class/block/\(disk)") where child.hasPrefix(disk) {
        parts &+= try Self.written("\(disk)/\(child)", sysfs) ?? 0
      }
      // The counters are read one after the other: what lands in between would look like a write beside all
      // partitions, in this reading or in the next.
      guard try Self.written(disk, sysfs) == whole else { continue }
      bytes = own
      bytesBeside = whole >= parts ? whole - parts : 0
      return
    }
    return nil
  }

  private static func written(_ name: String, _ sysfs: Sysfs) throws(Errno) -> UInt64? {
    let base = "class/block/\(name)"
    guard let text = try sysfs.text("\(base)/stat") else { return nil }
    return Self.written(inStat: text)
  }

  /// Bytes written and discarded, of one `stat` line; nil for a line of another form.
  static func written(inStat text: String) -> UInt64? {
    let fields = text.split(separator: " ").map { UInt64($0) }
    guard fields.count >= 7, let written = fields[6] else { return nil }
    let discarded = fields.count >= 14 ? fields[13] ?? 0 : 0
    return (written &+ discarded) &* 512
  }
}
