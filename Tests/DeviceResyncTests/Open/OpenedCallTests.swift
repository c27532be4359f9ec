import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("all disks of a call", .tags(.devices, .slow))
struct OpenedCallTests {
  /// A plan over these disks, whatever guards say.
  private func plan(_ pairs: [(FilePath, FilePath)], writing: Bool = true) throws -> Plan {
    var request = RunRequest(
      .resync, pairs: pairs.map { RunRequest.Pair(primary: $0.0.string, recovery: $0.1.string) })
    request.isDryRun = !writing
    return try makePlan(request, ownLoops: [])
  }

  @Test("are opened in pairs, each with a loop of its own, all gone at the end")
  func opens() throws {
    let directory = try TemporaryDirectory()
    let images = try ["a", "b", "c", "d"].map { try directory.image($0, size: 1 << 20) }
    var numbers: Set<DeviceNumber> = []
    do {
      let call = try OpenedCall(try plan([(images[0], images[1]), (images[2], images[3])])) { _ in false }
      numbers = call.ownLoops
      #expect(numbers.count == 4)
      #expect(call.pairs.map { $0.recovery.disk.identity.path } == [images[1].string, images[3].string])
    }
    for number in numbers {
      let files = try images.map { try FileStatus(at: $0, followingLink: false).identity }
      for file in files { #expect(LoopControlTests.waitForDetaching(Int(number.minor), of: file)) }
    }
  }

  @Test(
    "are all let go where one of them cannot be had, in whatever order they were named",
    arguments: [false, true])
  func refusal(_ isReversed: Bool) throws {
    let directory = try TemporaryDirectory()
    let images = try ["a", "b", "c", "d"].map { try directory.image($0, size: 1 << 20) }
    let pairs = [(images[0], images[1]), (images[2], images[3])]
    let plan = try plan(isReversed ? pairs.reversed() : pairs)
    let taken = try RecoveryDevice(claiming: try inspect(.recovery, images[3]))
    let error = DeviceResyncTests.refusal { () throws(ResyncError) in try OpenedCall(plan) { _ in false } }
    #expect(error?.returnValue == .systemInUse)
    #expect(error?.device == images[3].string)
    let looker = try OwnedDescriptor(opening: images[1], .readOnly)
    #expect(try !looker.isLockedByOthers(RecoveryDevice.ownLockByte), "the first was let go")
    _ = consume taken
    let again = try OpenedCall(plan) { _ in false }
    #expect(again.pairs.count == 2)
  }

  @Test("are asked for again while a dead run's I/O may hold them")
  func waits() throws {
    let directory = try TemporaryDirectory()
    let images = try ["a", "b"].map { try directory.image($0, size: 1 << 20) }
    let plan = try plan([(images[0], images[1])])
    let file = try OwnedDescriptor(opening: images[1], .readWrite)
    try file.lock(RecoveryDevice.ownLockByte, forWriting: true)
    var asked = 0
    let call = try OpenedCall(plan) { error in
      asked += 1
      #expect(error.returnValue == .systemInUse)
      if asked == 2 { try? file.unlock(RecoveryDevice.ownLockByte) }
      return true
    }
    #expect(asked == 2 && call.pairs.count == 1)
  }

  @Test("of a dry run are only read: nothing is claimed, locked or writable")
  func dryRun() throws {
    let (primary, recovery) = try (LoopDisks(), LoopDisks())
    let call = try OpenedCall(try plan([(primary.path, recovery.path)], writing: false)) { _ in false }
    #expect(call.ownLoops == [])
    let claim = try OwnedDescriptor(opening: recovery.path, [.readWrite, .claim])
    #expect(throws: Errno.badFileDescriptor) { try call.pairs[0].recovery.disk.device.write([0], at: 0) }
    _ = consume claim
  }

  @Test("are settled: what others wrote to a node reaches the disk, and the recovery's caches are dropped")
  func settles() throws {
    let (primary, recovery) = try (LoopDisks(), LoopDisks())
    let plan = try plan([(primary.path, recovery.path)])
    let call = try OpenedCall(plan) { _ in false }
    for (disk, value) in [(primary, 0x41), (recovery, 0x42)] as [(LoopDisks, UInt8)] {
      try OwnedDescriptor(opening: disk.path, .readWrite).write([value], at: 4096)
    }
    let reader = try OwnedDescriptor(opening: recovery.path, .readOnly)
    let planned = plan.pairs[0]
    try settle(call.pairs[0].primary.disk, planned.primary.related, .primary, droppingCaches: false)
    try settle(call.pairs[0].recovery.disk, planned.recovery.related, .recovery, droppingCaches: true)
    #expect(try primary.disk.image.read(1, at: 4096) == [0x41])
    #expect(try recovery.disk.image.read(1, at: 4096) == [0x42])
    try recovery.disk.image.write([0x43], at: 4096)
    #expect(try reader.read(1, at: 4096) == [0x43])
  }
}

/// A loop disk that tuples and closures may hold.
private final class LoopDisks: Sendable {
  let disk: LoopDisk
  var path: FilePath { disk.loop.path }

  init() throws { disk = try LoopDisk.unlocked() }
}

extension LoopDisk {
  /// One whose node nobody has locked, as `losetup` leaves it, so that a run can take udev's lock.
  fileprivate static func unlocked() throws -> LoopDisk {
    let disk = try LoopDisk(size: 1 << 20)
    try FileDescriptor(rawValue: disk.loop.descriptor.rawValue).unlockWhole()
    return disk
  }
}

extension FileDescriptor {
  /// flock(2), `LOCK_UN`.
  fileprivate func unlockWhole() throws {
    if flock(rawValue, LOCK_UN) != 0 { throw Errno.noLocks }
  }
}
