import Testing

@testable import DeviceResync

@Suite("times as they are typed")
struct TimeSpanTests {
  @Test(
    "are read with their unit",
    arguments: [
      ("90s", 90), ("1 s", 1), ("0.5s", 0.5), ("15min", 900), ("15 min", 900), ("2h", 7200), ("1.5 h", 5400),
      (" 3 min", 180), ("87600h", 315_360_000), ("30m", 1800), ("8 d", 691_200),
    ] as [(String, Double)])
  func parses(_ text: String, _ seconds: Double) {
    #expect(TimeSpan(parsing: text)?.seconds == seconds)
  }

  @Test(
    "without a unit, or with another, are none",
    arguments: [
      "", "5", "0s", "0.0h", "-1s", "+1s", "1ms", "1 minute", "1S", "1D", "1w", "s", "1e3s", ".5s", "5.s",
      "1..5s",
      "1.5.5s", "infs", "nans", "87601h", "99999999999999999999999h", "1s ", "٣s", "1h 5min",
    ])
  func refuses(_ text: String) {
    #expect(TimeSpan(parsing: text) == nil)
  }
}
