import SystemPackage
import Testing

@testable import DeviceResync

@Suite("who uses a disk cannot be known: 32771", .ownPlace, .tags(.devices)) struct StatusUnknownTests {
  @Test("in a PID namespace of its own")
  func namespace() throws {
    let pair = try TestPair(differing: .images)
    let wrapper = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    let report = try Command.json(.resync, pair.primary, pair.recovery, through: wrapper)
    expect(report, 32771)
    #expect(report.verdict("processes")["Verdict"].text == "unknown")
    let compared = try Command.json(.compare, pair.primary, pair.recovery, through: wrapper)
    expect(compared, 0, status: 1)
    #expect(compared.pair()["PointInTime"].bool != true)
  }
}
