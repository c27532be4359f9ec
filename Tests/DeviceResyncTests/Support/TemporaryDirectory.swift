import Foundation
import SystemPackage

@testable import DeviceResync

/// A directory of root's own that is removed with all that is in it.
struct TemporaryDirectory: ~Copyable, Sendable {
  let path: FilePath

  init() throws {
    let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/var/tmp"
    path = FilePath(parent).appending("vmresync-unit-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      atPath: path.string, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
  }

  deinit { try? FileManager.default.removeItem(atPath: path.string) }

  /// Where `name` lies.
  func callAsFunction(_ name: String) -> FilePath { path.pushing(FilePath(name)) }

  /// Makes a directory, with those on the way to it.
  func directory(_ name: String) throws {
    try FileManager.default.createDirectory(atPath: self(name).string, withIntermediateDirectories: true)
  }

  /// Writes a file, with the directories on the way to it.
  @discardableResult
  func write(_ name: String, _ text: String) throws -> FilePath {
    try directory(self(name).removingLastComponent().string)
    try Data(text.utf8).write(to: URL(fileURLWithPath: self(name).string))
    return self(name)
  }

  /// Makes a link, with the directories on the way to it.
  @discardableResult
  func link(_ name: String, to target: String) throws -> FilePath {
    try directory(self(name).removingLastComponent().string)
    try FileManager.default.createSymbolicLink(atPath: self(name).string, withDestinationPath: target)
    return self(name)
  }

  /// Makes an image of `size` bytes, all holes.
  @discardableResult
  func image(_ name: String, size: UInt64) throws -> FilePath {
    try write(name, "")
    try FileHandle(forWritingTo: URL(fileURLWithPath: self(name).string)).truncate(atOffset: size)
    return self(name)
  }
}

/// Runs a program to its end; what it said on both outputs, and its status.
@discardableResult
func run(_ arguments: String..., input: String = "") throws -> (status: Int32, output: String) {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = arguments
  let (output, standardInput) = (Pipe(), Pipe())
  process.standardOutput = output
  process.standardError = output
  process.standardInput = standardInput
  try process.run()
  try standardInput.fileHandleForWriting.write(contentsOf: Data(input.utf8))
  try standardInput.fileHandleForWriting.close()
  let said = try output.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  return (process.terminationStatus, String(decoding: said, as: UTF8.self))
}
