import SystemPackage

/// The clones of all recoveries of a run.
struct Snapshots {
  private let clones: [ImageClone]

  /// Makes the files of `point`, and takes a first clone: what cannot be cloned is known before anything is compared.
  init?(_ point: PlannedPoint?, of runs: [PairRun]) throws(ResyncError) {
    guard let point, point.kind == .snapshot else { return nil }
    var clones: [ImageClone] = []
    for place in point.places { clones.append(try ImageClone(making: place)) }
    self.clones = clones
    _ = try take(runs.map(\.pair))
  }

  /// Takes what the recoveries hold now, durably.
  func take(_ pairs: [OpenedPair]) throws(ResyncError) -> KeptContent {
    var files: [DiskEvidence.File] = []
    for (clone, pair) in zip(clones, pairs) {
      try clone.take(pair.recovery)
      files.append(try clone.look())
    }
    return .snapshot(files)
  }
}

extension PlannedPoint {
  /// What a run of these pairs is to keep in clones of their recoveries.
  static func snapshot(of recoveries: [NamedDisk]) throws(ResyncError) -> PlannedPoint {
    let id = UniqueID.random()
    var places: [StagingPlace] = []
    for (index, recovery) in recoveries.enumerated() {
      places.append(try ImageClone.place(id, pair: index, of: recovery))
    }
    return PlannedPoint(id: id, kind: .snapshot, places: places)
  }

  /// What the recoveries hold after a run over which one can go back by clones: nil where that cannot be told, and of
  /// undo.
  func imagesNow(
    _ count: Int, _ look: (Int) throws(ResyncError) -> DiskEvidence.File?
  ) throws(ResyncError) -> [DiskEvidence.File]? {
    guard kind == .snapshot else { return nil }
    var images: [DiskEvidence.File] = []
    for index in 0..<count {
      guard let image = try look(index) else { return nil }
      images.append(image)
    }
    return images
  }
}

extension Unfinished {
  /// Goes back to clones: Inconsistent until all are given back, so that a stop is followed by the same again.
  ///
  /// - Parameters:
  ///   - isStrict: whether every image must be what the run has left.
  ///   - recoveries: claimed.
  mutating func giveBack(
    _ point: RecoveryPoint, isStrict: Bool, _ recoveries: borrowing ClaimedRecoveries,
    _ hold: consuming RelationshipHold
  ) throws(ResyncError) {
    do throws(ResyncError) {
      let clones = try checkClones(point, isStrict: isStrict, recoveries)
      // That takes its time; whoever asked for the end meanwhile wants no rollback.
      if control.isStopping {
        throw control.ending("go back", side: .recovery, "nothing was written")
      }
      reporter.begin(.committing)
      let run = try RunRecord.ours(.inPlace, staging: nil, id: point.files.id)
      try book.markGoingBack(hold, run, since: .now())
      reporter.beginForward(bytes: recoveries.all.reduce(0) { $0.saturatingAdd($1.planned.size) })
      reporter.begin(.applying)
      for (clone, recovery) in zip(clones, recoveries.all) { try clone.giveBack(to: recovery.device) }
      reporter.begin(.flushing)
      for recovery in recoveries.all {
        try DeviceResync.settle(
          recovery.device.disk, recovery.planned.related, .recovery, droppingCaches: true)
        try recovery.device.disk.checkUnchanged(.recovery)
      }
    } catch {
      control.goForward(false)
      hold.release()
      throw error
    }
    defer { control.goForward(false) }
    try book.finishRollback(hold)
    reporter.endForward()
  }

  /// The clones are what was taken, and every image is what the run has left: nothing is written before all of it is
  /// known.
  private borrowing func checkClones(
    _ point: RecoveryPoint, isStrict: Bool, _ recoveries: borrowing ClaimedRecoveries
  ) throws(ResyncError) -> [ImageClone] {
    guard let taken = point.clones else { preconditionFailure("a snapshot has clones") }
    reporter.begin(.settling)
    var clones: [ImageClone] = []
    for (index, recovery) in recoveries.all.enumerated() {
      reporter.begin(pair: index)
      clones.append(try ImageClone(taken[index], takenAt: point.files.places[index]))
      reporter.wait(for: [recovery.device.disk.number] + recovery.planned.related.map(\.number))
      try DeviceResync.settle(
        recovery.device.disk, recovery.planned.related, .recovery, droppingCaches: true)
      try recovery.device.holdStartGuard()
      guard isStrict else { continue }
      let now = try DiskEvidence.File.of(recovery.device)
      guard let left = point.images?[index], let now, now.isSame(as: left) else {
        throw ResyncError(
          .invalidState, "go back on", on: recovery.device.disk.identity.path, side: .recovery,
          reason: "its file was changed since the run, or that cannot be told; nothing was written",
          remedy: WayBackRemedy.text)
      }
    }
    return clones
  }
}
