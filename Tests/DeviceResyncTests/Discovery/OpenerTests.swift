import Foundation
import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("who has disks open", .tags(.devices, .slow))
struct OpenerTests {
  /// What this process has open of `target`, as others would find it.
  private func mine(_ target: Opener.Target, among files: Set<FileIdentity> = []) throws -> [Opener] {
    try discoverOpeners(of: files).openers.filter { $0.process == getpid() && $0.target == target }
  }

  @Test("an open node is found, with whether it may be written", arguments: [true, false])
  func node(_ isWriting: Bool) throws {
    let disk = try LoopDisk(size: 1 << 20)
    let number = DeviceNumber(major: 7, minor: UInt32(disk.loop.number))
    // The attached loop itself is open for writing.
    #expect(try mine(.device(number)).map(\.isWriting) == [true])
    let node = try OwnedDescriptor(opening: disk.loop.path, isWriting ? .readWrite : .readOnly)
    let found = try mine(.device(number))
    #expect(Set(found.map(\.isWriting)) == (isWriting ? [true] : [true, false]))
    #expect(found[0].description.hasPrefix("pid \(getpid()) ("))
    _ = consume node
  }

  @Test("another process is found by the device's number, though it opened a node of its own")
  func alias() throws {
    let disk = try LoopDisk(size: 1 << 20)
    let directory = try TemporaryDirectory()
    try run("mknod", directory("alias").string, "b", "7", "\(disk.loop.number)")
    let sleeper = Process()
    sleeper.executableURL = URL(fileURLWithPath: "/bin/bash")
    sleeper.arguments = ["-c", "exec 9<>\(directory("alias")); echo ready; exec cat"]
    let (input, output) = (Pipe(), Pipe())
    sleeper.standardInput = input
    sleeper.standardOutput = output
    try sleeper.run()
    defer {
      input.fileHandleForWriting.closeFile()
      sleeper.waitUntilExit()
    }
    #expect(output.fileHandleForReading.availableData == Data("ready\n".utf8))
    let number = DeviceNumber(major: 7, minor: UInt32(disk.loop.number))
    let found = try discoverOpeners(of: []).openers.filter {
      $0.process == sleeper.processIdentifier && $0.target == .device(number)
    }
    #expect(found.map(\.isWriting) == [true])
  }

  @Test("a file is found only where it was asked for")
  func file() throws {
    let directory = try TemporaryDirectory()
    let file = try OwnedDescriptor(opening: try directory.write("a", "x"), .readWrite)
    let identity = try FileStatus(of: file).identity
    #expect(try mine(.file(identity)) == [])
    #expect(try mine(.file(identity), among: [identity]).map(\.isWriting) == [true])
  }

  @Test(
    "a shared writable mapping outlives its descriptor and is found; a private or a read-only one is none",
    arguments: [
      (PROT_READ | PROT_WRITE, MAP_SHARED, true), (PROT_READ | PROT_WRITE, MAP_PRIVATE, false),
      (PROT_READ, MAP_SHARED, false),
    ])
  func mapping(_ protection: CInt, _ flags: CInt, _ isFound: Bool) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.image("a", size: 4096)
    let identity = try FileStatus(at: path, followingLink: false).identity
    let memory: UnsafeMutableRawPointer?
    do {
      let file = try OwnedDescriptor(opening: path, .readWrite)
      memory = mmap(nil, 4096, protection, flags, file.rawValue, 0)
    }
    #expect(memory != MAP_FAILED)
    defer { munmap(memory, 4096) }
    #expect(try mine(.file(identity), among: [identity]).map(\.isWriting) == (isFound ? [true] : []))
  }

  @Test("a mapping of a device's node is found too")
  func deviceMapping() throws {
    let disk = try LoopDisk(size: 1 << 20)
    let number = DeviceNumber(major: 7, minor: UInt32(disk.loop.number))
    let node = try OwnedDescriptor(opening: disk.loop.path, .readOnly)
    #expect(try mine(.device(number)).map(\.isWriting).contains(false))
    let writable = try OwnedDescriptor(opening: disk.loop.path, .readWrite)
    let memory = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, writable.rawValue, 0)
    #expect(memory != MAP_FAILED)
    defer { munmap(memory, 4096) }
    try writable.close()
    #expect(try mine(.device(number)).contains { $0.isWriting })
    _ = consume node
  }

  @Test("a process that ended, or is no process, is passed over; one that may not be looked into is named")
  func recorded() throws {
    let proc = try TemporaryDirectory()
    try proc.write("self/x", "")
    try proc.directory("17")  // it ended meanwhile
    try proc.write("18/comm", "quiet\n")
    try proc.write("18/maps", "")
    try proc.directory("18/fd")
    let scan = try discoverOpeners(of: [], proc: proc.path)
    #expect(scan.openers == [] && scan.opaque == [])
  }

  @Test("a process whose first thread has ended is looked into through its other threads")
  func zombieLeader() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("disk", "x")
    let identity = try FileStatus(at: path, followingLink: false).identity
    let script = """
      use threads; open(my $disk, "+<", $ARGV[0]) or die; $| = 1;
      threads->create(sub { print "ready\\n"; <STDIN> });
      syscall(`uname -m` eq "x86_64\\n" ? 60 : 93, 0);  # SYS_exit ends one thread
      """
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/perl")
    process.arguments = ["-e", script, path.string]
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    defer { input.fileHandleForWriting.closeFile() }
    #expect(output.fileHandleForReading.availableData == Data("ready\n".utf8))
    let proc = FilePath("/proc/\(process.processIdentifier)")
    for _ in 0..<2000 where try !readText(proc.appending("stat")).contains(") Z ") { pause(milliseconds: 1) }
    #expect(try directoryNames(proc.appending("fd")) == [])
    let found = try discoverOpeners(of: [identity]).openers.filter { $0.process == process.processIdentifier }
    #expect(found.map(\.isWriting) == [true])
  }

  @Test("this process sees all of the host's; in a PID namespace of its own it does not")
  func namespaces() throws {
    #expect(seesAllProcesses())
    let directory = try TemporaryDirectory()
    #expect(!seesAllProcesses(proc: directory.path), "what cannot be read is not proven")
    try directory.link("self/ns/pid", to: "pid:[4026531836]")
    #expect(seesAllProcesses(proc: directory.path))
    let other = try run("unshare", "--pid", "--fork", "--mount-proc", "readlink", "/proc/self/ns/pid").output
    #expect(other.hasPrefix("pid:["))
    let inside = try TemporaryDirectory()
    try inside.link("self/ns/pid", to: String(other.dropLast()))
    #expect(!seesAllProcesses(proc: inside.path))
  }
}
