extension Plan {
  /// The plan for people: who is read, who is WRITTEN, and every guard's verdict.
  ///
  /// - Parameter allVerdicts: whether guards that found nothing are listed too.
  public func text(allVerdicts: Bool) -> String {
    var lines = request.computerSystem.map { ["  system   \(PrintableText($0))"] } ?? []
    for (index, pair) in pairs.enumerated() {
      if pairs.count > 1 { lines.append("Disk pair \(index + 1) of \(pairs.count)") }
      lines.append("  read     \(pair.primary.title)")
      lines.append("  \(request.writes ? "WRITTEN " : "read    ") \(pair.recovery.title)")
      if pair.primary.size > 0 {
        lines.append(
          "  source   \(pair.sourceMode.rawValue), \(writing)\(pair.engine == .threads ? ", through threads" : "")"
        )
      }
      if pair.primary.size > 0 {
        lines.append("  state    \(pair.recoveryState?.title ?? "nothing is remembered of the recovery")")
      }
      if request.writes, let image = pair.recovery.image, image.isSparse {
        lines.append(
          "  room     \(ByteCount(image.fileSystem.available)) free on the file system of the recovery, a sparse image"
        )
      }
      if request.writes, pair.zero == .thin {
        lines.append("  zeros    punched out, where the recovery's device can: it stays thin")
      }
      lines += pair.guards.filter { allVerdicts || $0.verdict != .passed }.flatMap(Self.lines)
    }
    lines += pointLines
    lines.append("  note     \(notice)")
    return lines.joined(separator: "\n") + "\n"
  }

  /// What is kept to go back by, and what becomes of what was kept before.
  private var pointLines: [String] {
    guard request.writes else { return [] }
    var lines: [String] = []
    let goBack = CallContext.current.typed(.rollback, pairs[0].recovery.name.typed)
    switch request.recoveryPoint {
    case .undo: lines.append("  point    undo: the old bytes are kept, to go back with: \(goBack)")
    case .snapshot: lines.append("  point    snapshot: images are cloned, to go back with: \(goBack)")
    case nil: break
    }
    if let recoveryPoint {
      let end = request.recoveryPoint == nil ? "dropped" : "replaced"
      lines.append(
        request.recoveryPoint != nil && leadsOverStopped
          ? "  point    first the run that made the \(recoveryPoint.title) is gone back over: it was stopped"
          : "  point    the \(recoveryPoint.title) is \(end) as soon as something is written")
    }
    return lines
  }

  private var writing: String {
    guard request.writes else { return "nothing is written" }
    let reason = writeBackReason.map { " (\($0))" } ?? ""
    return (request.writeBack == .staged ? "staged, then committed together" : "written in place") + reason
  }

  private static func lines(_ verdict: GuardVerdict) -> [String] {
    let mark =
      switch verdict.verdict {
      case .passed: "ok      "
      case .refused: "REFUSED "
      case .unknown: "UNKNOWN "
      case .warning: "warning "
      }
    let value = verdict.isInTheWay ? " [\(verdict.returnValue.rawValue) \(verdict.returnValue.name)]" : ""
    var lines = ["  \(mark) \(verdict.name): \(verdict.reason)\(value)"]
    lines += verdict.evidence.map { "             \($0)" }
    if let remedy = verdict.remedy { lines.append("             -> \(remedy)") }
    return lines
  }
}

extension NamedDisk {
  /// Path, size, what it is, and its stable name.
  fileprivate var title: String {
    var parts = [PrintableText(name.typed).description]
    guard size > 0 else { return parts[0] }
    parts.append("\(ByteCount(size))")
    switch storage {
    case .device(let device):
      parts.append(device.loop.map { "loop over \(PrintableText($0.path))" } ?? device.kind.rawValue)
      if let model = device.model { parts.append(PrintableText(model).description) }
    case .image: parts.append("raw image")
    case .none: break
    }
    if let stableName = identity.stableName { parts.append(PrintableText(stableName).description) }
    return parts.joined(separator: ", ")
  }
}
