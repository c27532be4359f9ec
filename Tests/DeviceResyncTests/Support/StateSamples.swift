@testable import DeviceResync

// Values of the state layer, written out once.

extension Timestamp {
  /// So many seconds after 2023-11-14T22:13:20Z.
  static func sample(_ seconds: Int64 = 0) -> Timestamp {
    Timestamp(seconds: 1_700_000_000 + seconds) ?? .now()
  }
}

/// A disk that is known for good.
func sampleDisk(_ name: String, size: UInt64 = 1 << 30) -> RelationshipState.Disk {
  guard let identity = PersistentIdentity(parts: ["wwid-naa.\(name)", "size-\(size)"]) else {
    preconditionFailure("short enough")
  }
  return RelationshipState.Disk(identity: identity, path: "/dev/disk/by-id/wwn-\(name)", size: size)
}

/// `from` → `to`.
func samplePair(_ from: String, _ to: String) -> RelationshipState.Pair {
  RelationshipState.Pair(primary: sampleDisk(from), recovery: sampleDisk(to))
}

/// A run of a boot that is over.
func sampleRun(
  _ number: UInt128 = 1, _ writeBack: RunRequest.WriteBack = .staged, began: Int64 = 0
) -> RunRecord {
  RunRecord(
    id: UniqueID(number), writeBack: writeBack,
    staging: writeBack == .staged
      ? StagingPlace(path: "/var/lib/vmresync/staging/\(UniqueID(number))", fileSystem: "fs-1") : nil,
    boot: UniqueID(7), process: 4711, processStart: 12345, began: .sample(began))
}

func sampleSeal(of run: RunRecord) -> CommitSeal {
  CommitSeal(run: run.id, records: 3, segments: 1, bytes: 12288, hash: 0xfeed << 64 | 0xbeef)
}

/// What run 1 keeps in file 50, of so many pairs.
func samplePoint(
  _ before: Consistency.Settled = .consistent(at: .sample()), pairs: Int = 1, made: Int64 = 30
) -> RecoveryPoint {
  let id = UniqueID(50)
  let files = PlannedPoint(
    id: id, kind: .undo,
    places: [StagingPlace(path: "/var/lib/vmresync/staging/\(id)", fileSystem: "fs-1")])
  return RecoveryPoint(
    files, of: UniqueID(1),
    .undo(CommitSeal(run: id, records: 3, segments: 1, bytes: 12288, hash: 0xbeef)),
    before: before, disksBefore: Array(repeating: before, count: pairs), made: .sample(made))
}

func sampleCompleted(_ run: RunRecord, ended: Int64 = 60) -> CompletedRun {
  CompletedRun(
    id: run.id, began: run.began, ended: .sample(ended), bytesCompared: 1 << 30, bytesDifferent: 12288)
}

/// A relationship of one pair.
func sampleRelationship(
  _ number: UInt128 = 100, _ pairs: [RelationshipState.Pair] = [samplePair("a", "b")],
  _ consistency: Consistency = .settled(.consistent(at: .sample()))
) -> RelationshipState {
  RelationshipState(id: UniqueID(number), pairs: pairs, consistency: consistency, completed: [])
}

extension StateBook where Store: ~Copyable {
  /// A whole staged run that ends well.
  mutating func runStaged(
    _ run: RunRecord, on pairs: [RelationshipState.Pair], endingAt time: Int64
  ) throws {
    let hold = try begin(run, on: pairs)
    try commit(hold, sampleSeal(of: run))
    try finish(hold, .consistent(at: .sample(time)), completed: sampleCompleted(run, ended: time))
  }
}

/// A staged run that was stopped in the second half of its only pair.
func sampleStopped(boot: UniqueID = UniqueID(7)) -> RunRecord {
  var run = sampleRun()
  run.boot = boot
  run.checkpoint = Checkpoint(
    readsHoles: false,
    pairs: [
      Checkpoint.Pair(
        index: 0, offset: 600 << 20,
        primary: DiskEvidence(counts: .init(diskSequence: 3, written: 4096, writtenBeside: 0)),
        recovery: DiskEvidence(
          file: .init(
            identity: FileIdentity(device: DeviceNumber(major: 8, minor: 1), inode: 12), size: 1 << 30,
            changed: 1_700_000_000_123_456_789)))
    ],
    staged: Checkpoint.Staged(segments: 5, length: 3 << 20, hash: 0xfeed))
  return run
}
