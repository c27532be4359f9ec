import Glibc
import SystemPackage
import Testing

@testable import DeviceResync

@Suite struct PersistentIdentityTests {
  /// What is known of `path` on this host, now.
  func identity(of path: FilePath) throws -> PersistentIdentity {
    var host = Host()
    host.devices = try discoverDevices()
    let disk = NamedDisk(.primary, NamedPath(resolving: path.string), on: host)
    #expect(disk.refusal == nil)
    return try PersistentIdentity(of: disk, on: host)
  }

  /// A device as sysfs describes it.
  func device(_ name: String, minor: UInt32 = 0, size: UInt64 = 1 << 30) -> BlockDevice {
    BlockDevice(
      name: name, node: "/dev/\(name)", number: DeviceNumber(major: 8, minor: minor), kind: .disk, size: size,
      isReadOnly: false,
      queue: .init(
        logicalBlockSize: 512, physicalBlockSize: 512, maxRequestSize: 1 << 20, maxSegments: 128,
        countsSectors: true, zonedModel: "none", isRotational: false))
  }

  func named(_ device: BlockDevice) -> NamedDisk {
    var disk = NamedDisk(.recovery, NamedPath(resolving: "/nonexistent"), on: Host())
    disk.storage = .device(device)
    disk.identity.size = device.size
    return disk
  }

  func text(_ device: BlockDevice, _ others: [BlockDevice] = []) throws -> String {
    var host = Host()
    host.devices = [device] + others
    return try PersistentIdentity(of: named(device), on: host).text
  }

  @Test("a device is known by the first of dm UUID, md UUID, WWN, serial number and zvol, and by its size")
  func devices() throws {
    var disk = device("sda")
    disk.links = ["/dev/zvol/tank/vm 1"]
    #expect(try text(disk) == "zvol-tank/vm 1/size-1073741824")
    disk.serial = "S1"
    #expect(try text(disk) == "serial-S1/size-1073741824")
    disk.wwid = "naa.5000"
    #expect(try text(disk) == "wwid-naa.5000/size-1073741824")
    disk.properties["MD_UUID"] = "u:v"
    #expect(try text(disk) == "md-uuid-u:v/size-1073741824")
    disk.mapperUUID = "LVM-x"
    #expect(try text(disk) == "dm-uuid-LVM-x/size-1073741824")
    disk.size = 4096
    #expect(try text(disk) == "dm-uuid-LVM-x/size-4096")
  }

  @Test("a partition is known by its disk and its place there")
  func partition() throws {
    var part = device("sda1", minor: 1, size: 512 << 20)
    part.wwid = "naa.5000"
    part.disk = "sda"
    part.rangeOnDisk = ByteRange(offset: 1 << 20, length: 512 << 20)
    #expect(try text(part) == "wwid-naa.5000@1048576+536870912/size-536870912")
  }

  @Test("a disk that says nothing of itself is known in this boot only, and says so")
  func nameless() throws {
    var disk = device("vdb")
    disk.diskSequence = 41
    let boot = try bootID()
    let identity = try #require(PersistentIdentity(try text(disk)))
    #expect(identity.text == "boot-\(boot)/device-8:0/sequence-41/size-1073741824")
    #expect(identity.endurance == .boot && identity.boot == boot && identity.caution != nil)
    #expect(sampleDisk("a").identity.endurance == .permanent && sampleDisk("a").identity.boot == nil)
  }

  @Test(
    "disks whose maker gave all the same number are each other's twins; a partition's place tells it apart")
  func twins() throws {
    var one = device("sda")
    var two = device("sdb", minor: 16)
    var other = device("sdc", minor: 32)
    one.serial = "0123456789"
    two.serial = "0123456789"
    other.serial = "S2"
    var host = Host()
    host.devices = [one, two, other]
    #expect(PersistentIdentity.twins(of: named(one), on: host).map(\.name) == ["sdb"])
    #expect(PersistentIdentity.twins(of: named(other), on: host).isEmpty)
  }

  @Test("hostile numbers stay text: no path, no longer than the limit, printable")
  func hostile() throws {
    var disk = device("sda")
    disk.serial = "../../etc/cron.d/x\u{1b}[31m"
    let identity = try #require(PersistentIdentity(try text(disk)))
    #expect(UInt128(hexadecimal: identity.fileStem) != nil)
    #expect(identity.description.contains(#"\u{1b}"#))
    disk.serial = String(repeating: "x", count: 1024)
    #expect(throws: ResyncError.self) { try text(disk) }
    #expect(PersistentIdentity("") == nil && PersistentIdentity("a\u{0}") == nil)
  }

  @Test(
    "an image keeps its identity under any path and any loop number, and through writes",
    arguments: ["/var/tmp", "/dev/shm"])
  func image(directory: FilePath) throws {
    let scratch = try ScratchDirectory(in: directory)
    let image = try scratch.file("image", size: 4 << 20)
    let known = try identity(of: image)
    // An ext4 without a UUID, which exists, has only its number.
    #expect(known.endurance != .boot)
    #expect(known.text.hasSuffix("/size-4194304"))

    var numbers: Set<Int> = []
    do {
      let first = try AttachedLoop(over: try OwnedDescriptor(opening: image, .readWrite), .readWrite)
      let second = try AttachedLoop(over: try OwnedDescriptor(opening: image, .readWrite), .readWrite)
      for loop in [first.path, second.path] { #expect(try identity(of: loop) == known) }
      try first.descriptor.write(Array(repeating: 1, count: 4096), at: 0)
      numbers = [first.number, second.number]
    }
    #expect(numbers.count == 2)
    let linked = scratch("linked")
    #expect(link(image.string, linked.string) == 0)
    #expect(try identity(of: linked) == known)

    #expect(try identity(of: try scratch.file("other", size: 4 << 20)) != known)
    #expect(unlink(image.string) == 0 && unlink(linked.string) == 0)
    #expect(try identity(of: try scratch.file("image", size: 4 << 20)) != known)
  }

  @Test("a loop over a file without a name is known in this boot only")
  func unnamed() throws {
    let disk = try LoopDisk(size: 1 << 20)
    #expect(try identity(of: disk.loop.path).endurance == .boot)
  }

  @Test(
    "ext4, XFS, btrfs and tmpfs have a UUID, and btrfs a subvolume, at any mount",
    arguments: ["ext4", "xfs", "btrfs", "tmpfs"])
  func fileSystems(type: String) throws {
    let scratch = try ScratchDirectory()
    let disk = try scratch.file("disk", size: 320 << 20)
    let mounted = scratch("mounted")
    let make = type == "tmpfs" ? "true" : "mkfs.\(type) -q \(disk) >/dev/null"
    let source = type == "tmpfs" ? "none" : "-o loop \(disk)"
    // In a mount namespace of its own, so that nothing is left whatever happens; seen through /proc.
    let holder = try HoldingCommand(
      "unshare", "--mount", "sh", "-ec",
      "\(make); mkdir \(mounted); mount -t \(type) \(source) \(mounted); touch \(mounted)/file;"
        + "echo ready; read line; umount \(mounted); mount -t \(type) \(source) \(mounted); echo ready; read line"
    )
    let path = FilePath("/proc/\(holder.identifier)/root\(mounted)/file")
    func look() throws -> (identity: FileSystemIdentity, subvolume: UInt64?) {
      let file = try OwnedDescriptor(opening: path, .readOnly, followingLinks: true)
      return (try FileSystemIdentity(of: file), type == "btrfs" ? try btrfsSubvolume(of: file) : nil)
    }
    let before = try look()
    guard case .uuid = before.identity else {
      Issue.record("\(before)")
      return
    }
    #expect(before.subvolume == (type == "btrfs" ? 5 : nil))
    try holder.goOn()
    guard type != "tmpfs" else { return }
    #expect(try look() == before)
  }
}
