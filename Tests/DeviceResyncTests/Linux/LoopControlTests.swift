import CLinux
import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite("loop devices", .tags(.devices))
struct LoopControlTests {
  /// Whether the loop is still attached to anything.
  static func isAttached(_ number: Int) -> Bool {
    (try? Sysfs().text("class/block/loop\(number)/loop/backing_file")) != .some(nil)
  }

  /// Waits up to a second for the kernel to detach it: another test's look at it keeps it for a moment.
  static func waitForDetaching(_ number: Int, of file: FileIdentity) -> Bool {
    for _ in 0..<100 {
      guard let loop = try? OwnedDescriptor(opening: FilePath("/dev/loop\(number)"), .nonBlocking),
        let status = try? LoopStatus(of: loop), status.backing == file
      else { return true }
      _ = consume loop
      pause(milliseconds: 10)
    }
    return false
  }

  @Test(
    "attach with autoclear and direct I/O, without a partition scan, and go with the last descriptor",
    arguments: [true, false])
  func flags(_ isWritable: Bool) throws {
    let image = try unnamedFile(size: 1 << 20, in: "/var/tmp")
    let file = try FileStatus(of: image).identity
    let number: Int
    do {
      let loop = try AttachedLoop(over: image, isWritable ? .readWrite : .readOnly, blockSize: 512)
      number = loop.number
      let status = try LoopStatus(of: loop.descriptor)
      #expect(status.backing == file)
      #expect(status.offset == 0)
      #expect(status.sizeLimit == nil)
      #expect(status.detachesItself)
      #expect(status.usesDirectIO)
      #expect(status.isReadOnly == !isWritable)
      var raw = cl_loop_status()
      #expect(cl_loop_status(loop.descriptor.rawValue, &raw) == 0 && !raw.partition_scan)
      #expect(try loop.descriptor.isReadOnlyDevice() == !isWritable)
      #expect(try loop.descriptor.deviceSize() == 1 << 20)
      #expect(try Sysfs().flag("class/block/loop\(number)/loop/autoclear"))
      #expect(try Sysfs().flag("class/block/loop\(number)/loop/dio"))
      #expect(try !Sysfs().flag("class/block/loop\(number)/loop/partscan"))
      #expect(try loop.descriptor.diskSequenceIfAny() != nil)
    }
    #expect(Self.waitForDetaching(number, of: file))
  }

  @Test("have the logical blocks that were asked for", arguments: [512, 4096] as [UInt32])
  func blockSize(_ size: UInt32) throws {
    let disk = try LoopDisk(size: 1 << 20, blockSize: size)
    #expect(try disk.loop.descriptor.logicalBlockSize() == size)
  }

  @Test("are locked before they are attached, so that udev looks at none")
  func locked() throws {
    let disk = try LoopDisk(size: 1 << 20)
    let other = try OwnedDescriptor(opening: disk.loop.path, .readOnly)
    #expect(throws: Errno.resourceTemporarilyUnavailable) { try other.lockExclusively() }
  }

  @Test("a read-only one refuses the write with EPERM, not EROFS")
  func readOnlyWrite() throws {
    let image = try unnamedFile(size: 1 << 20, in: "/var/tmp")
    let loop = try AttachedLoop(over: image, .readOnly)
    let node = try OwnedDescriptor(opening: loop.path, .readWrite)
    #expect(throws: Errno.notPermitted) {
      try node.write([1], at: 0)
      try node.synchronizeData()
    }
  }

  @Test("eight threads attach at once, and none is turned away")
  func parallel() throws {
    let image = try unnamedFile(size: 1 << 20, in: "/var/tmp")
    let shared = SharedImage(image)
    let refusals = Refusals()
    let rounds = 10
    do {
      let threads = try (0..<8).map { _ in
        Box(
          try IOThread {
            for _ in 0..<rounds {
              do throws(Errno) {
                let loop = try AttachedLoop(over: shared.descriptor, .readOnly)
                _ = try LoopStatus(of: loop.descriptor)
              } catch { refusals.add(error) }
            }
          })
      }
      _ = consume threads
    }
    #expect(refusals.all == [])
  }

  @Test("an unattached one is ENXIO, and what is no loop is ENOTTY")
  func unattached() throws {
    let control = try OwnedDescriptor(opening: "/dev/loop-control", .readWrite)
    // Another test may take it in between: then there is another free one.
    for _ in 0..<100 {
      let number = try check(cl_loop_find_free(control.rawValue))
      let loop = try OwnedDescriptor(opening: FilePath("/dev/loop\(number)"), .nonBlocking)
      do throws(Errno) {
        _ = try LoopStatus(of: loop)
      } catch {
        #expect(error == .noSuchAddressOrDevice)
        break
      }
    }
    let file = try unnamedFile(size: 512, in: "/var/tmp")
    #expect(throws: Errno.inappropriateIOCTLForDevice) { _ = try LoopStatus(of: file) }
    #expect(throws: Errno.inappropriateIOCTLForDevice) { _ = try file.diskSequence() }
    #expect(try file.diskSequenceIfAny() == nil)
  }

  @Test("a flush brings another node's bytes to the file, and dropping caches shows the file's to the node")
  func caches() throws {
    let disk = try LoopDisk(size: 1 << 20)
    let node = try OwnedDescriptor(opening: disk.loop.path, .readWrite)
    try node.write([0x42], at: 4096)
    let reader = try OwnedDescriptor(opening: disk.loop.path, .readOnly)
    try reader.synchronizeData()
    #expect(try disk.image.read(1, at: 4096) == [0x42])
    try disk.image.write([0x43], at: 4096)
    #expect(try reader.read(1, at: 4096) == [0x42], "the node has its own cache")
    try reader.dropCaches()
    #expect(try reader.read(1, at: 4096) == [0x43])
  }

  @Test("a claim excludes another claim, and no plain open")
  func claims() throws {
    let disk = try LoopDisk(size: 1 << 20)
    let claim = try disk.open([.readWrite, .claim])
    #expect(throws: Errno.resourceBusy) {
      _ = try OwnedDescriptor(opening: disk.loop.path, [.readWrite, .claim])
    }
    _ = try OwnedDescriptor(opening: disk.loop.path, .readWrite)
    try claim.close()
    _ = try disk.open([.readWrite, .claim])
  }
}

/// An image that several threads attach.
private final class SharedImage: Sendable {
  let descriptor: OwnedDescriptor
  init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
}

/// What threads were refused with.
private final class Refusals: Sendable {
  private let errnos = Guarded<[Errno]>([])
  var all: [Errno] { errnos.withLock { $0 } }
  func add(_ errno: Errno) { errnos.withLock { $0.append(errno) } }
}
