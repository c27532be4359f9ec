import SystemPackage

/// Finishes what stopped runs have left on `paths`, or drops it where nothing was committed; idempotent.
///
/// Needs the recoveries only, not their primaries. Runs on the calling thread, which must be the only one that
/// touches the disks; who may hang on one calls it from a process that may hang.
public func repair(
  _ paths: [String], stateDirectory: String, engine: RunRequest.EngineChoice = .auto, control: RunControl,
  report: @escaping @Sendable (RunEvent) -> Void
) -> RunResult {
  do throws(ResyncError) {
    let engine = try Engine(engine, ringRefusal: ringRefusal())
    let done = try repair(paths, FilePath(stateDirectory), engine, control, report)
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
  _ paths: [String], _ directory: FilePath, _ engine: Engine, _ control: RunControl,
  _ report: @escaping @Sendable (RunEvent) -> Void
) throws(ResyncError) -> (notes: [String], movedBytes: Bool) {
  guard let store = try DirectoryStore.ifPresent(at: directory) else { return ([], false) }
  let names = paths.map(NamedPath.init(resolving:))
  let images = names.compactMap(\.status).filter { $0.kind == .regular }.map(\.identity)
  let host = try discoverHost(images: Set(images))
  var disks: [NamedDisk] = []
  for name in names {
    let disk = NamedDisk(.recovery, name, on: host)
    if let refusal = disk.refusal { throw refusal }
    guard disk.size > 0 else {
      throw ResyncError(
        .kernel(.noSuchFileOrDirectory, .open), "repair", on: name.typed,
        reason: "there is no block device or image of that name",
        remedy: "look for the disk with: vmresync devices")
    }
    disks.append(disk)
  }
  let reporter = RunReporter(sizes: disks.map(\.size), control: control, report: report)
  var unfinished = Unfinished(StateBook(store), engine, control, reporter)
  var paths: [PersistentIdentity: String] = [:]
  for disk in disks {
    paths[try PersistentIdentity(of: disk, on: host)] = disk.name.canonical?.string ?? disk.name.typed
  }
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
    }
  }
  try StagingDirectory(of: unfinished.book.store).sweep(unfinished.book)
  return (unfinished.notes, unfinished.movedBytes)
}
