import Testing

@testable import DeviceResync

@Suite("the loops guard")
struct LoopGuardTests {
  static let cases = [
    GuardCase("an image without loops passes") { $0.images[.recovery] = .test(7) },
    GuardCase("a loop over another file passes") { scene in
      scene.images[.recovery] = .test(7)
      scene.loop(3, over: 8)
    },
    GuardCase("a read-only loop over it passes") { scene in
      scene.images[.recovery] = .test(7)
      scene.loop(3, over: 7, readOnly: true)
    },
    GuardCase(
      "a writable loop over it is 32774, opened or not", .refused, .systemInUse,
      says: ["/dev/loop3 over /images/7", "losetup -d /dev/loop3"]
    ) { scene in
      scene.images[.recovery] = .test(7)
      scene.loop(3, over: 7)
    },
    GuardCase("a loop over another part of the file passes") { scene in
      scene.loop(3, over: 7, size: 1 << 20)
      scene.loop(4, over: 7, offset: 1 << 20, size: 1 << 20)
      scene.names[.recovery] = "loop3"
    },
    GuardCase(
      "a second loop over the named one's file is 32774", .refused, .systemInUse, says: ["/dev/loop4"]
    ) { scene in
      scene.loop(3, over: 7)
      scene.loop(4, over: 7, offset: 4096, size: 4096)
      scene.names[.recovery] = "loop3"
    },
    GuardCase("a loop over the named loop is 32774", .refused, .systemInUse, says: ["/dev/loop4"]) { scene in
      scene.loop(3, over: 7)
      scene.loop(4, below: "loop3")
      scene.names[.recovery] = "loop3"
    },
    GuardCase("the loop below the named one is not") { scene in
      scene.loop(3, over: 7)
      scene.loop(4, below: "loop3")
      scene.names[.recovery] = "loop4"
    },
    GuardCase("the loop that is to be used is none of the others") { scene in
      scene.loop(3, over: 7)
      var image = RawImage.test(7)
      image.wholeLoop = scene["loop3"]
      scene.images[.recovery] = image
    },
    GuardCase("our own loop is none either") { scene in
      scene.images[.recovery] = .test(7)
      scene.loop(3, over: 7)
      scene.host.ownLoops = [DeviceNumber(major: 7, minor: 3)]
    },
    GuardCase(
      "a loop of which the kernel tells nothing is 32771", .unknown, .statusUnknown,
      says: ["losetup /dev/loop9"]
    ) {
      scene in
      scene.loop(9, over: 7)
      scene["loop9"].loop?.backing = nil
    },
  ]

  @Test("judges", arguments: cases)
  func judges(_ testCase: GuardCase) throws { try UserGuardTests.check(testCase, LoopGuard.self) }

  @Test("a loop that only a dead run's I/O can hold is about to end; one that somebody has open is not")
  func ending() throws {
    var scene = Scene()
    scene.images[.recovery] = .test(7)
    scene.loop(3, over: 7, autoclear: true)
    #expect(LoopGuard.judge(scene.facts).map(\.isEnding) == [true])
    scene.open(.device(DeviceNumber(major: 7, minor: 3)), writing: false)
    #expect(LoopGuard.judge(scene.facts).map(\.isEnding) == [false])
    scene.host.openers[0].isDying = true
    #expect(LoopGuard.judge(scene.facts).map(\.isEnding) == [true])
  }
}
