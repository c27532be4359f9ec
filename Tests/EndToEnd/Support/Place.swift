import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

/// A private directory for one test, and the check that the test left nothing behind.
struct Place: Sendable {
  @TaskLocal private static var current: Place?

  let path: String

  /// The running test's; a suite says `.ownPlace`.
  static var ours: Place {
    guard let current else { preconditionFailure("the suite says .ownPlace") }
    return current
  }

  /// A path below it; nothing is made.
  func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

  fileprivate static func running(_ body: () async throws -> Void) async throws {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/var/tmp"
    var template = Array("\(parent)/vmresync-e2e.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
    let place = Place(
      path: String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
    do {
      try await $current.withValue(place) { try await body() }
    } catch {
      place.clean()
      throw error
    }
    place.clean()
  }

  /// Another process that just looks at a loop keeps it for a moment: that is waited for.
  private func clean() {
    var left: [String] = []
    _ = eventually(within: 2) {
      left = leftovers()
      return left.isEmpty
    }
    if !left.isEmpty { Issue.record("the test left behind: \(left.joined(separator: ", "))") }
    remove(path)
    if access(path, F_OK) == 0 { Issue.record("\(path) cannot be removed") }
  }

  /// Loops over files below the place, and mounts that show it.
  private func leftovers() -> [String] {
    var found: [String] = []
    for name in (try? directoryNames("/sys/block")) ?? [] where name.hasPrefix("loop") {
      guard let file = try? readText(FilePath("/sys/block/\(name)/loop/backing_file")) else { continue }
      if file.hasPrefix(path + "/") { found.append("/dev/\(name) over \(file.dropLast())") }
    }
    for process in (try? directoryNames("/proc")) ?? [] where Int32(process) != nil {
      guard let mounts = try? readText(FilePath("/proc/\(process)/mountinfo")) else { continue }
      for line in mounts.split(separator: "\n") where line.contains(" \(path)/") {
        found.append("mount of pid \(process): \(line)")
      }
    }
    return found
  }

  private func remove(_ path: String) {
    // Removes files that were made immutable, too; a directory's children first.
    guard let directory = opendir(path) else { return }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    closedir(directory)
    for name in names {
      let child = "\(path)/\(name)"
      if unlink(child) == 0 { continue }
      if errno == EISDIR { remove(child) }
    }
    rmdir(path)
  }
}

/// Runs each test of a suite in a ``Place`` of its own.
struct OwnPlace: SuiteTrait, TestTrait, TestScoping {
  var isRecursive: Bool { true }

  func scopeProvider(for test: Test, testCase: Test.Case?) -> OwnPlace? { testCase == nil ? nil : self }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    try await withTaskExecutorPreference(TestThreads.shared) { try await Place.running(function) }
  }
}

extension Trait where Self == OwnPlace {
  /// A private directory, and nothing left behind.
  static var ownPlace: Self { OwnPlace() }
}

extension Tag {
  /// Attaches devices, or runs the command.
  @Tag static var devices: Self
  /// Takes a second or more.
  @Tag static var slow: Self
}

/// Waits until `condition` holds; false after `seconds`.
func eventually(within seconds: Double, _ condition: () throws -> Bool) rethrows -> Bool {
  let clock = ContinuousClock()
  let deadline = clock.now + .seconds(seconds)
  while clock.now < deadline {
    if try condition() { return true }
    pause(milliseconds: 1)
  }
  return try condition()
}
