import SystemPackage

extension StagedRun {
  /// The room that applying can take: what falls into the holes of images, for each file system (PITFALLS D8).
  static func checkRoom(_ runs: [PairRun]) throws(ResyncError) {
    var needed: [DeviceNumber: UInt64] = [:]
    for run in runs {
      guard let growth = run.growth else { continue }
      // What shares its blocks with a clone needs new ones for all that is written.
      let isShared = run.request.recoveryPoint == .snapshot
      let (bytes, room) = try attempt("look for the room of", on: run.names[.recovery], side: .recovery) {
        () throws(Errno) in
        (isShared ? run.result.totals.bytesDifferent : try growth.bytes(), try growth.room())
      }
      let sum = (needed[room.fileSystem] ?? 0).saturatingAdd(bytes)
      needed[room.fileSystem] = sum
      guard bytes > 0, sum > room.available else { continue }
      throw ResyncError(
        .kernel(.noSpace, .transfer), "apply the differences to", on: run.names[.recovery], side: .recovery,
        reason: "what \(isShared ? "replaces cloned blocks" : "falls into holes") needs "
          + "\(ByteCount(sum)), and its file system has \(ByteCount(room.available)), 5 % kept back; nothing was written",
        remedy: "make room there, then run again")
    }
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
