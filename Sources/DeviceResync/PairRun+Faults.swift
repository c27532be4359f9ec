import SystemPackage

// What cannot be read: what becomes of it, and what is said of it.

extension PairRun {
  /// An unreadable recovery counts as different where it is going to be written (PITFALLS D3); all else ends the run,
  /// or is recorded.
  var faultRules: ReadFaultRules {
    let recorded: Unreadable = request.onReadError == .record ? .left : .ends
    let pair = pair
    return ReadFaultRules(primary: recorded, recovery: request.operation == .resync ? .differs : recorded) {
      (side) throws(ResyncError) in
      switch side {
      case .primary: try pair.primary.disk.checkUnchanged(side)
      case .recovery: try pair.recovery.disk.checkUnchanged(side)
      }
    }
  }

  /// Adds what a comparison could not read.
  mutating func addFaults(_ totals: CompareTotals) {
    result.totals.bytesUnread += totals.bytesUnread
    unread += totals.unread
    rewritten += totals.rewritten
    readsRepeated += totals.readsRepeated
  }

  /// The bytes of an image's tail; nil where they cannot be read and that does not end the run.
  mutating func readTail(_ side: Side, _ tail: ByteRange) throws(ResyncError) -> [UInt8]? {
    do throws(ResyncError) {
      return try tailBytes(side, tail)
    } catch {
      let rule = faultRules[side]
      guard let errno = error.errno, errno.isUnreadable, rule != .ends else { throw error }
      let fault = ReadFault(side: side, range: tail, errno: errno)
      if rule == .differs { rewritten.add(fault) } else { unread.add(fault) }
      return nil
    }
  }

  /// Puts what could not be read into the result: as errors what was left out, as notes what counts as different.
  mutating func reportFaults() {
    if !unread.isEmpty {
      if result.errors.isEmpty { result.summary = unreadSummary }
      if result.returnValue == .completed { result.returnValue = .failed }
      result.errors += unread.list.map { ErrorReport(Self.error($0, names)) }
      result.errorsOmitted += unread.omitted
    }
    for fault in rewritten.list.prefix(Self.mostNotes) {
      result.notes.append("\(Self.error(fault, names)); it counts as different there")
    }
    if rewritten.count > UInt64(Self.mostNotes) {
      result.notes.append("the same of \(rewritten.count - UInt64(Self.mostNotes)) more ranges")
    }
    // Beside bytes that cannot be read others fail too, for the kernel merges requests.
    if readsRepeated > 0, unread.isEmpty, rewritten.isEmpty {
      result.notes.append(
        "\(readsRepeated) reads failed, and went through in smaller pieces; see the kernel's log: dmesg"
      )
    }
  }

  /// Most ranges that are said one by one of a recovery that could not be read.
  private static let mostNotes = 32

  private static func error(_ fault: ReadFault, _ names: SideNames) -> ResyncError {
    ResyncError(
      .kernel(fault.errno, .transfer), "read", on: names[fault.side], side: fault.side, range: fault.range,
      remedy: "see the kernel's log: dmesg")
  }

  private var unreadSummary: String {
    let sum = "\(ByteCount(result.totals.bytesUnread)) in blocks that could not be read were left out"
    return request.writes
      ? "\(sum): the recovery keeps what it held there" : "\(sum): nobody knows whether they differ"
  }
}

extension [PairRun] {
  /// What could not be read is not committed around: the old replicas stand (PITFALLS G11).
  ///
  /// - Parameter verb: what is not done then.
  func refuseUnread(_ verb: String) throws(ResyncError) {
    guard let run = first(where: { !$0.unread.isEmpty }), let first = run.unread.list.first
    else { return }
    let unread = reduce(UInt64(0)) { $0.saturatingAdd($1.result.totals.bytesUnread) }
    throw ResyncError(
      .kernel(first.errno, .transfer), verb, on: run.names[.recovery], side: .recovery,
      reason: "\(ByteCount(unread)) in blocks that could not be read were left out; nothing was written",
      remedy: "mend the disk, or write around them with: --write-back in-place --on-read-error record"
        + (run.request.recoveryPoint == .undo ? ", and no --recovery-point" : ""))
  }
}
