import Testing

@testable import DeviceResync

@Suite("the source guard")
struct SourceGuardTests {
  static let sda = DeviceNumber(major: 8, minor: 0)

  static let cases = [
    GuardCase("a primary that nobody writes to is offline", says: ["offline"]) { _ in },
    GuardCase("a reader leaves it offline", says: ["offline"]) { $0.open(.device(sda), writing: false) },
    GuardCase(
      "a writer is 32775 for resync, with both ways out", .refused, .invalidState,
      says: [
        "pid 4711 (qemu-system-x86) has /dev/sda open for writing", "--source running", "stop the primary VM",
      ]
    ) { $0.open(.device(sda)) },
    GuardCase("a mount is evidence", .refused, .invalidState, says: ["sda is mounted on /mnt"]) {
      $0.mount(sda, on: "/mnt")
    },
    GuardCase("a swap area is evidence", .refused, .invalidState, says: ["/dev/sda is in use as swap"]) {
      $0.host.swaps = [SwapArea(path: "/dev/sda", device: sda, file: nil)]
    },
    GuardCase(
      "a device that is built on it is evidence", .refused, .invalidState, says: ["dm-3 (x) is built on it"]
    ) {
      $0.stack("dm-3", 3, on: ["sda"], map: "x")
    },
    GuardCase(
      "a writable loop over its image is evidence", .refused, .invalidState, says: ["/dev/loop3 is attached"]
    ) {
      scene in
      scene.images[.primary] = .test(7)
      scene.loop(3, over: 7)
    },
    GuardCase("a read-only loop over its image is none", says: ["offline"]) { scene in
      scene.images[.primary] = .test(7)
      scene.loop(3, over: 7, readOnly: true)
    },
    GuardCase("QEMU's write lock is evidence", .refused, .invalidState, says: ["QEMU's write lock"]) {
      $0.edits[.primary] = { $0.locks.writer = true }
    },
    GuardCase("the running volumes beside it in its group are none", says: ["offline"]) { scene in
      scene.stack("dm-3", 3, on: ["sda"], map: "pve-vm1", uuid: SameStorageGuardTests.volume("a"))
      scene.stack("dm-4", 4, on: ["sda"], map: "pve-root", uuid: SameStorageGuardTests.volume("b"))
      scene.mount(DeviceNumber(major: 253, minor: 4), on: "/")
      scene.names[.primary] = "dm-3"
    },
    GuardCase("who cannot see all processes does not know: 32771", .unknown, .statusUnknown) {
      $0.host.seesAllProcesses = false
    },
    GuardCase(
      "--source running reads it all the same, and says so", .warning, says: ["no point in time", "4711"]
    ) {
      scene in
      scene.request.source = .running
      scene.open(.device(sda))
    },
  ]

  @Test("judges a resync", arguments: cases)
  func judges(_ testCase: GuardCase) throws { try testCase.check(SourceGuard.self) }

  @Test(
    "a compare goes on as running where a resync is refused",
    arguments: cases.filter { $0.verdict != .passed })
  func compare(_ testCase: GuardCase) throws {
    #expect(testCase.compareVerdicts(SourceGuard.self) == [.warning])
    #expect(SourceGuard.mode(testCase.facts) == .running)
  }

  @Test("a compare that insists on an offline primary is refused too")
  func insists() {
    var scene = Scene()
    (scene.request.operation, scene.request.source) = (.compare, .offline)
    #expect(SourceGuard.judge(scene.facts).map(\.verdict) == [.passed])
    scene.open(.device(Self.sda))
    #expect(SourceGuard.judge(scene.facts).map(\.returnValue) == [.invalidState])
  }

  @Test("only openers are looked at twice: a mount does not pass by itself")
  func brief() {
    var scene = Scene()
    scene.open(.device(Self.sda))
    #expect(SourceGuard.judge(scene.facts).map(\.mayBeBrief) == [true])
    scene.mount(Self.sda, on: "/mnt")
    #expect(SourceGuard.judge(scene.facts).map(\.mayBeBrief) == [false])
  }
}
