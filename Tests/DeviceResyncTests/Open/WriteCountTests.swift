import Testing

@testable import DeviceResync

@Suite("the kernel's count of written sectors")
struct WriteCountTests {
  /// 17 fields, of which the 7th counts sectors written and the 14th sectors discarded.
  static func stat(_ written: UInt64, _ discarded: UInt64 = 0) -> String {
    "  1 2 3 4 5 6 \(written) 8 9 10 11 12 13 \(discarded) 15 16 17"
  }

  @Test(
    "is read from a line of stat",
    arguments: [
      (stat(8), 4096), (stat(8, 2), 5120), ("1 2 3 4 5 6 7 8 9 10 11", 3584), (stat(0), 0),
      ("1 2 3 4 5 6", nil), ("", nil), ("1 2 3 4 5 6 x 8", nil), ("1 2 3 4 5 6 -7 8", nil),
    ] as [(String, UInt64?)])
  func parses(_ line: String, _ bytes: UInt64?) {
    #expect(WriteCount.written(inStat: line) == bytes)
  }

  @Test("of a disk is its own")
  func disk() throws {
    let recorded = try RecordedSysfs()
    try recorded.add("sda", "8:0", below: SysfsTests.sata, ["stat": Self.stat(100)])
    let count = try WriteCount(of: "sda", on: nil, in: recorded.sysfs)
    #expect(count?.bytes == 51200)
    #expect(count?.bytesBeside == 0)
  }

  @Test("of a partition is its own, and what its disk took beside all partitions")
  func partition() throws {
    let recorded = try RecordedSysfs()
    try recorded.add("sda", "8:0", below: SysfsTests.sata, ["stat": Self.stat(100)])
    for (name, sectors) in [("sda1", 10), ("sda2", 60)] as [(String, UInt64)] {
      try recorded.add(
        name, "8:1", below: SysfsTests.sata + "/sda", ["partition": "1", "stat": Self.stat(sectors)],
        isDisk: false)
    }
    let count = try WriteCount(of: "sda2", on: "sda", in: recorded.sysfs)
    #expect(count?.bytes == 60 * 512)
    #expect(count?.bytesBeside == 30 * 512)
  }

  @Test("of a disk that counts less than its partitions is 0 beside them, not beyond 64 bits")
  func less() throws {
    let recorded = try RecordedSysfs()
    try recorded.add("sda", "8:0", below: SysfsTests.sata, ["stat": Self.stat(5)])
    try recorded.add(
      "sda1", "8:1", below: SysfsTests.sata + "/sda", ["partition": "1", "stat": Self.stat(10)], isDisk: false
    )
    #expect(try WriteCount(of: "sda1", on: "sda", in: recorded.sysfs)?.bytesBeside == 0)
  }

  @Test("is not there where iostats is 0, and where there is no such disk")
  func absent() throws {
    let recorded = try RecordedSysfs()
    try recorded.add("sda", "8:0", below: SysfsTests.sata, ["stat": Self.stat(100), "queue/iostats": "0"])
    #expect(try WriteCount(of: "sda", on: nil, in: recorded.sysfs) == nil)
    #expect(try WriteCount(of: "sdb", on: nil, in: recorded.sysfs) == nil)
  }
}
