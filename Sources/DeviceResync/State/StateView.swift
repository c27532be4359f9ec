import SystemPackage

/// What the state directory says of the disks of a call, at one moment; nothing was made or changed for it.
struct StateView: Sendable {
  /// The pairs by what is permanent about their disks; nil where one could not be told.
  var pairs: [RelationshipState.Pair]?
  /// What is remembered of them.
  var remembered = RememberedDisks()
  /// Relationships on which a run works now.
  var held: Set<UniqueID> = []
  /// Why nothing could be told.
  var fault: ResyncError?

  /// What must be done before a run may write, judged without a look at staging files.
  func decision() -> StartDecision {
    guard let pairs else { return .proceed }
    return StartFacts(
      purpose: .resync, pairs: pairs, relationships: remembered.relationships,
      unrecognizable: remembered.unrecognizable, disks: remembered.disks, held: held, staging: [:]
    ).decide()
  }

  /// A run in place of these pairs that was stopped.
  var stopped: RunRecord? {
    guard let pairs, case .settled(.inconsistent(let left))? = remembered.relationship(of: pairs)?.consistency
    else { return nil }
    return left.seal == nil ? left.run : nil
  }

  /// The last runs of these pairs that went through, the latest first.
  var completed: [CompletedRun] { pairs.flatMap(remembered.relationship)?.completed ?? [] }
}

extension StateView {
  /// Reads what the directory at `path` says of `disks`; where there is none nothing was ever remembered.
  init(of disks: [(primary: NamedDisk, recovery: NamedDisk)], on host: Host, in path: FilePath) {
    // What is wrong with a disk itself is other guards' to say.
    guard disks.allSatisfy({ $0.primary.size > 0 && $0.recovery.size > 0 }) else { return }
    do throws(ResyncError) {
      let pairs = try RelationshipState.Pair.pairs(of: disks, on: host)
      self.pairs = pairs
      guard let store = try DirectoryStore.ifPresent(at: path) else { return }
      let book = StateBook(store)
      remembered = try book.lookUp(Set(pairs.flatMap { [$0.primary.identity, $0.recovery.identity] }))
      held = try book.held(among: remembered.relationships)
    } catch {
      fault = error
    }
  }
}

extension RelationshipState.Pair {
  /// `disks` by what is permanent about them.
  static func pairs(
    of disks: [(primary: NamedDisk, recovery: NamedDisk)], on host: Host
  ) throws(ResyncError) -> [RelationshipState.Pair] {
    var pairs: [RelationshipState.Pair] = []
    for disk in disks {
      pairs.append(
        RelationshipState.Pair(
          primary: try RelationshipState.Disk(disk.primary, on: host),
          recovery: try RelationshipState.Disk(disk.recovery, on: host)))
    }
    return pairs
  }
}

extension RelationshipState.Disk {
  init(_ disk: NamedDisk, on host: Host) throws(ResyncError) {
    self.init(
      identity: try PersistentIdentity(of: disk, on: host),
      path: disk.name.canonical?.string ?? disk.name.typed,
      size: disk.size)
  }
}
