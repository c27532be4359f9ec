import Testing

@testable import DeviceResync

@Suite("the guards of formats, paths, witnesses and twins")
struct ContentGuardTests {
  static func looks(_ side: Side, like format: ContainerFormat) -> @Sendable (inout Scene) -> Void {
    { $0.edits[side] = { $0.container = format } }
  }

  static let cases: [(any Guard.Type, GuardCase)] = [
    (ContainerGuard.self, GuardCase("two raw disks pass") { _ in }),
    (
      ContainerGuard.self,
      GuardCase(
        "a qcow2 primary is 32770, with the conversion and the declaration", .refused, .notSupported,
        says: [
          "the primary /dev/a looks like qcow2", "qemu-img convert -f qcow2 -O raw /dev/a /dev/a.raw",
          "--primary-format raw",
        ], looks(.primary, like: .qcow2))
    ),
    (
      ContainerGuard.self,
      GuardCase(
        "a VHD recovery is 32770, also on a device", .refused, .notSupported,
        says: ["VHD", "-f vpc", "--recovery-format raw"], looks(.recovery, like: .vhd))
    ),
    (
      ContainerGuard.self,
      GuardCase("a side declared raw is only warned of", .warning, says: ["declared raw"]) {
        looks(.primary, like: .qcow2)(&$0)
        $0.request.declaredRaw = [.primary]
      }
    ),
    (
      ContainerGuard.self,
      GuardCase("the other side's declaration does not count", .refused, .notSupported) {
        looks(.primary, like: .qcow2)(&$0)
        $0.request.declaredRaw = [.recovery]
      }
    ),
    (
      ContainerGuard.self,
      GuardCase("a recovery passes that carries a declared primary's bytes", .warning) {
        for side in Side.allCases { looks(side, like: .qcow2)(&$0) }
        $0.request.declaredRaw = [.primary]
      }
    ),
    (
      ContainerGuard.self,
      GuardCase("one that carries others does not", .refused, .notSupported, says: ["VMDK"]) {
        looks(.primary, like: .qcow2)(&$0)
        looks(.recovery, like: .vmdk)(&$0)
        $0.request.declaredRaw = [.primary]
      }
    ),
    (MultipathGuard.self, GuardCase("two plain disks pass") { _ in }),
    (
      MultipathGuard.self,
      GuardCase(
        "a recovery that is one path is 32774", .refused, .systemInUse,
        says: ["/dev/mapper", "multipath -ll"]
      ) {
        $0["sdb"].properties["DM_MULTIPATH_DEVICE_PATH"] = "1"
      }
    ),
    (
      MultipathGuard.self,
      GuardCase("a primary that is one path is 32773", .refused, .invalidParameter) {
        $0["sda"].properties["ID_FS_TYPE"] = "mpath_member"
      }
    ),
    (
      MultipathGuard.self,
      GuardCase("udev's 0 is no path") { $0["sdb"].properties["DM_MULTIPATH_DEVICE_PATH"] = "0" }
    ),
    (WitnessGuard.self, GuardCase("disks whose sectors are counted pass") { _ in }),
    (
      WitnessGuard.self,
      GuardCase(
        "a partition of a disk without counters is told how to turn them on", .warning,
        says: ["/sys/block/sdb/queue/iostats is 0", "echo 1 > /sys/block/sdb/queue/iostats"]
      ) {
        $0["sdb"].queue.countsSectors = false
        $0.partition(1, of: "sdb", SameStorageGuardTests.half)
        $0["sdb1"].queue.countsSectors = false
        $0.names[.recovery] = "sdb1"
      }
    ),
    (SharedStorageGuard.self, GuardCase("a disk of this host's own passes") { $0["sda"].transport = "fc" }),
    (
      SharedStorageGuard.self,
      GuardCase("a recovery behind a network file system is SHARED", .warning, says: ["SHARED", "nfs"]) {
        $0.images[.recovery] = .test(7, magic: 0x6969)
      }
    ),
    (
      SharedStorageGuard.self,
      GuardCase("a loop over a file on a network file system is SHARED", .warning, says: ["SHARED", "nfs"]) {
        $0.edits[.recovery] = { $0.loopFiles = [.test(7, magic: 0x6969)] }
      }
    ),
    (
      SharedStorageGuard.self,
      GuardCase("a loop over a file of this host's own passes") {
        $0.edits[.recovery] = { $0.loopFiles = [.test(7, magic: 0xef53)] }
      }
    ),
    (
      SharedStorageGuard.self,
      GuardCase(
        "a loop over a file that no path leads to is judged by its mount", .warning, says: ["fuse.sshfs"]
      ) {
        $0.edits[.recovery] = { $0.loopFiles = [.test(7, magic: nil)] }
        $0.mount(DeviceNumber(major: 0, minor: 40), on: "/images", type: "fuse.sshfs")
      }
    ),
    (
      SharedStorageGuard.self,
      GuardCase("a map over a shared disk is SHARED", .warning, says: ["sdb is attached through fc"]) {
        $0["sdb"].transport = "fc"
        $0.stack("dm-3", 3, on: ["sdb"], map: "mpatha")
        $0.names[.recovery] = "dm-3"
      }
    ),
    (TwinGuard.self, GuardCase("disks without LVM pass") { _ in }),
    (
      TwinGuard.self,
      GuardCase(
        "a physical volume warns with the exact filter line", .warning,
        says: ["keep LVM away with: global_filter = [ \"r|^/dev/disk/by-id/wwn-0x1|\" ] in /etc/lvm/lvm.conf"]
      ) {
        $0["sdb"].links = ["/dev/disk/by-id/wwn-0x1"]
        $0.edits[.primary] = {
          $0.content = ProbedContent(
            outcome: .probed, signatures: [Signature(type: "LVM2_member", offset: 512)])
        }
      }
    ),
  ]

  @Test("judge", arguments: cases.indices)
  func judges(_ index: Int) throws { try Self.cases[index].1.check(Self.cases[index].0) }

  @Test(
    "every transport that other hosts may share is SHARED",
    arguments: [
      ("fc", true), ("iscsi", true), ("sas", true), ("nvme-of", true), ("rbd", true), ("drbd", true),
      ("nbd", true),
      ("sata", false), ("nvme", false), ("virtio", false), ("usb", false),
    ])
  func transports(_ transport: String, _ shared: Bool) throws {
    var scene = Scene()
    scene["sdb"].transport = transport
    #expect(SharedStorageGuard.judge(scene.facts).map(\.verdict) == [shared ? .warning : .passed])
  }

  @Test("a compare may read one path of a multipath disk, and no container")
  func compare() {
    #expect(Self.cases[8].1.compareVerdicts(MultipathGuard.self) == [.warning])
    #expect(Self.cases[9].1.compareVerdicts(MultipathGuard.self) == [.warning])
    #expect(Self.cases[1].1.compareVerdicts(ContainerGuard.self) == [.refused])
  }
}
