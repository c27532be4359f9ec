import Foundation
import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("a disk that breaks its prober")
struct ProbeFaultTests {
  /// A disk that makes its child misbehave; see Tests/ProbeFaults.
  private func disk(_ fault: String) throws -> ProbeImage {
    let image = try ProbeImage(size: 1 << 20)
    try image.write(Array("FAULT:\(fault)\0".utf8), at: 0)
    return image
  }

  private static func id(of helper: borrowing ProbeHelper) throws -> pid_t {
    let id = helper.processID
    return try #require(id)
  }

  private func probe(
    _ fault: String, _ helper: inout ProbeHelper
  ) throws -> (broken: ProbedContent, next: ProbedContent) {
    let broken = try disk(fault)
    let sound = try ProbeImage(size: 8 << 20)
    try sound.run("/usr/sbin/mkswap")
    let findings = helper.probe(count: 3) { index throws(Errno) in
      index == 0 ? try broken.descriptor.duplicate() : try sound.descriptor.duplicate()
    }
    #expect(findings[1].content == findings[2].content)
    return (findings[0].content, findings[1].content)
  }

  @Test(
    "is unknown with the reason, and the next device is answered",
    arguments: [
      ("crash", "libblkid was ended by signal 11 while it read the content"),
      // It may not even raise SIGABRT.
      ("abort", "libblkid was ended by signal 11 while it read the content"),
      // Its CPU time was up.
      ("spin", "libblkid was ended by signal 9 while it read the content"),
      ("exit", "libblkid failed: Protocol error (EPROTO)"),
    ])
  func fault(_ fault: String, reason: String) throws {
    var helper = try ProbeHelper.withFaults()
    let id = helper.processID
    let (broken, next) = try probe(fault, &helper)
    #expect(broken == .unknown(reason))
    #expect(next.signatures.map(\.type) == ["swap"])
    let stillID = helper.processID
    #expect(stillID == id)
  }

  @Test("takes too long over its content")
  func slow() throws {
    var helper = try ProbeHelper.withFaults(probe: 100)
    let (broken, next) = try probe("spin", &helper)
    #expect(broken == .unknown("libblkid took too long over the content"))
    #expect(next.outcome == .probed)
  }

  @Test("does not answer a read: nothing else is tried on it")
  func silent() throws {
    var helper = try ProbeHelper.withFaults(answer: 100)
    let (broken, next) = try probe("hang", &helper)
    #expect(broken == .unknown("the device did not answer a read in time"))
    #expect(next.outcome == .probed)
  }

  @Test(
    "finds no way out of the sandbox: files, sockets, processes, writes, ioctls, memory",
    arguments: ["escape", "memory"])
  func sandbox(_ fault: String) throws {
    var helper = try ProbeHelper.withFaults()
    let (broken, _) = try probe(fault, &helper)
    // Otherwise the reason is the number of the way out, as an errno.
    #expect(broken.outcome == .probed)
  }

  @Test("is read by nobody: no capability, no new privilege, a filter, no descriptor, little memory and time")
  func rights() throws {
    var helper = try ProbeHelper.withFaults()
    let id = try Self.id(of: helper)
    let seen = Seen()
    let watcher = try IOThread { seen.watch(childOf: id, doing: "spin", sandboxed: true, thenSend: SIGSEGV) }
    let (broken, next) = try probe("spin", &helper)
    _ = consume watcher  // has ended
    #expect(broken == .unknown("libblkid was ended by signal 11 while it read the content"))
    #expect(next.outcome == .probed)
    let (status, limits) = seen.read()
    for line in [
      "Uid:\t65534\t65534\t65534\t65534", "Gid:\t65534\t65534\t65534\t65534", "Groups:\t ",
      "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2",
    ] {
      #expect(status.contains(line + "\n"), "\(line) is not in \(status)")
    }
    for (name, value) in [
      ("Max address space", "268435456"), ("Max cpu time", "1"), ("Max open files", "0"),
      ("Max core file size", "0"), ("Max file size", "0"),
    ] {
      let words = limits.split(separator: "\n").first { $0.hasPrefix(name) }?.dropFirst(name.count)
        .split(separator: " ").prefix(2)
      #expect(words == [Substring(value), Substring(value)], "\(name)")
    }
  }

  @Test("the helper itself dies: what it had is unknown, a new one answers the rest")
  func helperDies() throws {
    var helper = try ProbeHelper.withFaults()
    let id = try Self.id(of: helper)
    let seen = Seen()
    let watcher = try IOThread {
      seen.watch(childOf: id, doing: "hang", sandboxed: false)
      kill(id, SIGKILL)
    }
    let hung = try disk("hang")
    let sound = try ProbeImage(size: 8 << 20)
    try sound.run("/usr/sbin/mkswap")
    let findings = helper.probe(count: 8) { index throws(Errno) in
      index < 4 ? try hung.descriptor.duplicate() : try sound.descriptor.duplicate()
    }
    _ = consume watcher
    for finding in findings.prefix(4) { #expect(finding == .unknown("the probing helper ended")) }
    for finding in findings.suffix(4) { #expect(finding.content.signatures.map(\.type) == ["swap"]) }
    // The children of the dead one went with it.
    #expect(seen.child > 0 && waitUntilGone(seen.child))
  }

  @Test("a helper that died while nobody asked is replaced, and nothing is lost")
  func helperDiedBefore() throws {
    var helper = try ProbeHelper.withFaults()
    let id = try Self.id(of: helper)
    kill(id, SIGKILL)
    #expect(waitUntilGone(id))
    let (fine, next) = try probe("nothing", &helper)
    #expect(fine.outcome == .probed)
    #expect(next.signatures.map(\.type) == ["swap"])
  }

  @Test("letting go of the helper ends it and its children")
  func end() throws {
    let seen = Seen()
    let id: CInt
    do {
      var helper = try ProbeHelper.withFaults(answer: 60_000)
      id = try Self.id(of: helper)
      let watcher = try IOThread {
        seen.watch(childOf: id, doing: "hang", sandboxed: false)
        kill(id, SIGTERM)
      }
      let hung = try disk("hang")
      _ = helper.probe(count: 1) { _ throws(Errno) in try hung.descriptor.duplicate() }
      _ = consume watcher
    }
    #expect(waitUntilGone(id))
    #expect(seen.child > 0 && waitUntilGone(seen.child))
  }

  @Test("without an executable everything is unknown, nothing aborts")
  func missing() throws {
    let image = try ProbeImage(size: 4096)
    var helper = ProbeHelper(executable: "/no/such/executable")
    guard case .unknown(let reason) = helper.probeDisk(image.descriptor).outcome else {
      Issue.record("it was probed")
      return
    }
    #expect(reason.contains("ENOENT"))
    // Nor does a program probe whose main does not know of the helper: it would run itself once more.
    var own = ProbeHelper()
    let ownID = own.processID
    #expect(ownID == nil)
    #expect(
      own.probeDisk(image.descriptor) == .unknown("this program's main does not call probe_helper_enter"))
  }
}

/// Whether the process is gone within a second; a zombie, which only waits for init, is.
private func waitUntilGone(_ id: pid_t) -> Bool {
  let end = ContinuousClock.now + .seconds(1)
  while let status = try? readText(FilePath("/proc/\(id)/status")), !status.contains("State:\tZ") {
    guard ContinuousClock.now < end else { return false }
    sched_yield()
  }
  return true
}
