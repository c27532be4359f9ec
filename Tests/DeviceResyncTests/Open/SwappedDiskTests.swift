import CLinux
import Foundation
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("disks that were swapped between plan and open", .tags(.devices, .slow))
struct SwappedDiskTests {
  /// What takes an image's place.
  enum Swap: String, CaseIterable, Sendable {
    case link, linkToDevice, fifo, directory, otherFile, otherSize, nothing, characterDevice
  }

  private func apply(_ swap: Swap, to image: FilePath, in directory: borrowing TemporaryDirectory) throws {
    if swap == .otherSize {
      try FileHandle(forWritingTo: URL(fileURLWithPath: image.string)).truncate(atOffset: (1 << 20) + 512)
      return
    }
    try FileManager.default.moveItem(atPath: image.string, toPath: directory("moved").string)
    switch swap {
    case .link: try directory.link("image", to: "victim")
    case .linkToDevice: try directory.link("image", to: "/dev/zram0")
    case .fifo: try run("mkfifo", image.string)
    case .directory: try directory.directory("image")
    case .otherFile: try directory.image("image", size: 1 << 20)
    case .characterDevice: try run("mknod", image.string, "c", "1", "3")
    case .otherSize, .nothing: break
    }
  }

  @Test(
    "an image is 32777, and nothing that stands there is touched", arguments: Swap.allCases, [true, false])
  func image(_ swap: Swap, _ isRecovery: Bool) throws {
    let directory = try TemporaryDirectory()
    let image = try directory.image("image", size: 1 << 20)
    let victim = try directory.image("victim", size: 1 << 20)
    let before = try FileStatus(at: victim, followingLink: false)
    let planned = try inspect(isRecovery ? .recovery : .primary, image)
    #expect(planned.refusal == nil)
    try apply(swap, to: image, in: directory)
    let error = refusal { () throws(ResyncError) in
      if isRecovery { _ = try RecoveryDevice(claiming: planned) } else { _ = try PrimaryDevice(planned) }
    }
    #expect(error?.returnValue == .systemNotAvailable)
    #expect(error?.side == (isRecovery ? .recovery : .primary))
    #expect(error?.description.contains("vmresync plan") == true)
    let after = try FileStatus(at: victim, followingLink: false)
    #expect(after == before)
    #expect(try discoverDevices().allSatisfy { !($0.loop?.path.hasPrefix(directory.path.string) ?? false) })
  }

  @Test("a directory on the way that became a link is not followed")
  func way() throws {
    let directory = try TemporaryDirectory()
    let image = try directory.image("way/image", size: 1 << 20)
    let planned = try inspect(.recovery, image)
    try FileManager.default.moveItem(atPath: directory("way").string, toPath: directory("moved").string)
    try directory.link("way", to: "moved")
    // The same file, and yet: who can make this link could have made another.
    #expect(refusal { () throws(ResyncError) in try RecoveryDevice(claiming: planned) } != nil)
  }

  @Test("a loop that was detached and attached to another file is 32777, by its number in the row of disks")
  func rebound() throws {
    let first = try unnamedFile(size: 1 << 20, in: "/var/tmp")
    let second = try unnamedFile(size: 1 << 20, in: "/var/tmp")
    let number: Int
    let planned: NamedDisk
    do {
      let loop = try AttachedLoop(over: first, .readWrite)
      number = loop.number
      planned = try inspect(.recovery, loop.path)
      #expect(planned.device?.loop?.backing == (try FileStatus(of: first).identity))
    }
    #expect(LoopControlTests.waitForDetaching(number, of: try FileStatus(of: first).identity))
    guard let loop = try Rebound(number, to: second) else { return }  // another test took the number
    let error = refusal { () throws(ResyncError) in try RecoveryDevice(claiming: planned) }
    #expect(error?.returnValue == .systemNotAvailable)
    #expect(error?.description.contains("another disk is attached there") == true)
    _ = consume loop
  }

  @Test("a loop that was detached is 32777")
  func detached() throws {
    let file = try unnamedFile(size: 1 << 20, in: "/var/tmp")
    let planned: NamedDisk
    let number: Int
    do {
      let loop = try AttachedLoop(over: file, .readWrite)
      number = loop.number
      planned = try inspect(.primary, loop.path)
    }
    #expect(LoopControlTests.waitForDetaching(number, of: try FileStatus(of: file).identity))
    #expect(
      refusal { () throws(ResyncError) in try PrimaryDevice(planned) }?.returnValue == .systemNotAvailable)
  }

  @Test(
    "a node that became a FIFO, a file or another device's is 32777", arguments: ["fifo", "file", "node"])
  func node(_ kind: String) throws {
    let directory = try TemporaryDirectory()
    let disk = try LoopDisk(size: 1 << 20)
    let other = try LoopDisk(size: 1 << 20)
    let node = directory("node")
    try run("mknod", node.string, "b", "7", "\(disk.loop.number)")
    let planned = try inspect(.recovery, node)
    #expect(planned.device?.name == "loop\(disk.loop.number)")
    #expect(unlink(node.string) == 0)
    switch kind {
    case "fifo": try run("mkfifo", node.string)
    case "file": try directory.image("node", size: 1 << 20)
    default: try run("mknod", node.string, "b", "7", "\(other.loop.number)")
    }
    let error = refusal { () throws(ResyncError) in try RecoveryDevice(claiming: planned) }
    #expect(error?.returnValue == .systemNotAvailable)
  }

  @Test("what is opened is what was planned, or the run stops: size and attachment are looked at again")
  func unchanged() throws {
    let directory = try TemporaryDirectory()
    let image = try directory.image("image", size: 1 << 20)
    let primary = try PrimaryDevice(try inspect(.primary, image))
    #expect(refusal { () throws(ResyncError) in try primary.disk.checkUnchanged(.primary) } == nil)
    try FileHandle(forWritingTo: URL(fileURLWithPath: image.string)).truncate(atOffset: 512 << 10)
    let error = refusal { () throws(ResyncError) in try primary.disk.checkUnchanged(.primary) }
    #expect(error?.returnValue == .systemNotAvailable)
    #expect(error?.description.contains("size changed from 1048576 to 524288 bytes during the run") == true)
  }
}

/// A loop of a given number; nil where somebody else has it.
private struct Rebound: ~Copyable {
  let descriptor: OwnedDescriptor

  init?(_ number: Int, to file: borrowing OwnedDescriptor) throws {
    let descriptor = try OwnedDescriptor(opening: FilePath("/dev/loop\(number)"), .readWrite)
    guard cl_loop_configure(descriptor.rawValue, file.rawValue, 512, false) == 0 else { return nil }
    self.descriptor = descriptor
  }
}
