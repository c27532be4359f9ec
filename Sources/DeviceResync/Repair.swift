import SystemPackage

/// Finishes what stopped runs have left on `paths`, or drops it where nothing was committed; idempotent.
///
/// Needs the recoveries only, not their primaries. It touches devices; who may hang on one calls it from a process
/// that may hang.
///
/// - Parameter report: is called on two threads, never at the same moment.
public func repair(
  _ request: RepairRequest, control: RunControl, report: @escaping @Sendable (RunEvent) -> Void
) -> RunResult {
  let reporter = RunReporter(sizes: [], control: control, report: report)
  return ticking(reporter, for: nil) { repair(request, control, reporter) }
}

private func repair(_ request: RepairRequest, _ control: RunControl, _ reporter: RunReporter) -> RunResult {
  do throws(ResyncError) {
    let engine = try Engine(request.engine, ringRefusal: ringRefusal())
    let done = try repair(
      request.paths, FilePath(request.stateDirectory), engine, parallel: request.parallel, control, reporter)
    var result = RunResult(
      nil, .completed,
      done.notes.isEmpty ? "nothing was left unfinished" : done.notes.joined(separator: "; "),
      [])
    if done.movedBytes { result.engine = engine.rawValue }
    return result
  } catch {
    var result = RunResult(nil, refusedBy: error)
    result.wasTerminated = error.cause == .terminated
    return result
  }
}

private func repair(
  _ paths: [String], _ directory: FilePath, _ engine: Engine, parallel: Int, _ control: RunControl,
  _ reporter: RunReporter
) throws(ResyncError) -> (notes: [String], movedBytes: Bool) {
  reporter.begin(.planning)
  guard let store = try DirectoryStore.ifPresent(at: directory) else { return ([], false) }
  let disks = try namedRecoveries(paths, to: "repair")
  reporter.take(sizes: disks.map(\.disk.size))
  var unfinished = Unfinished(StateBook(store), engine, parallel: parallel, control, reporter)
  var paths: [PersistentIdentity: String] = [:]
  for (disk, identity) in disks { paths[identity] = disk.name.canonical?.string ?? disk.name.typed }
  for identity in paths.keys.sorted(by: { $0.text < $1.text }) {
    let found = try unfinished.book.lookUp([identity])
    for relationship in found.relationships where relationship.has(identity, as: .recovery) {
      let pairs = relationship.pairs.map { pair in
        var pair = pair
        // Each by the name that it has now, where that was said.
        if let path = paths[pair.recovery.identity] { pair.recovery.path = path }
        return pair
      }
      try unfinished.settle(pairs, for: .repair)
      try unfinished.goBackAgain(relationship.id, pairs)
    }
  }
  for (identity, path) in paths.sorted(by: { $0.key.text < $1.key.text }) {
    try checkUsable(identity, path, unfinished.book)
  }
  reporter.begin(.closing)
  try StagingDirectory(of: unfinished.book.store).sweep(unfinished.book)
  return (unfinished.notes, unfinished.movedBytes)
}

/// The recoveries that were named, by what is permanent about them.
func namedRecoveries(
  _ paths: [String], to attempt: String
) throws(ResyncError) -> [(disk: NamedDisk, identity: PersistentIdentity)] {
  let names = paths.map(NamedPath.init(resolving:))
  let images = names.compactMap(\.status).filter { $0.kind == .regular }.map(\.identity)
  let host = try discoverHost(images: Set(images))
  var disks: [(disk: NamedDisk, identity: PersistentIdentity)] = []
  for name in names {
    let disk = NamedDisk(.recovery, name, on: host)
    if let refusal = disk.refusal { throw refusal }
    guard disk.size > 0 else {
      throw ResyncError(
        .kernel(.noSuchFileOrDirectory, .open), attempt, on: name.typed,
        reason: "there is no block device or image of that name",
        remedy: "look for the disk with: \(CallContext.current.typed(.devices))")
    }
    disks.append((disk, try PersistentIdentity(of: disk, on: host)))
  }
  return disks
}

/// What a run in place left, or nobody can finish, is not repaired: only a run from the primary heals it.
private func checkUsable(
  _ identity: PersistentIdentity, _ path: String, _ book: borrowing StateBook<DirectoryStore>
) throws(ResyncError) {
  let found = try book.lookUp([identity])
  guard case .settled(.inconsistent(let left))? = found.state(of: identity) else { return }
  let back = found.relationships.first { one in
    one.has(identity, as: .recovery) && one.recoveryPoint?.run == left.run.id
  }
  let primary = found.relationships.flatMap(\.pairs).first { $0.recovery.identity == identity }?.primary.path
  throw ResyncError(
    .invalidState, "repair", on: path, side: .recovery,
    reason: "it is Inconsistent since \(left.since), and there is no commit that could be finished",
    remedy: "resynchronize it from its primary, to the end: "
      + CallContext.current.typed(.resync, on: .pairs([.init(primary: primary ?? "PATH", recovery: path)]))
      + (back.map { "; or go back to what it held before that run: \($0.rollback)" } ?? ""))
}
