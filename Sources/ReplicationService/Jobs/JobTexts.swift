import DeviceResync

extension Job {
  /// A line for each of `jobs`, under a head line.
  public static func table(_ jobs: [Job], now: Int64) -> String {
    guard !jobs.isEmpty else { return "no job is known\n" }
    var rows = [["JOB", "STATE", "%", "SYSTEM", "STARTED", "ELAPSED", "RESULT"]]
    for job in jobs {
      rows.append([
        String("\(job.id)".prefix(8)), job.state.name, "\(job.percentComplete)",
        "\(PrintableText(job.computerSystem ?? job.disks.first?.recovery ?? ""))",
        job.started.map { Moment($0).localText } ?? job.scheduled.map { "at \(Moment($0).localText)" } ?? "",
        job.started == nil ? "" : seconds(Double(job.elapsed(now: now)) / 1_000_000),
        job.returnValue.map { "\($0.rawValue) \($0.name)" } ?? job.status,
      ])
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = zip(row, widths).map { text, width in
        text + String(repeating: " ", count: width - text.count)
      }
      return cells.joined(separator: "  ").trimmingEnd() + "\n"
    }.joined()
  }

  /// All of it, a line for each property.
  public func text(now: Int64) -> String {
    func time(_ microseconds: Int64?) -> String? { microseconds.map { Moment($0).text(now: now) } }
    let lines: [(String, String?)] = [
      ("InstanceID", "\(id)"), ("Name", "\(PrintableText(name))"),
      ("JobType", "\(type.rawValue) \(type.name)"),
      ("JobState", "\(state.rawValue) \(state.name)"), ("JobStatus", "\(PrintableText(status))"),
      ("PercentComplete", "\(percentComplete)"),
      ("ComputerSystem", computerSystem.map { "\(PrintableText($0))" }),
      ("Relationship", relationship.map { "\(PrintableText($0))" }), ("Owner", "\(PrintableText(owner))"),
      ("TimeSubmitted", time(submitted)), ("ScheduledStartTime", time(scheduled)),
      ("StartTime", time(started)),
      ("ElapsedTime", started == nil ? nil : seconds(Double(elapsed(now: now)) / 1_000_000)),
      ("TimeOfLastStateChange", time(lastStateChange)),
      ("Cancellable", state.isFinished ? nil : isCancellable ? "yes" : "no"),
      ("Process", process.map { "\($0.id)" }),
      ("ReturnValue", returnValue.map { "\($0.rawValue) \($0.name)" }),
      ("Description", note.map { "\(PrintableText($0))" }),
      ("ErrorDescription", errorDescription.map { "\(PrintableText($0))" }),
    ]
    let disks = disks.map {
      ("AffectedElement", "\(PrintableText($0.primary)) -> \(PrintableText($0.recovery))")
    }
    return (lines.compactMap { key, value in value.map { (key, $0) } } + disks).map { key, value in
      key + String(repeating: " ", count: max(1, 24 - key.count)) + value + "\n"
    }.joined()
  }

  /// As one JSON object.
  public func json(now: Int64) -> String { jsonText(JobObject(job: self, now: now)) }

  /// Several as one JSON object.
  public static func json(_ jobs: [Job], now: Int64) -> String {
    jsonText(JobsObject(jobs: jobs.map { JobObject(job: $0, now: now) }))
  }
}

private struct JobsObject: Encodable {
  let formatVersion = RecordFormat.version
  let jobs: [JobObject]

  enum CodingKeys: String, CodingKey {
    case formatVersion = "FormatVersion"
    case jobs = "Jobs"
  }
}

extension String {
  fileprivate func trimmingEnd() -> String {
    var text = self[...]
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
