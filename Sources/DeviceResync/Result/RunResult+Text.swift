extension RunResult {
  /// The result for people.
  public var text: String {
    var lines: [String] = []
    for (index, pair) in pairs.enumerated() where pair.engine != nil {
      if pairs.count > 1 { lines.append("Disk pair \(index + 1) of \(pairs.count)") }
      lines += pair.lines(isDryRun: isDryRun, writes: operation == .resync && !isDryRun)
    }
    if pairs.filter({ $0.engine != nil }).count > 1 {
      lines.append(
        "All pairs: "
          + totals.summary(isIdentical, isDryRun: isDryRun, writes: operation == .resync && !isDryRun))
    }
    if let engine { lines.append("bytes were moved through \(engine)") }
    if let jobRecord { lines.append("job \(jobRecord)") }
    lines.append("\(returnValue.rawValue) \(returnValue.name): \(message)")
    return lines.joined(separator: "\n") + "\n"
  }
}

extension PairResult {
  fileprivate func lines(isDryRun: Bool, writes: Bool) -> [String] {
    var lines = [
      "\(PrintableText(primary.path)) -> \(PrintableText(recovery.path)): "
        + totals.summary(isIdentical, isDryRun: isDryRun, writes: writes)
    ]
    lines.append(
      "  \(ByteCount(totals.bytesPerSecond))/s in \(seconds(totals.seconds)), \(engine ?? "no engine"), "
        + "source \(sourceMode.rawValue), \(pointInTime.text)")
    if writes, let recoveryState { lines.append("  the recovery is \(recoveryState.title)") }
    if writes, let recoveryPoint {
      lines.append(
        "  \(recoveryPoint.title), kept until \(recoveryPoint.expires): go back with: "
          + CallContext.current.typed(.rollback, recovery.path))
    }
    if backingDirectIO == false {
      lines.append("  an image is read through the page cache: its file system has no direct I/O")
    }
    lines += notes.map { "  note: \($0)" }
    lines += errors.map { "  error: \($0.message)" }
    if errorsOmitted > 0 { lines.append("  error: the same of \(errorsOmitted) more ranges") }
    return lines
  }
}

extension RunTotals {
  /// - Parameter isIdentical: nil where not every byte was looked at.
  fileprivate func summary(_ isIdentical: Bool?, isDryRun: Bool, writes: Bool) -> String {
    var parts = ["\(ByteCount(bytesCompared)) compared"]
    if bytesSkipped > 0 { parts.append("\(ByteCount(bytesSkipped)) skipped as holes") }
    if bytesUnread > 0 { parts.append("\(ByteCount(bytesUnread)) unread") }
    parts.append(
      bytesDifferent == 0
        ? isIdentical == true
          ? "identical"
          : isIdentical == false
            ? "none stayed different"
            : bytesUnread > 0 ? "no difference in what was read" : "no difference up to there"
        : "\(ByteCount(bytesDifferent)) different in \(differentRanges) range\(differentRanges == 1 ? "" : "s")"
    )
    if bytesMoving > 0 { parts.append("\(ByteCount(bytesMoving)) moving") }
    if isDryRun { parts.append("\(ByteCount(bytesToWrite)) to write") }
    if writes { parts.append("\(ByteCount(bytesWritten)) written") }
    if bytesZeroed > 0 { parts.append("\(ByteCount(bytesZeroed)) of it zeroed") }
    if bytesVerified > 0 { parts.append("\(ByteCount(bytesVerified)) read back") }
    return parts.joined(separator: ", ")
  }
}

extension PointInTime {
  fileprivate var text: String {
    switch self {
    case .yes: "a point in time"
    case .no: "no point in time"
    case .unproven: "a point in time that is not proven"
    }
  }
}

/// `0.8 s`, `3 s`, `42 s`, `3 min 5 s`, `2 h 7 min`.
public func seconds(_ value: Double) -> String {
  if value < 9.95, value != value.rounded() { return "\((value * 10).rounded() / 10) s" }
  let whole = UInt64(min(value.rounded(), 1e15))
  if whole < 60 { return "\(whole) s" }
  if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
  return "\(whole / 3600) h \(whole % 3600 / 60) min"
}
