import SystemPackage

/// Reads attributes below `/sys`, or below a recorded tree.
struct Sysfs: Sendable {
  let root: FilePath

  init(root: FilePath = "/sys") { self.root = root }

  /// The attribute's text without its newline; nil where there is none.
  ///
  /// Some attributes exist but refuse to be read in some states (`loop/*` while a loop is being detached,
  /// `EINVAL` of old drivers): the same as absent.
  func text(_ path: String) throws(Errno) -> String? {
    do throws(Errno) {
      let text = try readText(root.appending(path), limit: 1 << 16)
      return text.hasSuffix("\n") ? String(text.dropLast()) : text
    } catch .noSuchFileOrDirectory, .notDirectory, .invalidArgument, .noSuchAddressOrDevice,
      .operationNotSupportedByDevice
    {
      return nil
    }
  }

  /// The first attribute that says something, with runs of spaces made one.
  func firstText(_ paths: String...) throws(Errno) -> String? {
    for path in paths {
      guard let text = try text(path) else { continue }
      let words = text.split(separator: " ")
      if !words.isEmpty { return words.joined(separator: " ") }
    }
    return nil
  }

  /// The attribute as a number.
  func number(_ path: String) throws(Errno) -> UInt64? {
    try text(path).flatMap { UInt64($0.drop(while: { $0 == " " })) }
  }

  /// A number of 512-byte sectors, in bytes; nil for more than 64 bits count.
  func bytes(_ path: String) throws(Errno) -> UInt64? {
    guard let sectors = try number(path) else { return nil }
    let bytes = sectors.multipliedReportingOverflow(by: 512)
    return bytes.overflow ? nil : bytes.partialValue
  }

  /// The attribute as a yes or no: `1` or `0`.
  func flag(_ path: String) throws(Errno) -> Bool {
    try number(path) == 1
  }

  /// The names in a directory; empty where there is none.
  func names(_ path: String) throws(Errno) -> [String] {
    do throws(Errno) {
      return try directoryNames(root.appending(path)).sorted()
    } catch .noSuchFileOrDirectory, .notDirectory {
      return []
    }
  }
}
