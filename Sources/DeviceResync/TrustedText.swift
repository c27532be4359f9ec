public import SystemPackage

/// A text that only root can have written, such as a configuration (PITFALLS F11).
public struct TrustedText: Sendable, Equatable {
  /// Where it is.
  public let path: FilePath
  /// What it says.
  public let text: String

  /// The longest that is read, in bytes.
  static let longest = 4 << 20

  /// Reads the file at `path`.
  ///
  /// - Throws: 32779 where there is none; 32769 where others than root own it or its directory, or may write there;
  ///   32776 where it is no regular file, too long, or no text in UTF-8.
  public init(at path: FilePath) throws(ResyncError) {
    let folder = (path.isAbsolute ? path : workingDirectory().pushing(path)).removingLastComponent()
    let directory = try attempt("look at", on: folder.string) { () throws(Errno) in
      try FileStatus(at: folder, followingLink: true)
    }
    try Self.check(directory, folder.string)
    let (status, bytes) = try attempt("read", on: path.string) { () throws(Errno) in
      // Whoever puts a pipe there makes nobody wait.
      let file = try OwnedDescriptor(opening: path, [.nonBlocking], followingLinks: true)
      let status = try FileStatus(of: file)
      return (status, status.kind == .regular ? try file.read(Self.longest + 1, at: 0) : [])
    }
    try Self.check(status, path.string)
    guard status.kind == .regular, bytes.count <= Self.longest, !bytes.contains(0),
      let text = String(validating: bytes, as: UTF8.self)
    else {
      throw ResyncError(
        .incorrectDataType, "read", on: path.string,
        reason: "it is no text file of at most \(ByteCount(UInt64(Self.longest)))")
    }
    self.path = path
    self.text = text
  }

  /// Takes a text that was checked otherwise, or is a test's.
  package init(_ text: String, at path: FilePath) {
    self.path = path
    self.text = text
  }

  private static func check(_ status: FileStatus, _ title: String) throws(ResyncError) {
    let reason: String
    if status.owner != 0 {
      reason = "it belongs to user \(status.owner)"
    } else if status.permissions & 0o022 != 0 {
      reason = "others than root may write it (mode \(String(status.permissions, radix: 8)))"
    } else {
      return
    }
    throw ResyncError(
      .accessDenied, "trust", on: title, reason: reason,
      remedy: "look at it, then: chown root \(ShellWord(title)) && chmod go-w \(ShellWord(title))")
  }

  /// The names in a directory that end in `suffix`, in order; none where there is no such directory.
  public static func names(in directory: FilePath, endingIn suffix: String) throws(ResyncError) -> [String] {
    do throws(Errno) {
      return try directoryNames(directory).filter { $0.hasSuffix(suffix) && !$0.hasPrefix(".") }.sorted()
    } catch .noSuchFileOrDirectory {
      return []
    } catch {
      throw ResyncError(.kernel(error, .open), "list", on: directory.string)
    }
  }
}
