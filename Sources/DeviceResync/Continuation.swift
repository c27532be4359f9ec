import SystemPackage

/// A stopped run that may be gone on with, by what its record says; the proof is still to come.
struct Continued: Sendable {
  let relationship: RelationshipState
  let terms: ContinuationTerms
}

extension Plan {
  /// What the run wants, as far as a stopped one may be gone on with.
  var terms: ContinuationTerms? {
    get throws(ResyncError) {
      guard let writeBack = request.writeBack else { return nil }
      return ContinuationTerms(
        boot: try attempt("look at", on: "this host", .setUp) { () throws(Errno) in try bootID() },
        writeBack: writeBack, readsHoles: request.readsHoles,
        isFuzzy: pairs.contains { $0.sourceMode == .running }, readsBack: request.readsBack,
        recoveryPoint: request.recoveryPoint)
    }
  }
}

extension [PairRun] {
  /// Settles the disks that a stopped run had begun to read, and looks whether they are what it read.
  ///
  /// - Returns: which part of the proof failed, as a sentence without a full stop; nil where none did.
  mutating func prove(
    _ checkpoint: Checkpoint, _ pairs: [RelationshipState.Pair], _ reporter: RunReporter
  ) throws(ResyncError) -> String? {
    for former in checkpoint.pairs {
      let index = former.index
      reporter.begin(pair: index)
      // The witnesses first: what is written from then on they see, what was written before the evidence shows.
      self[index].witnesses = try self[index].prepare()
      let now = try self[index].evidence()
      for (side, seen) in [(Side.primary, now.primary), (.recovery, now.recovery)] {
        if let change = seen.change(since: former[side]) { return pairs[index].unproven(side, change) }
      }
    }
    return nil
  }
}

extension PairRun {
  /// What shows later whether somebody has written to the disks since; they are settled.
  func evidence() throws(ResyncError) -> (primary: DiskEvidence, recovery: DiskEvidence) {
    (
      try DiskEvidence(of: pair.primary.disk, planned.primary, .primary),
      try DiskEvidence(of: pair.recovery.disk, planned.recovery, .recovery)
    )
  }

  /// The same, which shows nothing of a disk that somebody else has open for writing by now: a write that goes on since
  /// before the look leaves the times as they are when it lands.
  func evidenceWithoutWriters() throws(ResyncError) -> (primary: DiskEvidence, recovery: DiskEvidence) {
    let seen = try evidence()
    let files = planned.primary.files.union(planned.recovery.files)
    let found = try attempt("look for users of", on: names[.recovery], .transfer) { () throws(Errno) in
      try discoverOpeners(of: files)
    }
    func unlessWritten(_ disk: NamedDisk, _ seen: DiskEvidence) -> DiskEvidence {
      let writer = disk.writers(among: found.openers, except: ownProcess()).first
      return writer.map { .none("\($0.description) had it open for writing") } ?? seen
    }
    return (unlessWritten(planned.primary, seen.primary), unlessWritten(planned.recovery, seen.recovery))
  }
}

extension RunRecord {
  /// Says why the run that starts begins anew.
  func notContinued(_ obstacle: String) -> String {
    "the run of \(began) is not gone on with, it starts at 0: \(obstacle)"
  }
}

extension ResyncError {
  /// Whether a request, a signal or the end of its time ended the run.
  var isStop: Bool { cause == .terminated || cause == .timedOut }

  /// Somebody was faster.
  static func recordChanged(_ stopped: RelationshipState) -> ResyncError {
    ResyncError(
      .inUse, "go on with the run on", on: stopped.recoveryNames,
      reason: "another run has just changed its record", remedy: "run again")
  }
}

extension Checkpoint {
  /// What a person may do next, for pairs of these sizes.
  func onward(_ sizes: (Int) -> UInt64) -> String {
    let sums = pairs.reduce(into: (done: UInt64(0), size: UInt64(0))) { sums, pair in
      sums.done = sums.done.saturatingAdd(pair.offset)
      sums.size = sums.size.saturatingAdd(sizes(pair.index))
    }
    return
      "the same command goes on at \(ByteCount(sums.done)) of \(ByteCount(sums.size)), if nobody writes to the "
      + "disks until then"
  }
}
