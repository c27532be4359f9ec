import Testing

@testable import DeviceResync

@Suite("plans")
struct PlanTests {
  @Test("no two guards have one name, and every guard judges every pair")
  func names() {
    let names = allGuards.map { $0.name }
    #expect(Set(names).count == names.count)
    #expect(Set(judge(Scene().facts).map(\.name)) == Set(names))
  }

  @Test("a pair that nothing refuses may start")
  func passes() {
    let plan = Plan(Scene().request, [Scene().facts])
    #expect(plan.refusal == nil)
    #expect(plan.pairs[0].sourceMode == .offline)
    #expect(plan.pairs[0].guards.allSatisfy { $0.verdict == .passed })
  }

  static let trouble: [(ReturnValue, @Sendable (inout Scene) -> Void)] = [
    (.incorrectDataType, NameGuardTests.named(.wrongKind)),
    (
      .invalidParameter,
      {
        $0["sda"].wwid = "x"; $0["sdb"].wwid = "x"
      }
    ),
    (.accessDenied, { $0.host.isRoot = false }),
    (.notSupported, { $0["sda"].queue.zonedModel = "host-managed" }),
    (.invalidState, { $0["sda"].size -= 512 }),
    (.systemInUse, { $0["sdb"].holders = ["md7"] }),
    (.statusUnknown, { $0.host.seesAllProcesses = false }),
  ]

  @Test("of several failures the one that DESIGN 2 names first is the value, and all are shown")
  func precedence() {
    for first in Self.trouble.indices {
      for second in Self.trouble.indices.dropFirst(first + 1) {
        var scene = Scene()
        Self.trouble[second].1(&scene)
        Self.trouble[first].1(&scene)
        let pair = PlannedPair(scene.facts)
        // A name that leads nowhere leaves no disk to complain of.
        if first > 0 {
          #expect(pair.guards.contains { $0.returnValue == Self.trouble[second].0 })
        }
        #expect(pair.refusal == Self.trouble[first].0, "\(first) before \(second)")
      }
    }
  }

  @Test("of several pairs the first refused one's value is the call's")
  func pairs() {
    var busy = Scene()
    busy["sdb"].holders = ["md7"]
    var odd = Scene()
    odd["sdb"].size += 512
    let good = Scene()
    #expect(Plan(good.request, [good.facts, busy.facts, odd.facts]).refusal == .systemInUse)
    #expect(Plan(good.request, [odd.facts, busy.facts]).refusal == .invalidState)
    #expect(Plan(good.request, [good.facts]).refusal == nil)
  }

  @Test("a plan ends by itself only where nothing else is in the way")
  func ending() {
    var scene = Scene()
    scene.images[.recovery] = .test(7)
    scene.loop(3, over: 7, autoclear: true)
    #expect(Plan(scene.request, [scene.facts]).isEnding)
    scene.host.isRoot = false
    #expect(!Plan(scene.request, [scene.facts]).isEnding)
    #expect(!Plan(scene.request, [Scene().facts]).isEnding)
  }

  @Test(
    "udev is locked out of the whole disk of a partition, and of the loop that an image is reached through")
  func wholeDisk() {
    var scene = Scene()
    scene.partition(1, of: "sdb", SameStorageGuardTests.half)
    scene.names[.recovery] = "sdb1"
    let plan = Plan(scene.request, [scene.facts])
    #expect(plan.pairs[0].recovery.wholeDisk?.name == "sdb")
    #expect(plan.pairs[0].primary.wholeDisk?.name == "sda")

    var image = RawImage.test(7)
    scene.images[.recovery] = image
    #expect(scene.disk(.recovery).wholeDisk == nil)
    scene.loop(3, over: 7)
    image.wholeLoop = scene["loop3"]
    scene.images[.recovery] = image
    #expect(scene.disk(.recovery).wholeDisk?.name == "loop3")
  }

  @Test("recoveries are claimed in one order: devices by number, then images by file")
  func claimOrder() {
    var first = Scene()
    first.images[.recovery] = .test(9)
    var second = Scene()
    second.images[.recovery] = .test(2)
    var third = Scene()
    third.host.devices.append(.disk("vdb", 252, 16))
    third.names[.recovery] = "vdb"
    let plan = Plan(first.request, [first.facts, second.facts, third.facts, Scene().facts])
    #expect(OpenedCall.claimOrder(plan) == [3, 2, 1, 0])
  }

  @Test("pairs that share a rotational disk, also by way of another pair, go one after the other")
  func lanes() {
    func disks(_ minors: UInt32...) -> Set<DeviceNumber> {
      Set(minors.map { DeviceNumber(major: 8, minor: $0) })
    }
    #expect(Plan.lanes(of: [[], [], []]) == [[0], [1], [2]])
    #expect(Plan.lanes(of: [disks(1), disks(2), disks(1), []]) == [[0, 2], [1], [3]])
    #expect(Plan.lanes(of: [disks(1), disks(2), disks(1, 2), disks(3)]) == [[0, 1, 2], [3]])
    #expect(Plan.lanes(of: [disks(2), disks(1), disks(3), disks(3, 2)]) == [[0, 2, 3], [1]])
    #expect(Plan.lanes(of: []) == [])
    // Both sides count.
    var one = Scene()
    one["sda"].queue.isRotational = true
    var two = one
    two.names = [.primary: "sdb", .recovery: "sda"]
    #expect(Plan(one.request, [one.facts, two.facts]).lanes == [[0, 1]])
    one["sda"].queue.isRotational = false
    two["sda"].queue.isRotational = false
    #expect(Plan(one.request, [one.facts, two.facts]).lanes == [[0], [1]])
  }

  @Test("pairs on one rotational disk are read in turns; loops and virtio do not know what they lie on")
  func rotational() {
    var scene = Scene()
    scene.partition(1, of: "sda", SameStorageGuardTests.half)
    scene.partition(2, of: "sda", SameStorageGuardTests.rest)
    scene.names = [.primary: "sda1", .recovery: "sda2"]
    #expect(!scene.facts.sharesRotationalDisk)
    scene["sda"].queue.isRotational = true
    #expect(scene.facts.sharesRotationalDisk)
    #expect(scene.host.rotationalDisks(of: scene.facts.primary) == [scene["sda"].number])
    scene["sda"].transport = "virtio"
    #expect(scene.host.rotationalDisks(of: scene.facts.primary).isEmpty)
    #expect(!scene.facts.sharesRotationalDisk)
    scene.names[.recovery] = "sdb"
    #expect(!scene.facts.sharesRotationalDisk)
  }
}
