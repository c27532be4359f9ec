import DeviceResync
import Glibc
import SystemPackage
import Testing

@testable import ReplicationService

/// A folder with configuration files, which is gone after the test.
struct ConfigurationFolder: ~Copyable {
  let path: FilePath

  init() throws {
    var template = Array("/var/tmp/vmresync-config.XXXXXX".utf8CString)
    let isMade = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.map { mkdtemp($0) != nil }
    }
    try #require(isMade == true)
    path = FilePath(String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }

  deinit {
    for name in ["conf.d/a.toml", "conf.d/b.toml", "config.toml"] { unlink(path.appending(name).string) }
    rmdir(path.appending("conf.d").string)
    rmdir(path.string)
  }

  var file: FilePath { path.appending("config.toml") }

  func write(_ text: String, to name: String = "config.toml") throws {
    if name.hasPrefix("conf.d/") { mkdir(path.appending("conf.d").string, 0o755) }
    let file = try FileDescriptor.open(
      path.appending(name), .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite])
    try file.closeAfter { _ = try file.writeAll(text.utf8) }
  }

  /// What the text comes to.
  static func read(_ text: String) throws -> Configuration {
    let folder = try ConfigurationFolder()
    try folder.write(text)
    return try Configuration(at: folder.file)
  }
}

/// Expects that the text is refused, with this value and these words.
func expectRefused(
  _ text: String, _ value: ReturnValue, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation
) throws {
  do {
    let configuration = try ConfigurationFolder.read(text)
    Issue.record("it was taken: \(configuration)", sourceLocation: sourceLocation)
  } catch let error as ResyncError {
    #expect(error.returnValue == value, "\(error)", sourceLocation: sourceLocation)
    for word in words { #expect("\(error)".contains(word), "\(error)", sourceLocation: sourceLocation) }
  }
}

/// Two systems with two disks each, and a relationship.
let sampleConfiguration = """
  version = 1
  [defaults]
  stall-timeout = "5min"
  max-difference = "10%"
  [[system]]
  name = "web01"
  uuid = "11111111-2222-4333-8444-555555555555"
  [[system.disk]]
  target = "vda"
  source = "/dev/vg0/web01"
  serial = "ROOT"
  [[system.disk]]
  target = "vdb"
  source = "/dev/vg0/web01-data"
  serial = "DATA"
  [[system]]
  name = "web01-replica"
  [[system.disk]]
  target = "vdb"
  source = "/dev/vg1/web01"
  serial = "ROOT"
  [[system.disk]]
  target = "vda"
  source = "/dev/vg1/web01-data"
  serial = "DATA"
  [[relationship]]
  name = "web01"
  primary = "web01"
  recovery = "web01-replica"
  write-back = "in-place"
  """
