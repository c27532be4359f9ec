import Testing

@testable import DeviceResync

@Suite("the guards of who uses the recovery")
struct UserGuardTests {
  static let sdb = DeviceNumber(major: 8, minor: 16)

  static let mountCases = [
    GuardCase("a disk that is not mounted passes") { $0.mount(DeviceNumber(major: 8, minor: 0), on: "/mnt") },
    GuardCase(
      "a mounted disk is 32774, with the place", .refused, .systemInUse,
      says: ["sdb on /mnt/x", "umount /mnt/x"]
    ) {
      $0.mount(sdb, on: "/mnt/x")
    },
    GuardCase(
      "a place with spaces is a word of the shell's", .refused, .systemInUse, says: ["umount '/mnt/a b'"]
    ) {
      $0.mount(sdb, on: #"/mnt/a\040b"#)
    },
    GuardCase("a mounted partition is one of the disk", .refused, .systemInUse, says: ["sdb1 on /mnt"]) {
      scene in
      scene.partition(1, of: "sdb", SameStorageGuardTests.half)
      scene.mount(DeviceNumber(major: 8, minor: 17), on: "/mnt")
    },
    GuardCase("a partition beside a mounted one passes") { scene in
      scene.partition(1, of: "sdb", SameStorageGuardTests.half)
      scene.partition(2, of: "sdb", SameStorageGuardTests.rest)
      scene.mount(DeviceNumber(major: 8, minor: 17), on: "/mnt")
      scene.names[.recovery] = "sdb2"
    },
    GuardCase("btrfs is found by its source", .refused, .systemInUse, says: ["sdb on /mnt"]) {
      $0.mount(DeviceNumber(major: 0, minor: 55), on: "/mnt", source: "/dev/sdb", type: "btrfs")
    },
    GuardCase("any device of a mounted btrfs is mounted", .refused, .systemInUse, says: ["sdb on /mnt"]) {
      scene in
      scene.host.btrfsGroups = [["sda", "sdb"]]
      scene.mount(DeviceNumber(major: 0, minor: 55), on: "/mnt", source: "/dev/sda", type: "btrfs")
    },
    GuardCase("also where its source is no name of a device", .refused, .systemInUse, says: ["sdb on"]) {
      scene in
      scene.host.btrfsGroups = [["sda", "sdb"]]
      scene.mount(DeviceNumber(major: 0, minor: 55), on: "/mnt", source: "/tmp/link", type: "btrfs")
    },
    GuardCase("btrfs on a map is found by the map's name", .refused, .systemInUse, says: ["dm-3 on /mnt"]) {
      scene in
      scene.stack("dm-3", 3, on: ["sdb"], map: "vg0-data", uuid: SameStorageGuardTests.volume("a"))
      scene.mount(
        DeviceNumber(major: 0, minor: 55), on: "/mnt", source: "/dev/mapper/vg0-data", type: "btrfs")
    },
    GuardCase("the mounted root volume of its group is not the recovery") { scene in
      scene.stack("dm-3", 3, on: ["sdb"], map: "pve-vm", uuid: SameStorageGuardTests.volume("a"))
      scene.stack("dm-4", 4, on: ["sdb"], map: "pve-root", uuid: SameStorageGuardTests.volume("b"))
      scene.mount(DeviceNumber(major: 253, minor: 4), on: "/")
      scene.names[.recovery] = "dm-3"
    },
    GuardCase(
      "a mounted loop over the image is one of the image", .refused, .systemInUse, says: ["loop3 on /mnt"]
    ) {
      scene in
      scene.images[.recovery] = .test(7)
      scene.loop(3, over: 7, readOnly: true)
      scene.mount(DeviceNumber(major: 7, minor: 3), on: "/mnt")
    },
  ]

  static let swapCases = [
    GuardCase("a disk that is no swap area passes") { scene in
      scene.host.swaps = [SwapArea(path: "/dev/sdz", device: DeviceNumber(major: 8, minor: 99), file: nil)]
    },
    GuardCase("a swap partition is one of the disk", .refused, .systemInUse, says: ["swapoff /dev/sdb1"]) {
      scene in
      scene.partition(1, of: "sdb", SameStorageGuardTests.half)
      scene.host.swaps = [SwapArea(path: "/dev/sdb1", device: DeviceNumber(major: 8, minor: 17), file: nil)]
    },
    GuardCase("a swap file is no image", .refused, .systemInUse, says: ["swapoff '/my swap'"]) { scene in
      scene.images[.recovery] = .test(7)
      scene.host.swaps = [SwapArea(path: "/my swap", device: nil, file: .test(7))]
    },
    GuardCase("a swap file below two loops is none either", .refused, .systemInUse) { scene in
      scene.loop(3, over: 7)
      scene.loop(4, below: "loop3")
      scene.names[.recovery] = "loop4"
      scene.host.swaps = [SwapArea(path: "/swap", device: nil, file: .test(7))]
    },
  ]

  static let openerCases = [
    GuardCase("a disk that nobody has open passes") { _ in },
    GuardCase("a reader changes nothing") { $0.open(.device(sdb), writing: false) },
    GuardCase("this process is no user") { $0.open(.device(sdb), process: 1000) },
    GuardCase("a writer of the primary is another guard's") {
      $0.open(.device(DeviceNumber(major: 8, minor: 0)))
    },
    GuardCase(
      "a writer is 32774, with pid, program and node", .refused, .systemInUse,
      says: ["pid 4711 (qemu-system-x86) has /dev/sdb open for writing", "stop qemu-system-x86 (pid 4711)"]
    ) { $0.open(.device(sdb)) },
    GuardCase("a program's name is escaped", .refused, .systemInUse, says: ["(\\u{1b}[2J)"]) {
      $0.open(.device(sdb), by: "\u{1b}[2J")
    },
    GuardCase("a writer of the whole disk writes to its partitions", .refused, .systemInUse) { scene in
      scene.partition(1, of: "sdb", SameStorageGuardTests.half)
      scene.names[.recovery] = "sdb1"
      scene.open(.device(sdb))
    },
    GuardCase(
      "a writer of a loop's file writes to the loop", .refused, .systemInUse, says: ["the image open"]
    ) { scene in
      scene.loop(3, over: 7)
      scene.names[.recovery] = "loop3"
      scene.open(.file(.test(7)))
    },
    GuardCase("a writer of the file writes to a partition of the loop", .refused, .systemInUse) { scene in
      scene.loop(3, over: 7)
      scene.partition(1, of: "loop3", SameStorageGuardTests.half)
      scene.names[.recovery] = "loop31"
      scene.open(.file(.test(7)))
    },
    GuardCase("a writer of the file writes to a loop over the loop", .refused, .systemInUse) { scene in
      scene.loop(3, over: 7)
      scene.loop(4, below: "loop3")
      scene.names[.recovery] = "loop4"
      scene.open(.file(.test(7)))
    },
    GuardCase("a machine on another volume of its group is no user") { scene in
      scene.stack("dm-3", 3, on: ["sdb"], map: "pve-vm1", uuid: SameStorageGuardTests.volume("a"))
      scene.stack("dm-4", 4, on: ["sdb"], map: "pve-vm2", uuid: SameStorageGuardTests.volume("b"))
      scene.names[.recovery] = "dm-3"
      scene.open(.device(DeviceNumber(major: 253, minor: 4)))
    },
    GuardCase("another PID namespace is 32771", .unknown, .statusUnknown, says: ["PID namespace"]) {
      $0.host.seesAllProcesses = false
    },
    GuardCase(
      "a process that cannot be looked into is 32771 and named", .unknown, .statusUnknown,
      says: ["pid 77 (secret)"]
    ) { $0.host.opaqueProcesses = [OpaqueProcess(process: 77, program: "secret")] },
    GuardCase("the first process alone is a warning", .warning, says: ["pid 1 (init) cannot be looked into"])
    {
      $0.host.opaqueProcesses = [OpaqueProcess(process: 1, program: "init")]
    },
  ]

  static let lockCases = [
    GuardCase("an image without QEMU's locks passes") { _ in },
    GuardCase("one with QEMU's write lock is 32774", .refused, .systemInUse, says: ["as QEMU locks"]) {
      $0.edits[.recovery] = { $0.locks.writer = true }
    },
    GuardCase(
      "one that QEMU only reads is 32774 too, with who has it open", .refused, .systemInUse,
      says: ["pid 4711 (qemu-img) has /dev/sdb open for reading"]
    ) { scene in
      scene.open(.device(sdb), by: "qemu-img", writing: false)
      scene.edits[.recovery] = { $0.locks.user = true }
    },
    GuardCase("locks on the primary are another guard's") { $0.edits[.primary] = { $0.locks.writer = true } },
  ]

  static func check(_ testCase: GuardCase, _ kind: any Guard.Type) throws {
    try testCase.check(kind)
    if testCase.verdict == .refused || testCase.verdict == .unknown {
      #expect(testCase.compareVerdicts(kind) == [.warning], "a compare is only told")
    }
  }

  @Test("of mounts", arguments: mountCases) func mounts(_ one: GuardCase) throws {
    try Self.check(one, MountGuard.self)
  }
  @Test("of swap", arguments: swapCases) func swaps(_ one: GuardCase) throws {
    try Self.check(one, SwapGuard.self)
  }
  @Test("of processes", arguments: openerCases) func openers(_ one: GuardCase) throws {
    try Self.check(one, OpenerGuard.self)
  }
  @Test(
    "a killed process that is still in the kernel is about to go, with its locks", arguments: [true, false])
  func dying(_ isDying: Bool) {
    var scene = Scene()
    scene.host.openers = [
      Opener(
        process: 4711, program: "vmresync", target: .device(Self.sdb), isWriting: true, isLocking: true,
        isDying: isDying)
    ]
    scene.edits[.recovery] = { $0.locks.user = true }
    #expect(OpenerGuard.judge(scene.facts).map(\.isEnding) == [isDying])
    #expect(LockGuard.judge(scene.facts).map(\.isEnding) == [isDying])
  }

  @Test("of locks", arguments: lockCases) func locks(_ one: GuardCase) throws {
    try Self.check(one, LockGuard.self)
  }
}
