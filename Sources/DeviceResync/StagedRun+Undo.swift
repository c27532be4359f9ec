import SystemPackage

/// What a staged run has put aside, sealed: all of it is on stable storage, and was read back.
struct SealedStaging {
  let staging: ValidatedStaging
  /// What is kept to go back by; nil for nothing.
  let kept: KeptContent?
}

/// An undo file that is sealed: all of it is on stable storage, and was read back.
struct SealedUndo {
  let staging: ValidatedStaging
  let seal: CommitSeal
}

extension StagedRun {
  /// What is to be kept to go back by; nil for nothing.
  func plannedPoint(_ runs: [PairRun]) throws(ResyncError) -> PlannedPoint? {
    switch request.recoveryPoint {
    case .undo: return try directory.plannedUndo()
    case .snapshot: return try PlannedPoint.snapshot(of: runs.map(\.planned.recovery))
    case nil: return nil
    }
  }
}

extension StagingDirectory {
  /// An undo file that is to lie here.
  func plannedUndo() throws(ResyncError) -> PlannedPoint {
    let id = UniqueID.random()
    return PlannedPoint(id: id, kind: .undo, places: [try place("\(id)")])
  }

  /// Makes the undo file, where one is to be kept.
  func beginUndo(
    _ point: PlannedPoint?, _ runs: [PairRun], _ pairs: [RelationshipState.Pair], _ relationship: UniqueID,
    _ lanes: [[Int]]
  ) throws(ResyncError) -> UndoFile<DiskQueue>? {
    guard let point, point.kind == .undo else { return nil }
    return UndoFile(
      try begin(
        StagingHeader(runs, pairs, point.id, relationship), "\(point.id)", runs.stagingEngine(lanes)))
  }

  /// Seals the undo file, and reads it back: nobody must find out later that there is no way back.
  func seal(
    _ undo: UndoFile<DiskQueue>, _ point: PlannedPoint, _ runs: [PairRun], _ pairs: [RelationshipState.Pair],
    _ relationship: UniqueID, _ control: RunControl
  ) throws(ResyncError) -> SealedUndo {
    let seal = try undo.seal()
    let header = StagingHeader(runs, pairs, point.id, relationship)
    return SealedUndo(
      staging: try validate(
        "\(point.id)", StagingExpectation(header: header, seal: seal), runs[0].planned.engine, control),
      seal: CommitSeal(point.id, seal))
  }

  /// The run commits nothing: there is nothing to go back over.
  func removeUndo(of run: RunRecord) throws(ResyncError) {
    guard let point = run.point, point.kind == .undo else { return }
    try remove("\(point.id)")
  }
}

extension CommitSeal {
  /// What the state says of a sealed file.
  init(_ run: UniqueID, _ seal: StagingSeal) {
    self.init(
      run: run, records: seal.records, segments: seal.segments, bytes: seal.bytes, hash: seal.hash)
  }
}
