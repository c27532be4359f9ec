import ArgumentParser
import DeviceResync
import ReplicationService

/// When a run starts, and whether it is waited for.
struct StartOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Start then, as a job: a CIM datetime, such as 20261124020000.000000+060, or a span, such as \
      00000000003000.000000:000. At most seven days ahead.
      """, valueName: "cim-datetime"))
  var startTime: String?

  @Option(
    help: ArgumentHelp(
      "The same for people, in local time: 02:00, \"2026-11-25 02:00\" or +30m.", valueName: "time"))
  var at: String?

  @Flag(help: "Start as a job of its own, and return as soon as all that can be checked has passed.")
  var background = false

  func validate() throws {
    guard [startTime != nil, at != nil, background].filter({ $0 }).count <= 1 else {
      throw ValidationError("--start-time, --at and --background say when; name one")
    }
  }

  func mode() throws(ResyncError) -> JobMode {
    let now = microsecondsSinceEpoch()
    if background { return .later(now) }
    if let at {
      let time = try Moment(parsing: at, now: now)
      // The method's own rules hold for it too.
      return Self.mode(try StartTime(parsing: time.cimDateTime, now: now))
    }
    return Self.mode(try StartTime(parsing: startTime ?? "", now: now))
  }

  private static func mode(_ start: StartTime) -> JobMode {
    switch start {
    case .now: .now
    case .at(let time): .later(time)
    }
  }
}
