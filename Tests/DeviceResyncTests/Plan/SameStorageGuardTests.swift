import Testing

@testable import DeviceResync

@Suite("the storage guard")
struct SameStorageGuardTests {
  static let group = "LVM-" + String(repeating: "g", count: 32)
  static func volume(_ letter: Character) -> String { group + String(repeating: letter, count: 32) }
  static let half = ByteRange(offset: 1 << 20, length: 100 << 20)
  static let rest = ByteRange(offset: 101 << 20, length: 100 << 20)

  static let within = [
    GuardCase("two disks pass") { _ in },
    GuardCase("one disk under two names is 32773", .refused, .invalidParameter, says: ["the same storage"]) {
      $0.names[.recovery] = "sda"
    },
    GuardCase("a disk and its partition are 32773", .refused, .invalidParameter, says: ["or overlap"]) {
      scene in
      scene.partition(1, of: "sda", half)
      scene.names[.recovery] = "sda1"
    },
    GuardCase("two partitions of one disk pass") { scene in
      scene.partition(1, of: "sda", half)
      scene.partition(2, of: "sda", rest)
      scene.names = [.primary: "sda1", .recovery: "sda2"]
    },
    GuardCase("partitions that overlap are 32773", .refused, .invalidParameter) { scene in
      scene.partition(1, of: "sda", half)
      scene.partition(2, of: "sda", ByteRange(offset: (101 << 20) - 512, length: 1 << 20))
      scene.names = [.primary: "sda1", .recovery: "sda2"]
    },
    GuardCase("one image by two hard links is 32773", .refused, .invalidParameter) { scene in
      scene.images = [.primary: .test(7), .recovery: .test(7)]
    },
    GuardCase("two images pass") { $0.images = [.primary: .test(7), .recovery: .test(8)] },
    GuardCase("an image and a loop over it are 32773", .refused, .invalidParameter) { scene in
      scene.images = [.primary: .test(7)]
      scene.loop(3, over: 7)
      scene.names[.recovery] = "loop3"
    },
    GuardCase("loops over separate parts of one file pass") { scene in
      scene.loop(3, over: 7, size: 1 << 20)
      scene.loop(4, over: 7, offset: 1 << 20, size: 1 << 20)
      scene.names = [.primary: "loop3", .recovery: "loop4"]
    },
    GuardCase("loops over parts that share a sector are 32773", .refused, .invalidParameter) { scene in
      scene.loop(3, over: 7, size: 1 << 20)
      scene.loop(4, over: 7, offset: (1 << 20) - 512, size: 1 << 20)
      scene.names = [.primary: "loop3", .recovery: "loop4"]
    },
    GuardCase("a loop over a loop over the primary's image is 32773", .refused, .invalidParameter) { scene in
      scene.loop(3, over: 7)
      scene.loop(4, below: "loop3", offset: 4096, size: 1 << 20)
      scene.images = [.primary: .test(7)]
      scene.names[.recovery] = "loop4"
    },
    GuardCase(
      "a map on the primary is 32773, though where it lies is unknown", .refused, .invalidParameter,
      says: ["whether they overlap cannot be told"]
    ) { scene in
      scene.stack("dm-1", 1, on: ["sda"], map: "x")
      scene.names[.recovery] = "dm-1"
    },
    GuardCase("two maps without a group on one disk are 32773", .refused, .invalidParameter) { scene in
      scene.stack("dm-1", 1, on: ["sda"], map: "x", uuid: "CRYPT-1")
      scene.stack("dm-2", 2, on: ["sda"], map: "y", uuid: "CRYPT-2")
      scene.names = [.primary: "dm-1", .recovery: "dm-2"]
    },
    GuardCase("two volumes of one LVM group pass") { scene in
      scene.stack("dm-1", 1, on: ["sda"], map: "vg-a", uuid: volume("a"))
      scene.stack("dm-2", 2, on: ["sda"], map: "vg-b", uuid: volume("b"))
      scene.names = [.primary: "dm-1", .recovery: "dm-2"]
    },
    GuardCase("one volume under two names is 32773", .refused, .invalidParameter, says: ["the same storage"])
    { scene in
      scene.stack("dm-1", 1, on: ["sda"], map: "vg-a", uuid: volume("a"))
      scene.names = [.primary: "dm-1", .recovery: "dm-1"]
    },
    GuardCase("two thin volumes of one pool pass") { scene in
      scene.stack("dm-1", 1, on: ["sda"], map: "vg-pool_tdata", uuid: volume("d") + "-tdata")
      scene.stack("dm-2", 2, on: ["dm-1"], map: "vg-pool-tpool", uuid: volume("p") + "-tpool")
      scene.stack("dm-3", 3, on: ["dm-2"], map: "vg-a", uuid: volume("a"))
      scene.stack("dm-4", 4, on: ["dm-2"], map: "vg-b", uuid: volume("b"))
      scene.names = [.primary: "dm-3", .recovery: "dm-4"]
    },
    GuardCase("a thin volume and its pool are 32773", .refused, .invalidParameter) { scene in
      scene.stack("dm-1", 1, on: ["sda"], map: "vg-pool_tdata", uuid: volume("d") + "-tdata")
      scene.stack("dm-2", 2, on: ["dm-1"], map: "vg-pool-tpool", uuid: volume("p") + "-tpool")
      scene.stack("dm-3", 3, on: ["dm-2"], map: "vg-a", uuid: volume("a"))
      scene.names = [.primary: "dm-3", .recovery: "dm-2"]
    },
    GuardCase("a guest's volume inside a volume overlaps it", .refused, .invalidParameter) { scene in
      scene.stack("dm-1", 1, on: ["sda"], map: "vg-a", uuid: volume("a"))
      scene.stack(
        "dm-2", 2, on: ["dm-1"], map: "guest-root", uuid: "LVM-" + String(repeating: "z", count: 64))
      scene.names = [.primary: "dm-1", .recovery: "dm-2"]
    },
    GuardCase(
      "two nodes with one world wide name are 32773", .refused, .invalidParameter,
      says: ["paths to one disk", "naa.6001"]
    ) { scene in
      (scene["sda"].wwid, scene["sdb"].wwid) = ("naa.6001", "naa.6001")
    },
    GuardCase(
      "two nodes with one serial number of udev's are 32773", .refused, .invalidParameter,
      says: ["IET_VIRT_1"]
    ) { scene in
      scene["sda"].properties["ID_SERIAL"] = "IET_VIRT_1"
      scene["sdb"].properties["ID_SERIAL"] = "IET_VIRT_1"
    },
    GuardCase("empty names name nothing") { scene in
      (scene["sda"].wwid, scene["sdb"].wwid) = ("", "")
    },
    GuardCase("partitions of two paths that do not overlap pass") { scene in
      (scene["sda"].wwid, scene["sdb"].wwid) = ("naa.6001", "naa.6001")
      scene.partition(1, of: "sda", half)
      scene.partition(2, of: "sdb", rest)
      (scene["sda1"].wwid, scene["sdb2"].wwid) = ("naa.6001", "naa.6001")
      scene.names = [.primary: "sda1", .recovery: "sdb2"]
    },
  ]

  static let across = [
    GuardCase("two pairs of four disks pass") { scene in
      scene.host.devices += [.disk("sdc", 8, 32), .disk("sdd", 8, 48)]
      scene.others = [(primary: "sdc", recovery: "sdd")]
    },
    GuardCase("one primary for two recoveries passes") { scene in
      scene.host.devices += [.disk("sdc", 8, 32)]
      scene.others = [(primary: "sda", recovery: "sdc")]
    },
    GuardCase(
      "one recovery of two pairs is 32773", .refused, .invalidParameter, says: ["recovery of two pairs"]
    ) {
      scene in
      scene.host.devices += [.disk("sdc", 8, 32)]
      scene.others = [(primary: "sdc", recovery: "sdb")]
    },
    GuardCase(
      "A to B and B to C in one call is 32774", .refused, .systemInUse, says: ["primary of another pair"]
    ) {
      scene in
      scene.host.devices += [.disk("sdc", 8, 32)]
      scene.others = [(primary: "sdb", recovery: "sdc")]
    },
  ]

  @Test("judges a pair", arguments: within)
  func judgesPair(_ testCase: GuardCase) throws {
    try testCase.check(SameStorageGuard.self)
    if testCase.verdict == .refused {
      #expect(testCase.compareVerdicts(SameStorageGuard.self) == [.refused], "compare makes no sense either")
    }
  }

  @Test("judges the pairs of a call", arguments: across)
  func judgesCall(_ testCase: GuardCase) throws { try testCase.check(SameStorageGuard.self) }
}
