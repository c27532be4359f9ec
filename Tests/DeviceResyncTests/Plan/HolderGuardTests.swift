import Testing

@testable import DeviceResync

@Suite("the holders guard")
struct HolderGuardTests {
  static let cases = [
    GuardCase("a disk that nothing is built on passes") { _ in },
    GuardCase(
      "an LVM volume is named with its map, the group to deactivate and the filter line", .refused,
      .systemInUse,
      says: [
        "held by dm-3 (vg0-data)", "vgchange -an vg0",
        "global_filter = [ \"r|^/dev/disk/by-id/wwn-0x1|\" ] in /etc/lvm/lvm.conf",
      ]
    ) { scene in
      scene["sdb"].links = ["/dev/disk/by-id/wwn-0x1"]
      scene.stack("dm-3", 3, on: ["sdb"], map: "vg0-data", uuid: SameStorageGuardTests.volume("a"))
    },
    GuardCase("doubled hyphens are the group's own", .refused, .systemInUse, says: ["vgchange -an my-vg"]) {
      scene in
      scene.stack("dm-3", 3, on: ["sdb"], map: "my--vg-data", uuid: SameStorageGuardTests.volume("a"))
    },
    GuardCase("another map is taken down by name", .refused, .systemInUse, says: ["dmsetup remove 'a b'"]) {
      scene in
      scene.stack("dm-3", 3, on: ["sdb"], map: "a b", uuid: "CRYPT-1")
    },
    GuardCase("an array is stopped", .refused, .systemInUse, says: ["mdadm --stop /dev/md0"]) { scene in
      scene.stack("md0", 3, on: ["sdb"], kind: .raid)
    },
    GuardCase("a holder of a partition holds its disk", .refused, .systemInUse, says: ["md0"]) { scene in
      scene.partition(1, of: "sdb", SameStorageGuardTests.half)
      scene.stack("md0", 3, on: ["sdb1"], kind: .raid)
    },
    GuardCase("a holder of the whole disk holds its partitions", .refused, .systemInUse, says: ["dm-3"]) {
      scene in
      scene.partition(1, of: "sdb", SameStorageGuardTests.half)
      scene.stack("dm-3", 3, on: ["sdb"], map: "x")
      scene.names[.recovery] = "sdb1"
    },
    GuardCase("a holder of the partition beside does not") { scene in
      scene.partition(1, of: "sdb", SameStorageGuardTests.half)
      scene.partition(2, of: "sdb", SameStorageGuardTests.rest)
      scene.stack("dm-3", 3, on: ["sdb2"], map: "x")
      scene.names[.recovery] = "sdb1"
    },
    GuardCase("what a volume is built on does not hold it") { scene in
      scene.stack("dm-3", 3, on: ["sdb"], map: "vg0-data", uuid: SameStorageGuardTests.volume("a"))
      scene.names[.recovery] = "dm-3"
    },
    GuardCase("another volume of its group does not hold it") { scene in
      scene.stack("dm-3", 3, on: ["sdb"], map: "vg0-data", uuid: SameStorageGuardTests.volume("a"))
      scene.stack("dm-4", 4, on: ["sdb"], map: "vg0-root", uuid: SameStorageGuardTests.volume("b"))
      scene.stack("dm-5", 5, on: ["dm-4"], map: "crypt", uuid: "CRYPT-1")
      scene.names[.recovery] = "dm-3"
    },
    GuardCase(
      "a guest's group that was activated from it does", .refused, .systemInUse, says: ["vgchange -an guest"]
    ) {
      scene in
      scene.stack("dm-3", 3, on: ["sdb"], map: "vg0-data", uuid: SameStorageGuardTests.volume("a"))
      scene.stack(
        "dm-4", 4, on: ["dm-3"], map: "guest-root", uuid: "LVM-" + String(repeating: "z", count: 64))
      scene.names[.recovery] = "dm-3"
    },
    GuardCase("a holder that was not found itself is still named", .refused, .systemInUse, says: ["bcache0"])
    {
      $0["sdb"].holders = ["bcache0"]
    },
    GuardCase("a holder of the primary is another guard's") { $0["sda"].holders = ["dm-9"] },
  ]

  @Test("judges", arguments: cases)
  func judges(_ testCase: GuardCase) throws {
    try testCase.check(HolderGuard.self)
    if testCase.verdict == .refused { #expect(testCase.compareVerdicts(HolderGuard.self) == [.warning]) }
  }
}
