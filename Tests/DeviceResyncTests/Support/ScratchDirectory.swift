import Foundation
import SystemPackage

@testable import DeviceResync

/// A directory of its own, 0700, that goes away with its owner.
final class ScratchDirectory: Sendable {
  let path: FilePath

  init(in parent: FilePath = "/var/tmp") throws {
    path = parent.appending("vmresync-test-\(UniqueID.random())")
    try FileManager.default.createDirectory(
      atPath: path.string, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
  }

  deinit {
    // What cannot be removed is seen by whoever looks into the parent; no test's outcome depends on it.
    try? FileManager.default.removeItem(atPath: path.string)
  }

  func callAsFunction(_ name: String) -> FilePath { path.appending(name) }

  /// Makes a file of `size` zeros, and holes where the file system has them.
  func file(_ name: String, size: UInt64) throws -> FilePath {
    let file = try OwnedDescriptor(opening: path, [.directory]).creating(name)
    try FileDescriptor(rawValue: file.rawValue).resize(to: Int64(size))
    return self(name)
  }
}

/// A command that holds something until it is let go.
///
/// It says `ready` on a line of its own, then waits for the end of its input.
final class HoldingCommand {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()

  var identifier: Int32 { process.processIdentifier }

  /// Starts it and waits until it holds.
  init(_ command: String...) throws {
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    try waitUntilReady()
  }

  /// Lets it go on until it is ready again.
  func goOn() throws {
    input.fileHandleForWriting.write(Data("\n".utf8))
    try waitUntilReady()
  }

  private func waitUntilReady() throws {
    guard output.fileHandleForReading.availableData.starts(with: Data("ready".utf8)) else {
      throw Errno.noChildProcess
    }
  }

  /// Lets go and waits for its end.
  func end() {
    input.fileHandleForWriting.closeFile()
    process.waitUntilExit()
  }

  deinit { if process.isRunning { end() } }
}
