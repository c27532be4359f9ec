import DeviceResync

extension StatusReport {
  /// All of it for people.
  public var text: String {
    var lines: [String] = []
    if entries.isEmpty { lines.append("no relationship is configured, and none is remembered") }
    for entry in entries {
      let status = entry.status
      let title = entry.name.map { "\(PrintableText($0))  " } ?? ""
      lines.append("\(title)\(PrintableText(entry.primary)) -> \(PrintableText(entry.recovery))")
      lines.append("  state    \(status.state.name), health \(status.health.name)")
      for issue in status.issues {
        let since = issue.since.map { " (\(Moment($0).localText))" } ?? ""
        lines.append(
          "  \(issue.health == .critical ? "cause  " : "warning")  \(PrintableText(issue.text))\(since)")
      }
      if let job = status.running {
        lines.append(
          "  job      \(job.id), \(job.state.name), \(PrintableText(job.status)), \(job.percentComplete) %")
      }
      if let job = status.scheduled, let time = job.scheduled {
        lines.append("  job      \(job.id) starts \(Moment(time).text(now: now))")
      }
      if let consistency = status.consistency { lines.append("  recovery \(consistency)") }
      if let equal = status.lastEqual {
        lines.append("  equal    \(Moment(equal).localText), \(Self.age(now - equal)) ago")
      }
      if let last = status.last, let value = last.returnValue {
        let ended = last.ended.map { ", \(Self.age(now - $0)) ago" } ?? ""
        lines.append("  last     \(value.rawValue) \(value.name)\(ended), job \(last.id)")
      }
      if let next = entry.next { lines.append("  next     \(next)") }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// `3 d 4 h`, and shorter ones as ``seconds(_:)`` says them.
  private static func age(_ microseconds: Int64) -> String {
    let whole = max(0, microseconds / 1_000_000)
    guard whole >= 2 * 86400 else { return seconds(Double(whole)) }
    return "\(whole / 86400) d \(whole % 86400 / 3600) h"
  }
}
