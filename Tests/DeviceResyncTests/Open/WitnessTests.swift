import SystemPackage
import Testing

@testable import DeviceResync

@Suite("witnesses of foreign writes", .tags(.devices, .slow))
struct WitnessTests {
  @Test("a device that nobody writes to has none; 512 bytes of somebody else are 512")
  func device() throws {
    let disk = try LoopDisk(size: 1 << 20)
    let planned = try inspect(.primary, disk.loop.path)
    let primary = try PrimaryDevice(planned)
    let witness = try Witness(primary.disk, planned, .primary)
    #expect(
      try witness.find(primary.disk, planned, .primary, ownBytes: 0, ownChange: false).foreignBytes == 0)
    let writer = try OwnedDescriptor(opening: disk.loop.path, .readWrite)
    try writer.write([UInt8](repeating: 7, count: 4096), at: 8192)
    try writer.synchronizeData()
    #expect(
      try witness.find(primary.disk, planned, .primary, ownBytes: 0, ownChange: false).foreignBytes == 4096)
    #expect(
      try witness.find(primary.disk, planned, .primary, ownBytes: 1024, ownChange: true).foreignBytes == 3072)
    #expect(
      try witness.find(primary.disk, planned, .primary, ownBytes: 8192, ownChange: true).foreignBytes == 0)
  }

  @Test("what is written behind the loop shows in the image's times, and no counter")
  func image() throws {
    let directory = try TemporaryDirectory()
    let image = try directory.image("image", size: 1 << 20)
    let planned = try inspect(.primary, image)
    let primary = try PrimaryDevice(planned)
    let witness = try Witness(primary.disk, planned, .primary)
    let quiet = try witness.find(primary.disk, planned, .primary, ownBytes: 0, ownChange: false)
    #expect(quiet == Witness.Finding(foreignBytes: 0, fileChanged: false))
    pause(milliseconds: 20)  // the file system's clock ticks
    try OwnedDescriptor(opening: image, .readWrite).write([1], at: 4096)
    let found = try witness.find(primary.disk, planned, .primary, ownBytes: 0, ownChange: false)
    #expect(found == Witness.Finding(foreignBytes: 0, fileChanged: true))
    let own = try witness.find(primary.disk, planned, .primary, ownBytes: 0, ownChange: true)
    #expect(own.fileChanged == false, "our own tail changes the times too")
  }

  @Test("a loop that was named tells of its file as well")
  func namedLoop() throws {
    let directory = try TemporaryDirectory()
    let image = try directory.image("image", size: 1 << 20)
    let file = try OwnedDescriptor(opening: image, .readWrite)
    let loop = try AttachedLoop(over: file, .readWrite)
    let planned = try inspect(.primary, loop.path)
    let primary = try PrimaryDevice(planned)
    let witness = try Witness(primary.disk, planned, .primary)
    pause(milliseconds: 20)
    try file.write([1], at: 0)
    #expect(
      try witness.find(primary.disk, planned, .primary, ownBytes: 0, ownChange: false).fileChanged == true)
  }
}
