import SystemPackage
import Testing

@testable import DeviceResync

@Suite("devices of recorded sysfs trees")
struct SysfsTests {
  static let sata = "pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block"

  private func device(_ found: UdevDevice, _ recorded: borrowing RecordedSysfs) throws -> BlockDevice {
    let device = try BlockDevice(found, in: recorded.sysfs)
    return try #require(device)
  }

  @Test("a SATA disk with two partitions")
  func disk() throws {
    let recorded = try RecordedSysfs()
    let sda = try recorded.add(
      "sda", "8:0", below: Self.sata,
      [
        "device/model": "QEMU HARDDISK   ", "device/wwid": "t10.ATA     QEMU HARDDISK   QM00001 ",
        "device/vendor": "ATA",
      ], properties: ["ID_BUS": "ata"], links: ["/dev/disk/by-id/ata-QEMU"])
    let first = try recorded.add(
      "sda1", "8:1", below: Self.sata + "/sda", ["partition": "1", "start": "2048", "size": "4096"],
      isDisk: false)
    try recorded.add(
      "sda2", "8:2", below: Self.sata + "/sda",
      ["partition": "2", "start": "6144", "size": "8192", "ro": "1"],
      isDisk: false)

    let disk = try device(sda, recorded)
    #expect(disk.kind == .disk)
    #expect(disk.size == 1 << 30)
    #expect(disk.partitions == ["sda1", "sda2"])
    #expect(disk.transport == "sata")
    #expect(disk.model == "QEMU HARDDISK")
    #expect(disk.wwid == "t10.ATA QEMU HARDDISK QM00001")
    #expect(disk.stableName == "wwid-t10.ATA QEMU HARDDISK QM00001")
    #expect(disk.diskSequence == 7)
    #expect(disk.links == ["/dev/disk/by-id/ata-QEMU"])
    #expect(disk.pasteableName == "/dev/disk/by-id/ata-QEMU")
    #expect(
      disk.queue
        == BlockDevice.Queue(
          logicalBlockSize: 512, physicalBlockSize: 4096, maxRequestSize: 1_310_720, maxSegments: 168,
          countsSectors: true, zonedModel: "none", isRotational: true))
    #expect(disk.isKnownRotational)
    #expect(!disk.mayBeShared)

    let partition = try device(first, recorded)
    #expect(partition.kind == .partition)
    #expect(partition.disk == "sda")
    #expect(partition.rangeOnDisk == ByteRange(offset: 1 << 20, length: 2 << 20))
    #expect(partition.size == 2 << 20)
    #expect(partition.queue == disk.queue, "it shares its disk's")
    #expect(partition.stableName == "wwid-t10.ATA QEMU HARDDISK QM00001@1048576+2097152")
    #expect(partition.transport == "sata")
    #expect(!partition.isReadOnly)
  }

  @Test("an LVM volume on a disk")
  func volume() throws {
    let recorded = try RecordedSysfs()
    let sdb = try recorded.add("sdb", "8:16", below: Self.sata, [:])
    let uuid = "LVM-" + String(repeating: "g", count: 32) + String(repeating: "v", count: 32)
    let dm = try recorded.add(
      "dm-0", "253:0", below: "virtual/block", ["dm/name": "vg0-my--lv", "dm/uuid": uuid],
      links: ["/dev/mapper/vg0-my--lv", "/dev/disk/by-id/dm-name-vg0-my--lv"])
    try recorded.hold("sdb", by: "dm-0")
    let volume = try device(dm, recorded)
    #expect(volume.kind == .deviceMapper)
    #expect(volume.slaves == ["sdb"])
    #expect(try device(sdb, recorded).holders == ["dm-0"])
    #expect(volume.mapperName == "vg0-my--lv")
    #expect(volume.stableName == "dm-uuid-\(uuid)")
    #expect(volume.pasteableName == "/dev/mapper/vg0-my--lv")
    #expect(volume.volumeGroupUUID.map(String.init) == String(repeating: "g", count: 32))
    #expect(volume.transport == nil)
    #expect(HolderGuard.volumeGroup(ofMapper: "vg0-my--lv") == "vg0")
  }

  @Test("an array, a multipath map and its path")
  func arrays() throws {
    let recorded = try RecordedSysfs()
    let md = try recorded.add(
      "md0", "9:0", below: "virtual/block", ["md/level": "raid1"], properties: ["MD_UUID": "a1:b2"])
    let array = try device(md, recorded)
    #expect(array.kind == .raid)
    #expect(array.stableName == "md-uuid-a1:b2")

    let path = try recorded.add(
      "sdc", "8:32", below: "pci0/0000:01/host2/rport-2:0-1/target2:0:0/2:0:0:1/block",
      ["device/wwid": "naa.600140", "device/model": "VIRTUAL-DISK"],
      properties: ["DM_MULTIPATH_DEVICE_PATH": "1", "ID_FS_TYPE": "mpath_member"])
    #expect(try device(path, recorded).transport == "fc")
    #expect(try device(path, recorded).mayBeShared)
    let map = try recorded.add(
      "dm-1", "253:1", below: "virtual/block", ["dm/name": "mpatha", "dm/uuid": "mpath-3600140"])
    #expect(try device(map, recorded).stableName == "dm-uuid-mpath-3600140")
    #expect(try device(map, recorded).volumeGroupUUID == nil)
  }

  @Test("an NVMe disk at hand, and the same kind over a network, with native multipath and without")
  func nvme() throws {
    let recorded = try RecordedSysfs()
    let local = try recorded.add(
      "nvme0n1", "259:0", below: "pci0000:00/0000:00:04.0/nvme/nvme0",
      ["wwid": "eui.0025", "device/transport": "pcie", "device/model": "SSD  980"])
    #expect(try device(local, recorded).transport == "nvme")
    #expect(try device(local, recorded).stableName == "wwid-eui.0025")
    let partition = try recorded.add(
      "nvme0n1p2", "259:2", below: "pci0000:00/0000:00:04.0/nvme/nvme0/nvme0n1",
      ["partition": "2", "start": "2048", "size": "2048"], isDisk: false)
    #expect(try device(partition, recorded).disk == "nvme0n1")
    #expect(try device(partition, recorded).wwid == "eui.0025")

    let remote = try recorded.add(
      "nvme1n1", "259:1", below: "virtual/nvme-fabrics/ctl/nvme1", ["device/transport": "tcp"])
    #expect(try device(remote, recorded).transport == "nvme-of")
    let multipath = try recorded.add(
      "nvme2n1", "259:3", below: "virtual/nvme-subsystem/nvme-subsys2", ["device/nvme2/transport": "rdma"])
    #expect(try device(multipath, recorded).transport == "nvme-of")
    #expect(try device(multipath, recorded).mayBeShared)
    let localMultipath = try recorded.add(
      "nvme3n1", "259:4", below: "virtual/nvme-subsystem/nvme-subsys3", ["device/nvme3/transport": "pcie"])
    #expect(try !device(localMultipath, recorded).mayBeShared)
  }

  @Test("a virtio disk: its serial names it, and its word on seeks is not believed")
  func virtio() throws {
    let recorded = try RecordedSysfs()
    let found = try recorded.add(
      "vda", "254:0", below: "pci0000:00/0000:00:05.0/virtio2/block", ["serial": "  root disk "])
    let disk = try device(found, recorded)
    #expect(disk.transport == "virtio")
    #expect(disk.stableName == "serial-root disk")
    #expect(disk.queue.isRotational && !disk.isKnownRotational)
  }

  @Test("a host-managed zoned disk without counters, on 4096-byte blocks")
  func zoned() throws {
    let recorded = try RecordedSysfs()
    let found = try recorded.add(
      "sdd", "8:48", below: Self.sata,
      ["queue/zoned": "host-managed", "queue/iostats": "0", "queue/logical_block_size": "4096", "ro": "1"])
    let disk = try device(found, recorded)
    #expect(disk.queue.zonedModel == "host-managed")
    #expect(!disk.queue.countsSectors)
    #expect(disk.queue.logicalBlockSize == 4096)
    #expect(disk.isReadOnly)
  }

  @Test("a loop with an offset and a limit; one that is attached to nothing is no device")
  func loops() throws {
    let recorded = try RecordedSysfs()
    let found = try recorded.add(
      "loop3", "7:3", below: "virtual/block",
      [
        "loop/backing_file": "/images/a (deleted)", "loop/offset": "4096", "loop/sizelimit": "1048576",
        "loop/autoclear": "1", "loop/dio": "1",
      ])
    let loop = try device(found, recorded)
    #expect(loop.kind == .loop)
    #expect(
      loop.loop
        == BlockDevice.LoopBinding(
          path: "/images/a (deleted)", offset: 4096, sizeLimit: 1 << 20, isReadOnly: false,
          usesDirectIO: true,
          detachesItself: true))
    let free = try recorded.add("loop4", "7:4", below: "virtual/block", [:])
    #expect(try BlockDevice(free, in: recorded.sysfs) == nil)
  }

  @Test("a device that went away is none, and one with impossible numbers traps nothing")
  func hostile() throws {
    let recorded = try RecordedSysfs()
    let gone = UdevDevice(
      name: "sdz", node: "/dev/sdz", sysfsPath: "/sys/devices/x/sdz",
      number: DeviceNumber(major: 8, minor: 99),
      properties: [:], links: [])
    #expect(try BlockDevice(gone, in: recorded.sysfs) == nil)
    let huge = try recorded.add("sdy", "8:98", below: Self.sata, ["size": "36028797018963968"])
    #expect(try BlockDevice(huge, in: recorded.sysfs) == nil, "2^55 sectors are 2^64 bytes")
    let edge = try recorded.add("sdx", "8:97", below: Self.sata, ["size": "36028797018963967"])
    #expect(try device(edge, recorded).size == 18_446_744_073_709_551_104)
    let beyond = try recorded.add(
      "sdx1", "8:96", below: Self.sata + "/sdx",
      ["partition": "1", "start": "36028797018963967", "size": "2"],
      isDisk: false)
    #expect(try device(beyond, recorded).rangeOnDisk == nil)
    let odd = try recorded.add(
      "sdw", "8:95", below: Self.sata,
      [
        "queue/max_sectors_kb": "18446744073709551615", "queue/logical_block_size": "99999999999",
        "ro": "yes",
      ])
    #expect(try device(odd, recorded).queue.logicalBlockSize == .max)
  }

  @Test("an attribute that is not there is nil; a directory that is not there is empty")
  func absent() throws {
    let recorded = try RecordedSysfs()
    try recorded.add("sda", "8:0", below: Self.sata, ["a": "  12", "b": "1", "c": "x", "blank": " "])
    #expect(try recorded.sysfs.text("class/block/sda/none") == nil)
    #expect(try recorded.sysfs.text("class/block/sda/a/b") == nil)
    #expect(try recorded.sysfs.names("class/block/none") == [])
    #expect(try recorded.sysfs.number("class/block/sda/a") == 12)
    #expect(try recorded.sysfs.number("class/block/sda/c") == nil)
    #expect(try recorded.sysfs.flag("class/block/sda/b"))
    #expect(try !recorded.sysfs.flag("class/block/sda/a"))
    #expect(
      try recorded.sysfs.firstText("class/block/sda/none", "class/block/sda/blank", "class/block/sda/c")
        == "x")
  }

  @Test(
    "how a disk is connected is where sysfs keeps it",
    arguments: [
      ("/sys/devices/platform/host3/session1/target3:0:0/3:0:0:1/block/sdb", "iscsi"),
      ("/sys/devices/pci0/0000:03/host1/port-1:0/end_device-1:0/target1:0:0/1:0:0:0/block/sdb", "sas"),
      ("/sys/devices/pci0/usb1/1-1/1-1:1.0/host6/target6:0:0/6:0:0:0/block/sdc", "usb"),
      ("/sys/devices/vbd-51712/block/xvda", "xen"), ("/sys/devices/rbd/0/block/rbd0", "rbd"),
      ("/sys/devices/virtual/block/drbd0", "drbd"), ("/sys/devices/virtual/block/nbd0", "nbd"),
      ("/sys/devices/platform/mmc_host/mmc0/mmc0:0001/block/mmcblk0", "mmc"),
      ("/sys/devices/virtual/block/dm-0", nil),
    ] as [(String, String?)])
  func transports(_ path: String, _ transport: String?) {
    #expect(BlockDevice.transport(from: path, properties: [:]) == transport)
    #expect(BlockDevice.transport(from: "/sys/devices/x", properties: ["ID_BUS": "ieee1394"]) == "ieee1394")
  }
}
