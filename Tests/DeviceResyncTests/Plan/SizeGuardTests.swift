import Testing

@testable import DeviceResync

@Suite("the sizes and blocks guards")
struct SizeGuardTests {
  static let gibibyte: UInt64 = 1 << 30

  static let sizeCases = [
    GuardCase("two disks of one size pass", says: ["1073741824 bytes"]) { _ in },
    GuardCase(
      "a recovery that is a sector smaller is 32775", .refused, .invalidState,
      says: ["1073741824", "1073741312", "512 bytes larger"]
    ) { $0["sdb"].size = gibibyte - 512 },
    GuardCase(
      "a recovery that is a sector larger is 32775, with the option", .refused, .invalidState,
      says: ["--allow-larger-recovery", "the last 512 bytes stay"]
    ) { $0["sdb"].size = gibibyte + 512 },
    GuardCase(
      "a larger recovery may be allowed, and its tail is named", .warning,
      says: ["512 B larger", "bytes from 1073741824 on"]
    ) { scene in
      scene["sdb"].size = gibibyte + 512
      scene.request.allowsLargerRecovery = true
    },
    GuardCase("the option does not allow a smaller one", .refused, .invalidState) { scene in
      scene["sdb"].size = gibibyte - 512
      scene.request.allowsLargerRecovery = true
    },
    GuardCase("a side that could not be looked at is another guard's") {
      $0.edits[.primary] = { $0.identity.size = 0 }
    },
    GuardCase(
      "bytes to compare beyond the end are 32773", .refused, .invalidParameter, says: ["--byte-length"]
    ) {
      ($0.request.windowOffset, $0.request.windowLength) = (0, gibibyte + 4096)
    },
    GuardCase("no bytes to compare are 32773", .refused, .invalidParameter) { $0.request.windowLength = 0 },
    GuardCase("an offset beyond the end is 32773", .refused, .invalidParameter) {
      $0.request.windowOffset = gibibyte + 4096
    },
    GuardCase(
      "an offset and length beyond 64 bits are 32773", .refused, .invalidParameter,
      says: ["up to \(UInt64.max)"]
    ) {
      ($0.request.windowOffset, $0.request.windowLength) = (.max - 4095, .max)
    },
    GuardCase(
      "a file that ends before its loop is a warning", .warning,
      says: ["/dev/loop3", "/images/7: 1000 bytes"]
    ) {
      scene in
      scene.loop(3, over: 7)
      scene["loop3"].loop?.fileSize = 1000
      scene.names[.recovery] = "loop3"
    },
  ]

  static let blockCases = [
    GuardCase("two disks of 512-byte blocks pass", says: ["blocks of 4096 bytes"]) { _ in },
    GuardCase("blocks of 4096 on one side pass") { $0["sdb"].queue.logicalBlockSize = 4096 },
    GuardCase("larger logical blocks are the unit", says: ["blocks of 16384 bytes"]) {
      $0["sdb"].queue.logicalBlockSize = 16384
    },
    GuardCase("blocks of 520 bytes are 32770", .refused, .notSupported, says: ["520 bytes cannot be handled"])
    {
      $0["sdb"].queue.logicalBlockSize = 520
    },
    GuardCase(
      "a tail that no whole block reaches is 32770", .refused, .notSupported,
      says: ["last 512 bytes", "multiple of 4096"]
    ) { scene in
      (scene["sda"].size, scene["sdb"].size) = (gibibyte + 512, gibibyte + 512)
      scene["sdb"].queue.logicalBlockSize = 4096
    },
    GuardCase("two images may have any size: their tails are read through the files") { scene in
      scene.images = [.primary: .test(7, size: 1_000_001), .recovery: .test(8, size: 1_000_001)]
    },
    GuardCase(
      "bytes to compare must begin on a block", .refused, .invalidParameter, says: ["blocks of 4096 bytes"]
    ) {
      $0.request.windowOffset = 512
    },
    GuardCase("and end on one", .refused, .invalidParameter) { $0.request.windowLength = 4608 },
    GuardCase("or at the end of the disk") { scene in
      (scene["sda"].size, scene["sdb"].size) = (gibibyte + 512, gibibyte + 512)
      (scene.request.windowOffset, scene.request.windowLength) = (gibibyte, 512)
    },
  ]

  @Test("of sizes", arguments: sizeCases)
  func sizes(_ one: GuardCase) throws {
    try one.check(SizeGuard.self)
    if one.verdict == .refused { #expect(one.compareVerdicts(SizeGuard.self) == [.refused]) }
  }

  @Test("of blocks", arguments: blockCases)
  func blocks(_ one: GuardCase) throws {
    try one.check(BlockSizeGuard.self)
    if one.verdict == .refused { #expect(one.compareVerdicts(BlockSizeGuard.self) == [.refused]) }
  }
}
