import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("udev's lock", .tags(.devices, .slow))
struct UdevLockTests {
  private func device(_ disk: borrowing LoopDisk) throws -> BlockDevice {
    let name = "loop\(disk.loop.number)"
    return try #require(try discoverDevices().first { $0.name == name })
  }

  @Test("keeps udev's shared lock out from taking to letting go")
  func takes() throws {
    let disk = try LoopDisk(size: 1 << 20)
    #expect(flock(disk.loop.descriptor.rawValue, LOCK_UN) == 0)
    let udev = try OwnedDescriptor(opening: disk.loop.path, .readOnly)
    do {
      let lock = try UdevLock.take(on: try device(disk))
      #expect(flock(udev.rawValue, LOCK_SH | LOCK_NB) == -1)
      _ = consume lock
    }
    #expect(flock(udev.rawValue, LOCK_SH | LOCK_NB) == 0)
  }

  @Test("is waited for while udev probes")
  func waits() throws {
    let disk = try LoopDisk(size: 1 << 20)
    #expect(flock(disk.loop.descriptor.rawValue, LOCK_SH) == 0)
    let found = try device(disk)
    let number = disk.loop.descriptor.rawValue
    let probing = try IOThread {
      pause(milliseconds: 300)
      flock(number, LOCK_UN)
    }
    let start = ContinuousClock.now
    let lock = try UdevLock.take(on: found)
    #expect(start.duration(to: .now) >= .milliseconds(200))
    _ = consume lock
    _ = consume probing
  }

  @Test("that another program keeps is 32774 after five seconds")
  func refused() throws {
    let disk = try LoopDisk(size: 1 << 20)  // its own descriptor holds the lock
    let found = try device(disk)
    let start = ContinuousClock.now
    let error = refusal { () throws(ResyncError) in try UdevLock.take(on: found) }
    #expect(error?.returnValue == .systemInUse)
    #expect(error?.description.contains("lsof /dev/loop\(disk.loop.number)") == true)
    #expect(start.duration(to: .now) >= .seconds(5))
  }

  @Test(
    "is not taken on maps and arrays, which are not part of the scheme",
    arguments: [BlockDevice.Kind.deviceMapper, .raid])
  func exempt(_ kind: BlockDevice.Kind) throws {
    let lock = try UdevLock.take(on: .disk("dm-0", 253, 0, kind: kind))
    let isTaken = lock != nil
    #expect(!isTaken)
  }

  @Test("on a node that is another device's by now is not taken")
  func replaced() throws {
    let disk = try LoopDisk(size: 1 << 20)
    var found = try device(disk)
    found.number = DeviceNumber(major: 7, minor: 99_999)
    #expect(
      refusal { () throws(ResyncError) in try UdevLock.take(on: found) }?.returnValue == .systemNotAvailable)
  }
}
