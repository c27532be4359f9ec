import DeviceResync
import Testing

@testable import ReplicationService

/// `--at`: local time, of a host whose clocks change as in Berlin in 2030.
@Suite("a time for people") struct MomentTests {
  /// 2030-03-31T01:00:00Z and 2030-10-27T01:00:00Z.
  private static let offset: @Sendable (Int64) -> Int64 = { second in
    (1_901_149_200..<1_919_293_200).contains(second) ? 7200 : 3600
  }

  private static func second(_ text: String) throws -> Int64 {
    guard case .timestamp(let time?) = CIMDateTime(parsing: text) else { throw CancellationError() }
    return time
  }

  private func moment(_ text: String, now: String) throws -> String {
    try Moment(parsing: text, now: Self.second(now), offset: Self.offset).cimDateTime
  }

  static let taken = [
    ("02:00", "20300530000000.000000+120", "20300530020000.000000+120"),
    ("02:00", "20300530020000.000000+120", "20300531020000.000000+120"),
    ("02:00:30", "20300530020000.000000+120", "20300530020030.000000+120"),
    ("23:59", "20300530235959.000000+120", "20300531235900.000000+120"),
    ("2030-06-01 02:00", "20300530000000.000000+120", "20300601020000.000000+120"),
    ("2030-06-01T02:00:07", "20300530000000.000000+120", "20300601020007.000000+120"),
    ("+30m", "20300530000000.000000+120", "20300530003000.000000+120"),
    ("+30min", "20300530000000.000000+120", "20300530003000.000000+120"),
    ("+2h", "20301027013000.000000+120", "20301027023000.000000+060"),
    ("+1d", "20300530000000.000000+120", "20300531000000.000000+120"),
    // The night before a change, and the morning after it.
    ("03:00", "20300331010000.000000+060", "20300331030000.000000+120"),
    ("01:59", "20300331010000.000000+060", "20300331015900.000000+060"),
    ("03:00", "20301027010000.000000+120", "20301027030000.000000+060"),
  ]

  @Test("is the next time at which the host's clock shows it", arguments: taken.indices)
  func good(_ index: Int) throws {
    let (text, now, wanted) = Self.taken[index]
    #expect(try moment(text, now: now) == wanted, "\(text) at \(now)")
  }

  @Test(
    "anything else is refused: 32773",
    arguments: [
      "", "2:00", "24:00", "02:60", "02:00:60", "02", "02:00:00:00", "０２:00", "+30", "+", "-30m", " 02:00",
      "2030-02-29 02:00", "2030-13-01 02:00", "30-06-01 02:00", "2030-06-01", "2030-06-01  02:00", "tomorrow",
      "02:00\n",
    ])
  func bad(_ text: String) throws {
    let error = try #require(throws: ResyncError.self) {
      try moment(text, now: "20300530000000.000000+120")
    }
    #expect(error.returnValue == .invalidParameter && "\(error)".contains("02:00"), "\(error)")
  }

  @Test("a time that a change of the clocks skips, or shows twice, is refused with what to write instead")
  func changes() throws {
    let skipped = try #require(throws: ResyncError.self) {
      try moment("02:30", now: "20300331010000.000000+060")
    }
    #expect("\(skipped)".contains("skip"), "\(skipped)")
    let twice = try #require(throws: ResyncError.self) {
      try moment("2030-10-27 02:30", now: "20301026120000.000000+120")
    }
    #expect(
      "\(twice)".contains(
        "--start-time 20301027023000.000000+120 or --start-time 20301027023000.000000+060"), "\(twice)")
  }

  @Test("is shown with weekday and distance")
  func text() throws {
    let now = try Self.second("20300530000000.000000+000")
    let moment = try Moment(parsing: "+6h", now: now, offset: Self.offset)
    #expect(moment.text(now: now) == "20300530080000.000000+120, Thu 2030-05-30 08:00:00, in 6 h 0 min")
    #expect(moment.text(now: now + 7 * 3_600_000_000).hasSuffix(", 1 h 0 min ago"))
    #expect(Moment(-1, offset: { _ in 0 }).localText == "Wed 1969-12-31 23:59:59")
  }

  @Test("a CIM datetime that is written is read as the same point in time")
  func roundTrip() throws {
    var time: Int64 = -62_167_219_200_000_000
    var step: Int64 = 86_399_000_001
    while time < 253_402_300_800_000_000 {
      for east: Int64 in [0, 60, -300] where time > -62_167_000_000_000_000 && time < 253_402_000_000_000_000
      {
        let text = CIMDateTime.text(timestamp: time, minutesEast: east)
        #expect(CIMDateTime(parsing: text) == .timestamp(microseconds: time), "\(text)")
      }
      time += step
      step = step &* 3 % 400_000_000_000_000 + 1_000_003
    }
    for span: Int64 in [0, 1, 86_399_999_999, 86_400_000_000, 8_639_999_999_999_999_999] {
      let text = CIMDateTime.text(interval: span)
      #expect(CIMDateTime(parsing: text) == .interval(microseconds: span), "\(text)")
    }
    #expect(CIMDateTime.text(interval: -1) == "00000000000000.000000:000")
    #expect(CIMDateTime.text(timestamp: .max) == "99991231235959.999999+000")
  }
}
