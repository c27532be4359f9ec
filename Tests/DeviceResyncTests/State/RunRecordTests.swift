import Testing

@testable import DeviceResync

@Suite struct RunRecordTests {
  @Test("a run is alive while its process is, in its boot; a number that was given again is another process")
  func alive() throws {
    let run = try RunRecord.ours(.inPlace, staging: nil)
    #expect(try run.isAlive())
    var other = run
    other.processStart += 1
    #expect(try !other.isAlive())
    other = run
    other.boot = .random()
    #expect(try !other.isAlive())
    other = run
    other.process = .max
    #expect(try !other.isAlive())
  }

  @Test("a process whose name holds brackets and spaces has its own start time")
  func startTimes() throws {
    let first = try #require(try startTime(of: 1))
    #expect(first < (try #require(try startTime(of: ownProcess()))))
    let odd = try HoldingCommand("sh", "-c", "printf '0) S 1 ' >/proc/$$/comm; echo ready; read line")
    let start = try #require(try startTime(of: odd.identifier))
    #expect(start >= (try #require(try startTime(of: ownProcess()))))
  }

  @Test(
    "points in time are written in UTC, to the second",
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"),
      (253_402_300_799, "9999-12-31T23:59:59Z"),
    ] as [(Int64, String)])
  func timestamps(seconds: Int64, text: String) {
    #expect(Timestamp(seconds: seconds)?.description == text)
    #expect(Timestamp(seconds: -1) == nil && Timestamp(seconds: 253_402_300_800) == nil)
  }

  @Test("UUIDs are written in groups, read back, and random ones are of version 4")
  func uniqueIDs() {
    let id = UniqueID(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff)
    #expect(id.description == "00112233-4455-6677-8899-aabbccddeeff")
    #expect(UniqueID(id.description) == id)
    let random = Array(UniqueID.random().description)
    #expect(random[14] == "4" && "89ab".contains(random[19]))
    #expect(UniqueID.random() != UniqueID.random())
    for text in ["", "00112233-4455-6677-8899-AABBCCDDEEFF", "00112233445566778899aabbccddeeff0000"] {
      #expect(UniqueID(text) == nil)
    }
  }
}
