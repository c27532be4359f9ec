import SystemPackage

/// What a staged run has put aside, sealed: all of it is on stable storage, and was read back.
struct SealedStaging {
  let staging: ValidatedStaging
  /// What is kept to go back by; nil for nothing.
  let kept: KeptContent?
}

extension StagedRun {
  /// What is to be kept to go back by; nil for nothing.
  func plannedPoint(_ runs: [PairRun]) throws(ResyncError) -> PlannedPoint? {
    switch request.recoveryPoint {
    case .undo:
      let id = UniqueID.random()
      return PlannedPoint(id: id, kind: .undo, places: [try directory.place("\(id)")])
    case .snapshot: return try PlannedPoint.snapshot(of: runs.map(\.planned.recovery))
    case nil: return nil
    }
  }

  /// Makes the undo file, where one is to be kept.
  func beginUndo(
    _ runs: [PairRun], _ run: RunRecord, _ relationship: UniqueID
  ) throws(ResyncError) -> UndoFile<DiskQueue>? {
    guard let point = run.point, point.kind == .undo else { return nil }
    return UndoFile(
      try directory.begin(
        header(runs, point.id, relationship), "\(point.id)", stagingEngine(runs)))
  }

  /// Seals the undo file, and reads it back: nobody must find out later that there is no way back.
  func sealUndo(
    _ undo: UndoFile<DiskQueue>?, _ runs: [PairRun], _ run: RunRecord, _ relationship: UniqueID
  ) throws(ResyncError) -> KeptContent? {
    guard let undo, let point = run.point else { return nil }
    let seal = try undo.seal()
    _ = try directory.validate(
      "\(point.id)",
      StagingExpectation(header: header(runs, point.id, relationship), seal: seal),
      runs[0].planned.engine, control)
    return .undo(CommitSeal(point.id, seal))
  }

  /// The run commits nothing: there is nothing to go back over.
  func removeUndo(of run: RunRecord) throws(ResyncError) {
    guard let point = run.point, point.kind == .undo else { return }
    try directory.remove("\(point.id)")
  }
}

extension CommitSeal {
  /// What the state says of a sealed file.
  init(_ run: UniqueID, _ seal: StagingSeal) {
    self.init(
      run: run, records: seal.records, segments: seal.segments, bytes: seal.bytes, hash: seal.hash)
  }
}
