import SystemPackage
import Testing

@testable import DeviceResync

@Suite("set-up without memory ends in 32778", .ownPlace, .tags(.devices)) struct OutOfMemoryTests {
  @Test("ENOMEM where the ring is made", arguments: ["io_uring_setup", "io_uring_register"])
  func ring(_ call: String) throws {
    let pair = try TestPair(differing: .images)
    let before = try pair.recoveryImage.bytes()
    for operation in [Operation.compare, .resync] {
      let report = try Command.json(
        operation, pair.primary, pair.recovery, through: injecting("\(call):error=ENOMEM"))
      expect(report, 32778)
      #expect(report.message.contains("ENOMEM"))
      #expect(report.message.contains("free memory") && !report.message.contains("sysctl"), "\(report)")
    }
    #expect(areEqual(try pair.recoveryImage.bytes(), before))
  }
}
