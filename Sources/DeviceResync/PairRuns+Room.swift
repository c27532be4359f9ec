import SystemPackage

extension [PairRun] {
  /// The room that writing can take: what falls into the holes of images, and what replaces blocks that a clone shares
  /// (PITFALLS D8).
  ///
  /// - Parameter pairs: by what is permanent about them.
  func checkRoom(
    _ request: RunRequest, _ pairs: [RelationshipState.Pair], _ books: BookBox
  ) throws(ResyncError) {
    let known = try books.book.lookUp(pairs.map(\.recovery.identity)).relationships
    var room = RoomCheck()
    for (run, pair) in zip(self, pairs) {
      guard let growth = run.growth else { continue }
      let recovery = run.names[.recovery]
      let sharer = known.first { $0.keepsClones && $0.has(pair.recovery.identity, as: .recovery) }
      let isShared = request.recoveryPoint == .snapshot || sharer != nil
      let giveUp = sharer.map { ", or give up what is kept of it: \($0.discard)" } ?? ""
      try room.add(
        isShared ? run.result.totals.bytesDifferent : nil, to: growth, on: recovery,
        attempt: "apply the differences to",
        what: isShared ? "what replaces cloned blocks" : "what falls into holes",
        remedy: "make room there\(giveUp); then run again")
    }
  }
}

/// The room that is needed on each file system, of all recoveries that are about to be written.
struct RoomCheck {
  private var needed: [DeviceNumber: UInt64] = [:]

  /// Adds the need of one recovery.
  ///
  /// - Parameters:
  ///   - bytes: nil: what falls into its holes.
  ///   - what: names it, for people.
  /// - Throws: 32768 where there is no room for all so far.
  mutating func add(
    _ bytes: UInt64?, to growth: HoleGrowth, on recovery: String, attempt verb: String, what: String,
    remedy: String
  ) throws(ResyncError) {
    let (bytes, room) = try attempt("look for the room of", on: recovery, side: .recovery) {
      () throws(Errno) in
      if let bytes { return (bytes, try growth.room()) }
      return (try growth.bytes(), try growth.room())
    }
    let sum = (needed[room.fileSystem] ?? 0).saturatingAdd(bytes)
    needed[room.fileSystem] = sum
    guard bytes > 0, sum > room.available else { return }
    throw ResyncError(
      .kernel(.noSpace, .transfer), verb, on: recovery, side: .recovery,
      reason: "\(what) needs \(ByteCount(sum)), and its file system has \(ByteCount(room.available)), "
        + "5 % kept back; nothing was written", remedy: remedy)
  }
}

extension StagedRun {
  /// Step 3: there was no room for all that differs.
  ///
  /// - Parameter needed: bytes of a staging file that would hold it.
  func noRoom(_ runs: [PairRun], needed: UInt64, _ keeper: CheckpointKeeper) -> ResyncError {
    var remedy = ResyncError.largerPlace
    if keeper.knowsWhere, keeper.canContinue {
      remedy +=
        "; or write what is known to differ in place, where a stop leaves the recovery Inconsistent: "
        + CallContext.current.typedAgain(.resume, "--write-back", "in-place")
    }
    return .noRoom(
      "stage the differences in", directory.path.string,
      for: "the staging file \(request.recoveryPoint == .undo ? "and the undo file need" : "needs")", needed,
      remedy)
  }
}

extension ResyncError {
  static let largerPlace = "make room there, or name a larger place with --staging-dir"

  /// There is no room for what is put aside before anything is written.
  ///
  /// - Parameters:
  ///   - what: the files, and that they need so many bytes.
  ///   - needed: the exact sum.
  static func noRoom(
    _ verb: String, _ directory: String, for what: String, _ needed: UInt64, _ remedy: String = largerPlace
  ) -> ResyncError {
    ResyncError(
      .kernel(.noSpace, .transfer), verb, on: directory,
      reason: "\(what) \(needed) bytes (\(ByteCount(needed))); nothing was written", remedy: remedy)
  }
}

extension HoleGrowth {
  /// Of the image that is the recovery, or that lies behind its loop; nil where there is none.
  static func of(_ recovery: borrowing RecoveryDevice, _ planned: NamedDisk) -> HoleGrowth? {
    // Where its file cannot be had the room is not known: what happens then is ENOSPC.
    switch recovery.disk.image {
    case .some(let image):
      guard let file = try? image.duplicate() else { return nil }
      return HoleGrowth(file)
    case .none:
      guard let loop = planned.device?.loop, let backing = loop.backing,
        let file = planned.loopFiles.first(where: { $0.identity == backing })?.open()
      else { return nil }
      return HoleGrowth(file, start: loop.offset)
    }
  }
}
