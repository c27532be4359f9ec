import CLinux
import Foundation
import SystemPackage
import Testing

@testable import DeviceResync

/// A sparse image without a name, so that even `kill -9` leaves nothing behind.
struct ProbeImage: ~Copyable {
  let descriptor: OwnedDescriptor

  init(size: UInt64) throws {
    let file = try FileDescriptor.open(
      FilePath("/var/tmp"), .readWrite, options: [.init(rawValue: cl_open_unnamed), .closeOnExec],
      permissions: .ownerReadWrite)
    do {
      try file.resize(to: Int64(size))
    } catch {
      try file.close()
      throw error
    }
    descriptor = OwnedDescriptor(adopting: file.rawValue)
  }

  /// What other programs open it by, while this process has it.
  var path: String { "/proc/\(ProcessInfo.processInfo.processIdentifier)/fd/\(descriptor.rawValue)" }

  func write(_ bytes: some Sequence<UInt8>, at offset: UInt64) throws {
    try descriptor.write(Array(bytes), at: offset)
  }

  /// Runs a program with the image's path as its last argument.
  func run(_ program: String, _ arguments: String...) throws {
    try runProgram(program, arguments + [path])
  }

  func loop(blockSize: UInt32 = 0) throws -> AttachedLoop {
    try AttachedLoop(over: descriptor, .readOnly, blockSize: blockSize)
  }
}

/// Runs a program and requires that it succeeds.
func runProgram(_ program: String, _ arguments: [String]) throws {
  let process = Process()
  let output = Pipe()
  process.executableURL = URL(fileURLWithPath: program)
  process.arguments = arguments
  process.standardOutput = output
  process.standardError = output
  process.standardInput = FileHandle.nullDevice
  try process.run()
  let said = output.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  try #require(process.terminationStatus == 0, "\(program): \(String(decoding: said, as: UTF8.self))")
}

/// An executable that was built with these tests.
func builtExecutable(_ name: String) throws -> FilePath {
  // The test bundle is the running executable; the others lie beside it.
  let bundle = try #require(try linkTarget("/proc/self/exe"))
  return bundle.removingLastComponent().appending(name)
}

extension ProbeHelper {
  /// As the product starts it.
  static func ofProduct() throws -> ProbeHelper { ProbeHelper(executable: try builtExecutable("vmresync")) }

  /// The one with faults.
  static func withFaults(answer: UInt32 = 10_000, probe: UInt32 = 10_000) throws -> ProbeHelper {
    ProbeHelper(
      executable: try builtExecutable("probe-faults"), deadlines: Deadlines(answer: answer, probe: probe))
  }
}
