import DeviceResync
import Testing

@testable import ReplicationService

/// SEMANTICS 4, every row, at 2030-05-30T00:00:00Z.
@Suite("StartTime") struct StartTimeTests {
  static let now: Int64 = 1_906_329_600_000_000
  static let hour: Int64 = 3_600_000_000

  static let taken: [(String, StartTime)] = [
    ("", .now), ("00000000000000.000000:000", .now),
    ("20300601020000.000000+000", .at(microseconds: now + 50 * hour)),
    ("20300601020000.000000+120", .at(microseconds: now + 48 * hour)),
    ("20300601020000.000000-300", .at(microseconds: now + 55 * hour)),
    ("20300601020000.500000+330", .at(microseconds: now + 44 * hour + hour / 2 + 500_000)),
    ("20300601020000.000000-000", .at(microseconds: now + 50 * hour)),
    ("00000000003000.000000:000", .at(microseconds: now + hour / 2)),
    ("00000007000000.000000:000", .at(microseconds: now + 7 * 24 * hour)),
    ("20300530000000.000000+000", .at(microseconds: now)),
    ("20300606000000.000000+000", .at(microseconds: now + 7 * 24 * hour)),
    ("20300529235959.999999-001", .at(microseconds: now + 59_999_999)),
  ]

  @Test("a point in time from now to seven days ahead is taken", arguments: taken.indices)
  func good(_ index: Int) throws {
    let (text, wanted) = Self.taken[index]
    #expect(try StartTime(parsing: text, now: Self.now) == wanted, "\(text)")
  }

  static let pointless = [
    "20300101020000.000000+000", "20300529235959.999999+000", "20300606000000.000001+000",
    "00000007000000.000001:000", "00000008000000.000000:000", "99999999235959.999999:000",
    "20300601020000.******+120", "203006010200**.******+120", "20300601020000.12****+120",
    "2030060102****.******+120", "20300601******.******+120", "203006********.******+120",
    "2030**********.******+120", "**************.******+000", "00000001132312.125***:000",
    "00000001132312.******:000", "000000011323**.******:000", "**************.******:000",
    "00010101000000.000000+000", "99991231235959.999999-999",
  ]

  @Test("a datetime that is past, too far ahead or no point in time: 32773", arguments: pointless)
  func noPoint(_ text: String) {
    expect(text, .invalidParameter)
  }

  static let malformed = [
    "20300601020000.000000+***", "19980416******.000000+***", "****0401******.000000+000",
    "20300601020000.12*456+120", "2030060*020000.000000+000", "20300601020000.*00000+000",
    "203006010200*0.******+000", "20300601**0000.******+000", "20300601020000.******+1*0",
    "2030-06-01T02:00:00Z", "20300601020000.000000", "20300601020000.000000Z", "20300601020000.000000+02:00",
    "20300601020000.000000+1440", "20300601020000.000000|120", "20300601020000,000000+120",
    "20300601020000.000000+00", "20300601020000.000000+0000", "20300601020000.000000+000\n",
    " 20300601020000.000000+00", "２0300601020000.000000+0", "20300601020000.000000+０",
    "+0300601020000.000000+000",
    "20300601020000.+00000+000", "20300231020000.000000+000", "20310229020000.000000+000",
    "20301301020000.000000+000", "20300601240000.000000+000", "20300601026000.000000+000",
    "20300601020060.000000+000", "20300600020000.000000+000", "20300631020000.000000+000",
    "00000000250000.000000:000", "00000000006000.000000:000", "00000000000060.000000:000",
    "00000000000000.000000:001", "00000000000000.000000:***", "00000000010000.000000+000", "now", "*",
    "20300601020000.000000+ 60", "\u{0}0300601020000.000000+000",
  ]

  @Test("what is no CIM datetime: 32776", arguments: malformed)
  func noDateTime(_ text: String) {
    expect(text, .incorrectDataType)
  }

  private func expect(_ text: String, _ value: ReturnValue) {
    do {
      let time = try StartTime(parsing: text, now: Self.now)
      Issue.record("\(text) was taken for \(time)")
    } catch {
      #expect(error.returnValue == value, "\(text): \(error)")
    }
  }

  @Test("a leap day is one in a leap year only, and every day of 400 years is one after the day before")
  func calendar() throws {
    func time(_ year: Int, _ month: Int, _ day: Int) -> Int64? {
      func digits(_ number: Int, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: width - text.count) + text
      }
      let text = "\(digits(year, 4))\(digits(month, 2))\(digits(day, 2))000000.000000+000"
      guard case .timestamp(let time)? = CIMDateTime(parsing: text) else { return nil }
      return time
    }
    #expect(time(1970, 1, 1) == 0)
    #expect(time(2000, 2, 29) != nil && time(1900, 2, 29) == nil && time(2024, 2, 29) != nil)
    var last = try #require(time(1899, 12, 31))
    for year in 1900..<2300 {
      for month in 1...12 {
        for day in 1...31 {
          guard let next = time(year, month, day) else {
            #expect(day > 28)
            continue
          }
          #expect(next - last == 24 * Self.hour, "\(year)-\(month)-\(day)")
          last = next
        }
      }
    }
    #expect(time(2300, 1, 1).map { $0 - last } == 24 * Self.hour)
  }
}
