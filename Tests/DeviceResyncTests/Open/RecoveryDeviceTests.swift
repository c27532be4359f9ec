import Foundation
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("claims on the recovery", .tags(.devices, .slow))
struct RecoveryDeviceTests {
  static let guarded = [100, 101, 103, 200, 201, 202, 203].map { ByteRange(offset: $0, length: 1) }
  static let unguarded = ByteRange(offset: 102, length: 1)

  private func isHeld(_ bytes: ByteRange, of path: FilePath) throws -> Bool {
    try OwnedDescriptor(opening: path, .readOnly).isLockedByOthers(bytes)
  }

  @Test("a second claim on an image is refused by our own byte, and the first ends with its last descriptor")
  func ownByte() throws {
    let directory = try TemporaryDirectory()
    let image = try directory.image("image", size: 1 << 20)
    let planned = try inspect(.recovery, image)
    do {
      let first = try RecoveryDevice(claiming: planned)
      let isOwnLoop = first.disk.isOwnLoop
      #expect(isOwnLoop)
      #expect(try isHeld(RecoveryDevice.ownLockByte, of: image))
      for bytes in Self.guarded {
        #expect(try !isHeld(bytes, of: image), "QEMU may start until the first write")
      }
      let error = refusal { () throws(ResyncError) in try RecoveryDevice(claiming: planned) }
      #expect(error?.returnValue == .systemInUse)
      #expect(error?.description.contains("another run of vmresync holds it") == true)
    }
    let again = try RecoveryDevice(claiming: planned)
    #expect(again.disk.deviceSize == 1 << 20)
  }

  @Test("the byte is held as long as the loop is attached, though every descriptor of the file is closed")
  func loopKeepsLock() throws {
    let directory = try TemporaryDirectory()
    let image = try directory.image("image", size: 1 << 20)
    let identity = try FileStatus(at: image, followingLink: false).identity
    let loop: AttachedLoop
    do {
      let file = try OwnedDescriptor(opening: image, .readWrite)
      try file.lock(RecoveryDevice.ownLockByte, forWriting: true)
      loop = try AttachedLoop(over: file, .readWrite)
    }
    #expect(try isHeld(RecoveryDevice.ownLockByte, of: image))
    let number = loop.number
    _ = consume loop
    #expect(LoopControlTests.waitForDetaching(number, of: identity))
    #expect(try !isHeld(RecoveryDevice.ownLockByte, of: image))
  }

  @Test("a second claim on a device is refused by the kernel")
  func device() throws {
    let disk = try LoopDisk(size: 1 << 20)
    let planned = try inspect(.recovery, disk.loop.path)
    let first = try RecoveryDevice(claiming: planned)
    let isOwnLoop = first.disk.isOwnLoop
    #expect(!isOwnLoop)
    let error = refusal { () throws(ResyncError) in try RecoveryDevice(claiming: planned) }
    #expect(error?.returnValue == .systemInUse)
    #expect(error?.errno == .resourceBusy)
    _ = consume first
    #expect(refusal { () throws(ResyncError) in try RecoveryDevice(claiming: planned) } == nil)
  }

  @Test(
    "the primary, and both sides of a compare, are neither claimed nor locked, and their loops are read-only")
  func nothingHeld() throws {
    let directory = try TemporaryDirectory()
    let image = try directory.image("image", size: 1 << 20)
    let primary = try PrimaryDevice(try inspect(.primary, image))
    let loops: Set<DeviceNumber> = [primary.disk.number]
    let recovery = try RecoveryDevice(reading: try inspect(.recovery, image, ownLoops: loops))
    #expect(try !isHeld(ByteRange(offset: 0, length: 1 << 40), of: image))
    for number in [primary.disk.number, recovery.disk.number] {
      let node = FilePath("/dev/loop\(number.minor)")
      let claim = try OwnedDescriptor(opening: node, [.readOnly, .claim])
      #expect(try claim.isReadOnlyDevice())
      #expect(try LoopStatus(of: claim).detachesItself)
    }
  }

  @Test("a loop over the whole image that nobody has open is used; its blocks are the run's")
  func wholeLoop() throws {
    let directory = try TemporaryDirectory()
    let image = try directory.image("image", size: 1 << 20)
    // One that detaches itself and that nobody has open is about to go.
    let attached = try run("losetup", "--find", "--show", "--sector-size", "4096", image.string)
    let node = String(attached.output.dropLast())
    try #require(attached.status == 0, "\(attached.output)")
    defer { _ = try? run("losetup", "--detach", node) }
    let recovery = try RecoveryDevice(claiming: try inspect(.recovery, image))
    let isOwnLoop = recovery.disk.isOwnLoop
    #expect(!isOwnLoop)
    #expect("/dev/loop\(recovery.disk.number.minor)" == node)
    #expect(recovery.disk.logicalBlockSize == 4096)
    #expect("/dev/" + (recovery.disk.identity.kernelName ?? "") == node)
  }

  @Test(
    "the start guard holds what a writing QEMU needs and forbids, on node and image, and goes with the run")
  func startGuard() throws {
    let directory = try TemporaryDirectory()
    let image = try directory.image("image", size: 1 << 20)
    do {
      let recovery = try RecoveryDevice(claiming: try inspect(.recovery, image))
      try recovery.holdStartGuard()
      try recovery.holdStartGuard()
      for path in [image, FilePath("/dev/loop\(recovery.disk.number.minor)")] {
        for bytes in Self.guarded { #expect(try isHeld(bytes, of: path)) }
        #expect(try !isHeld(Self.unguarded, of: path))
      }
    }
    for bytes in Self.guarded { #expect(try !isHeld(bytes, of: image)) }
  }

  @Test(
    "where somebody else holds one of QEMU's bytes, it is 32774 and nothing is held",
    arguments: [
      (100, false), (101, false), (102, false), (203, false), (100, true), (103, true), (202, true),
    ])
  func startGuardRefused(_ byte: UInt64, _ isWriteLock: Bool) throws {
    let directory = try TemporaryDirectory()
    let image = try directory.image("image", size: 1 << 20)
    let recovery = try RecoveryDevice(claiming: try inspect(.recovery, image))
    let other = try OwnedDescriptor(opening: image, .readWrite)
    try other.lock(ByteRange(offset: byte, length: 1), forWriting: isWriteLock)
    let error = refusal { () throws(ResyncError) in try recovery.holdStartGuard() }
    #expect(error?.returnValue == .systemInUse)
    #expect(error?.description.contains("stop that machine") == true)
    for path in [image, FilePath("/dev/loop\(recovery.disk.number.minor)")] {
      let looker = try OwnedDescriptor(opening: path, .readOnly)
      for bytes in Self.guarded where bytes.offset != byte {
        #expect(try !looker.isLockedByOthers(bytes), "byte \(bytes.offset) of \(path)")
      }
    }
    try other.unlock(ByteRange(offset: byte, length: 1))
    try recovery.holdStartGuard()
  }
}
